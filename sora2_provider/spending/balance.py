"""Refuses to submit when the gateway's balance is below what a connection wants to keep."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sora2_provider.compat import AirflowException, AirflowFailException
from sora2_provider.exceptions import BalanceTooLow, InvalidParameter, as_sentence
from sora2_provider.gateway.errors import GatewayError
from sora2_provider.spending.limits import MIN_BALANCE, LeastBalance

if TYPE_CHECKING:
    from sora2_provider.gateway.client import Sora2Client
    from sora2_provider.gateway.models import Balance

#: Seconds for which a process believes a balance before it asks again.
_BELIEVED = 30.0
_NOTHING_SENT = "Nothing was sent, and nothing was paid."
_HOW_TO_LIFT = f"To submit without this check, take {MIN_BALANCE} out of the connection's extra and of [sora2]."

_known: dict[tuple[str, str, str], tuple[float, Balance]] = {}


def ensure_balance(conn_id: str, least: LeastBalance | None, client: Sora2Client, *, log: Any) -> None:
    """Let a create pass only where the account has enough left. A balance that cannot be read lets none pass.

    :raises BalanceTooLow: it has not.
    :raises InvalidParameter: the two cannot be compared.
    :raises AirflowException: the balance could not be read; a retry may.
    :raises AirflowFailException: the gateway tells none to this key.
    """
    if least is None:
        return
    balance = _balance(conn_id, client)
    if balance.unlimited:
        log.warning(
            "The gateway calls the key of connection %r unlimited and names no balance, so min_balance=%s holds back nothing.",
            conn_id,
            _money(least.amount, least.unit),
        )
        return
    if balance.remaining is None:
        raise AirflowFailException(
            f"The gateway does not say what the account of connection {conn_id!r} has left, and the connection keeps "
            f"{_money(least.amount, least.unit)} back. {_NOTHING_SENT} {_HOW_TO_LIFT}"
        )
    if balance.unit != least.unit:
        wanted = "'2500000 quota'" if balance.unit == "quota" else "'5'"
        raise InvalidParameter(
            f"Connection {conn_id!r}: min_balance is {_money(least.amount, least.unit)}, but this gateway tells its balance "
            f"as {_money(balance.remaining, balance.unit)}. Write min_balance in what the gateway counts in, such as "
            f"{wanted}. {_NOTHING_SENT}"
        )
    if balance.remaining < least.amount:
        raise BalanceTooLow(
            f"The account of connection {conn_id!r} has {_money(balance.remaining, balance.unit)} left, and the connection "
            f"keeps {_money(least.amount, least.unit)} back (min_balance). {_NOTHING_SENT} Top the account up, or lower "
            "min_balance in the connection's extra or in [sora2], then clear the task."
        )


def _balance(conn_id: str, client: Sora2Client) -> Balance:
    key = (conn_id, client.settings.base_url, client.settings.api_key)
    asked_at, balance = _known.get(key, (0.0, None))
    if balance is not None and 0 <= time.time() - asked_at < _BELIEVED:
        return balance
    try:
        balance = client.get_balance()
    except GatewayError as error:
        said = (
            f"The balance of connection {conn_id!r} cannot be read: {as_sentence(str(error))} The connection has a "
            f"min_balance, so nothing was sent, and nothing was paid."
        )
        if error.transient:
            raise AirflowException(f"{said} Airflow's retries may try again. {_HOW_TO_LIFT}") from error
        raise AirflowFailException(f"{said} {error.remedy} {_HOW_TO_LIFT}") from error
    _known[key] = (time.time(), balance)
    return balance


def _money(amount: float, unit: str) -> str:
    return f"{amount:,.2f} USD" if unit == "usd" else f"{amount:,.0f} quota"
