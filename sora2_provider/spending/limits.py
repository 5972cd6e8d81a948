"""What a connection may spend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

#: A cap above this would never be reached.
LARGEST_CAP = 1_000_000


class MinimumBalance(NamedTuple):
    """The balance below which nothing is submitted.

    :param unit: ``usd``, or ``quota`` for a gateway that counts in points of its own.
    """

    amount: float
    unit: str = "usd"

    def __str__(self) -> str:
        return money(self.amount, self.unit)


@dataclass(frozen=True)
class SpendingLimits:
    """What a connection may spend; ``None`` is no limit. Hours and days are those of UTC."""

    max_creates_per_hour: int | None = None
    max_creates_per_day: int | None = None
    min_balance: MinimumBalance | None = None


def money(amount: float, unit: str) -> str:
    return f"{amount:,.2f} USD" if unit == "usd" else f"{amount:,.0f} quota"
