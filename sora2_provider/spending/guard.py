"""What must allow each create of a connection: its minimum balance and its caps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sora2_provider.spending.balance import ensure_minimum_balance
from sora2_provider.spending.caps import Reservation, reserve_create
from sora2_provider.spending.limits import SpendingLimits

if TYPE_CHECKING:
    from sora2_provider.gateway.client import Sora2Client


class SpendingGuard:
    """Lets a create pass within what its connection may spend. Asking costs nothing.

    :param client: tells the account's balance.
    :param retry_waits: whether Airflow's next retry will wait for as long as a cap makes it.
    """

    def __init__(
        self, conn_id: str, limits: SpendingLimits, client: Sora2Client, *, retry_waits: bool = False, log: Any
    ) -> None:
        self._conn_id = conn_id
        self._limits = limits
        self._client = client
        self._retry_waits = retry_waits
        self._log = log

    def reserve(self) -> Reservation:
        """Reserve one create.

        :returns: to be released where nothing was accepted.
        :raises CapReached: a cap is reached; a later retry may submit.
        :raises BalanceTooLow: the balance is below ``min_balance``.
        :raises InvalidParameter: there is no folder to count in, or the balance is in another unit; says what to write where.
        :raises Sora2Error: the count or the balance could not be read.
        """
        ensure_minimum_balance(self._conn_id, self._limits.min_balance, self._client, log=self._log)
        return reserve_create(self._conn_id, self._limits, retry_waits=self._retry_waits, log=self._log)
