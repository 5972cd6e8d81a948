"""What must allow each create of a connection: its minimum balance and its caps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sora2_provider.spending.balance import ensure_minimum_balance
from sora2_provider.spending.caps import Reservation, reserve_create
from sora2_provider.spending.limits import SpendingLimits

if TYPE_CHECKING:
    from sora2_provider.gateway.client import Sora2Client


@dataclass(frozen=True)
class SpendingGuard:
    """Lets a create pass within what its connection may spend. Asking costs nothing.

    :param client: tells the account's balance.
    :param retry_waits: whether Airflow's next retry will wait for as long as a cap makes it.
    """

    conn_id: str
    limits: SpendingLimits
    client: Sora2Client
    retry_waits: bool = field(default=False, kw_only=True)
    log: Any = field(kw_only=True)

    def reserve(self) -> Reservation:
        """Reserve one create.

        :returns: to be released where nothing was accepted.
        :raises CapReached: a cap is reached; a later retry may submit.
        :raises BalanceTooLow: the balance is below ``min_balance``.
        :raises InvalidParameter: there is no folder to count in, or the balance is in another unit; says what to write where.
        :raises Sora2Error: the count or the balance could not be read.
        """
        ensure_minimum_balance(self.conn_id, self.limits.min_balance, self.client, log=self.log)
        return reserve_create(self.conn_id, self.limits, retry_waits=self.retry_waits, log=self.log)
