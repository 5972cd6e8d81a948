"""Refuses creates while the account of a connection has less than its minimum balance."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sora2_provider.exceptions import BalanceTooLow, Fate, FinalError, InvalidParameter, Sora2Error
from sora2_provider.gateway.errors import GatewayError
from sora2_provider.spending.limits import MinimumBalance, money

if TYPE_CHECKING:
    from sora2_provider.gateway.client import Sora2Client
    from sora2_provider.gateway.models import Balance

#: Seconds for which a process uses a balance again before it asks for a new one.
_CACHED_FOR = 30.0
_HOW_TO_LIFT = "To submit without this check, remove min_balance from the connection's extra and from [sora2]."

_cache: dict[tuple[str, str], tuple[float, Balance]] = {}


def ensure_minimum_balance(conn_id: str, minimum: MinimumBalance | None, client: Sora2Client, *, log: Any) -> None:
    """Raise unless the account has the minimum balance, or there is no minimum. A balance that cannot be read raises, too.

    :raises BalanceTooLow: the balance is below the minimum.
    :raises InvalidParameter: the minimum is in another unit than the balance.
    :raises FinalError: the gateway shows this key no balance.
    :raises Sora2Error: the balance could not be read; a retry may succeed.
    """
    if minimum is None:
        return
    balance = _balance(conn_id, client)
    if balance.unlimited:
        log.warning(
            "The gateway calls the key of connection %r unlimited and shows no balance, so min_balance=%s has no effect.",
            conn_id,
            minimum,
        )
        return
    if balance.remaining is None:
        problem = f"The gateway does not show the balance of connection {conn_id!r}, whose min_balance is {minimum}"
        raise FinalError(problem, Fate.NOTHING_SENT, _HOW_TO_LIFT)
    left = money(balance.remaining, balance.unit)
    if balance.unit != minimum.unit:
        example = "'2500000 quota'" if balance.unit == "quota" else "'5'"
        raise InvalidParameter(
            f"Connection {conn_id!r}: min_balance is {minimum}, but this gateway shows its balance as {left}",
            Fate.NOTHING_SENT,
            f"Write min_balance in the gateway's unit, such as {example}.",
        )
    if balance.remaining < minimum.amount:
        raise BalanceTooLow(
            f"The account of connection {conn_id!r} has {left} left, and its min_balance is {minimum}",
            Fate.NOTHING_SENT,
            "Top up the account, or lower min_balance in the connection's extra or in [sora2], then clear the task.",
        )


def _balance(conn_id: str, client: Sora2Client) -> Balance:
    key = (conn_id, client.settings.account)
    cached = _cache.get(key)
    if cached is not None and 0 <= time.time() - cached[0] < _CACHED_FOR:
        return cached[1]
    try:
        balance = client.get_balance()
    except GatewayError as error:
        problem = f"The balance of connection {conn_id!r}, which has a min_balance, cannot be read: {error}"
        if error.transient:
            to_do = f"{error.to_do} Airflow's retries may try again. {_HOW_TO_LIFT}".lstrip()
            raise Sora2Error(problem, Fate.NOTHING_SENT, to_do) from error
        raise FinalError(problem, Fate.NOTHING_SENT, f"{error.remedy} {_HOW_TO_LIFT}") from error
    _cache[key] = (time.time(), balance)
    return balance
