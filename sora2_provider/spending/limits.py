"""What a connection may spend: read from its extra, and where that says nothing, from Airflow's configuration."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

#: A cap above this caps nothing.
LARGEST_CAP = 1_000_000
#: The names under which a limit stands in the extra and in ``[sora2]``.
PER_HOUR, PER_DAY, MIN_BALANCE = "max_creates_per_hour", "max_creates_per_day", "min_balance"
LIMITS = (PER_HOUR, PER_DAY, MIN_BALANCE)
#: How a gateway may count money, by what people write after the number.
_UNITS = {"": "usd", "usd": "usd", "$": "usd", "quota": "quota"}


class LeastBalance(NamedTuple):
    """The balance below which nothing is submitted.

    :param unit: ``usd``, or ``quota`` for a gateway that counts in points of its own.
    """

    amount: float
    unit: str = "usd"


@dataclass(frozen=True)
class SpendingLimits:
    """What a connection may spend; ``None`` is no limit. The hours and days are those of UTC."""

    max_creates_per_hour: int | None = None
    max_creates_per_day: int | None = None
    min_balance: LeastBalance | None = None


def limits_of(conn_id: str, extra: Mapping[str, Any], option: Callable[[str], str]) -> SpendingLimits:
    """Return the checked limits.

    :param extra: the connection's.
    :param option: gives an option of ``[sora2]`` by its name, ``""`` where it is not set.
    :raises ValueError: says which value cannot be used, where it stands, and what to write there.
    """

    def read(name: str, reader: Callable[[str], Any]) -> Any:
        in_extra = str(extra.get(name) if extra.get(name) is not None else "").strip()
        given, place = (in_extra, f"Connection {conn_id!r}: extra") if in_extra else (option(name).strip(), "[sora2]")
        try:
            return reader(given) if given else None
        except ValueError as error:
            raise ValueError(f"{place}: {name}={given!r}: {error}") from None

    return SpendingLimits(read(PER_HOUR, _cap), read(PER_DAY, _cap), read(MIN_BALANCE, _least_balance))


def _cap(text: str) -> int:
    # A form may have made 400.0 of it.
    number = _number(text)
    if number != int(number) or not 1 <= number <= LARGEST_CAP:
        raise ValueError(f"it must be a whole number from 1 to {LARGEST_CAP}; leave it empty for no cap.")
    return int(number)


def _least_balance(text: str) -> LeastBalance:
    amount, _, unit = text.partition(" ")
    if text.startswith("$"):
        amount, unit = text[1:], ""
    known = _UNITS.get(unit.strip().lower())
    if known is None or (number := _number(amount)) <= 0:
        raise ValueError(
            "it must be a number above 0, in USD, or with the word quota after it ('2500000 quota') where the gateway "
            "counts in points of its own; leave it empty for no limit."
        )
    return LeastBalance(number, known)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return number if math.isfinite(number) else 0.0
