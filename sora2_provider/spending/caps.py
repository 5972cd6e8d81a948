"""Keeps creates within a connection's caps, and guards each create with them and with the minimum balance.

The order is: balance, reservation in the counts of the day and of the hour, the task's intent, create. So a process that
dies in between loses a reservation at most. A reservation is released only where certainly nothing was accepted.
"""

from __future__ import annotations

import contextlib
import math
import random
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from sora2_provider import storage
from sora2_provider.compat import conf
from sora2_provider.exceptions import CapReached, Fate, InvalidParameter, Sora2Error
from sora2_provider.spending.balance import ensure_minimum_balance
from sora2_provider.spending.counter import CounterUnavailable, CreateCounter
from sora2_provider.spending.limits import SpendingLimits

if TYPE_CHECKING:
    from sora2_provider.gateway.client import Sora2Client

#: Counts that ended longer ago than this are removed. No worker's clock is wrong by as much.
_KEPT = timedelta(days=2)
#: A retry comes at least so many seconds after the hour, because clocks differ, and at most so many more: all tasks that
#: were refused come back then.
_MARGIN, _SPREAD = 5.0, 55.0


class Period(NamedTuple):
    """An hour or a day, as the length of time that a cap is for.

    :param cap: the name of the cap.
    :param folder: the name of a count's folder, in the format of ``strftime``: it holds the time at which the count began.
    :param unit: ``hours`` or ``days``.
    """

    cap: str
    folder: str
    unit: str
    length: timedelta

    def begin(self, folder: str) -> datetime:
        """Return when the count in a folder began.

        :raises ValueError: the folder holds no such count.
        """
        return datetime.strptime(folder, self.folder).replace(tzinfo=UTC)


_DAY = Period("max_creates_per_day", "day-%Y-%m-%d", "days", timedelta(days=1))
_HOUR = Period("max_creates_per_hour", "hour-%Y-%m-%dT%H", "hours", timedelta(hours=1))


@dataclass(frozen=True)
class CappedWindow:
    """An hour or a day (UTC) in which a connection has a cap."""

    period: Period
    begins: datetime
    cap: int
    counter: CreateCounter

    @property
    def ends(self) -> datetime:
        return self.begins + self.period.length

    def __str__(self) -> str:
        if self.period is _DAY:
            return f"this day (UTC, {self.begins:%Y-%m-%d})"
        return f"this hour (UTC {self.begins:%H:%M} to {self.ends:%H:%M})"


def counting_folder() -> str:
    """Return where the creates of connections that have a cap are counted; ``""`` where no place is configured."""
    folder = conf.get("sora2", "spending_path", fallback="") or conf.get("sora2", "state_path", fallback="")
    return str(folder).strip()


class Reservation:
    """One create, counted in the hour and the day of its connection; in none where there is no cap."""

    def __init__(self, at: datetime, log: Any) -> None:
        self._at = at
        self._log = log
        self._entry = {"token": secrets.token_hex(8), "at": at.isoformat()}
        self._counters: list[CreateCounter] = []

    def add(self, window: CappedWindow) -> bool:
        """Count the create in one more window; ``False`` where its cap is reached."""
        number = window.counter.increment(window.cap, self._entry)
        if number is None:
            return False
        self._counters.append(window.counter)
        if number == 0:
            _remove_old(window.counter.folder.rpartition("/")[0], self._at, self._log)
        return True

    def release(self) -> None:
        """Take the create out of the counts, because certainly nothing was accepted. Raises nothing."""
        while self._counters:
            counter = self._counters.pop()
            try:
                counter.refund(self._entry)
            except CounterUnavailable as error:
                self._log.warning(
                    "Nothing was paid for this create, but it could not be taken out of the count of its connection's cap, and "
                    "counts until the hour or day is over: %s",
                    error,
                )


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


def reserve_create(conn_id: str, limits: SpendingLimits, *, retry_waits: bool, log: Any) -> Reservation:
    """Count a create that is about to be sent. Costs nothing.

    :param retry_waits: whether Airflow's next retry will wait for as long as :class:`CapReached` says.
    :returns: to be released where certainly nothing was accepted.
    :raises CapReached: a cap is reached; a later retry may submit.
    :raises Sora2Error: the count could not be read or written; a retry may succeed.
    :raises InvalidParameter: there is a cap, and no folder to count in.
    """
    now = datetime.fromtimestamp(time.time(), UTC)
    reservation = Reservation(now, log)
    windows = list(_windows(conn_id, limits, now))
    try:
        # Both are read before one is counted: a task that waits for the next day adds nothing to the counts of each hour.
        for window in windows:
            if (used := window.counter.used(window.cap)) >= window.cap:
                raise _cap_reached(conn_id, window, used, now, retry_waits=retry_waits)
        for window in windows:
            if not reservation.add(window):
                reservation.release()
                raise _cap_reached(conn_id, window, window.cap, now, retry_waits=retry_waits)
    except CounterUnavailable as error:
        reservation.release()
        problem = f"The creates of connection {conn_id!r} cannot be counted, and it has a cap ({error})"
        raise Sora2Error(problem, Fate.NOTHING_SENT, "A retry is safe.") from error
    return reservation


def _windows(conn_id: str, limits: SpendingLimits, now: datetime) -> Iterator[CappedWindow]:
    for period in (_DAY, _HOUR):
        cap = getattr(limits, period.cap)
        if cap is not None:
            name = now.strftime(period.folder)
            counter = CreateCounter(f"{_folder_of(conn_id, period.cap)}/{name}")
            yield CappedWindow(period, period.begin(name), cap, counter)


def _folder_of(conn_id: str, cap: str) -> str:
    folder = counting_folder()
    if not folder:
        raise InvalidParameter(
            f"Connection {conn_id!r} has a cap ({cap}), but no folder is configured in which all workers can count its creates",
            Fate.NOTHING_SENT,
            "Set the option [sora2] spending_path (or state_path) to a folder or bucket that all workers share, such as "
            "s3://my_conn@bucket/sora2-spending, or remove the cap.",
        )
    safe = re.sub(r"[^A-Za-z0-9_-]+", "_", conn_id)[:80]
    name = safe if safe == conn_id else f"{safe}-{sha256(conn_id.encode()).hexdigest()[:8]}"
    # No DAG's records are kept under a name that begins so.
    return f"{folder.rstrip('/')}/_creates/{name}"


def _cap_reached(conn_id: str, window: CappedWindow, used: int, now: datetime, *, retry_waits: bool) -> CapReached:
    retry_after = (window.ends - now).total_seconds() + _MARGIN + random.random() * _SPREAD  # noqa: S311
    retries = (
        "If the task has retries left, the next one waits until then."
        if retry_waits
        else f"Airflow retries after retry_delay: timedelta(minutes={math.ceil(retry_after / 60)}) or more is long enough now, "
        f"and timedelta({window.period.unit}=1) always."
    )
    return CapReached(
        f"{used} of {window.cap} creates are used {window} on connection {conn_id!r}",
        retry_after,
        fate=Fate.NOTHING_SENT,
        remedy=f"The next one is possible at {window.ends:%Y-%m-%d %H:%M} UTC. {retries} To allow more, raise "
        f"{window.period.cap} in the connection's extra or in [sora2].",
    )


def _remove_old(folder: str, now: datetime, log: Any) -> None:
    """Remove a connection's counts that are over. The first create of an hour or a day does so."""
    try:
        for name in storage.folders_in(folder):
            if _is_old(name, now):
                storage.remove_folder(f"{folder}/{name}")
    except Exception as error:
        log.warning("Old counts of creates in %s could not be removed: %s", folder, error)


def _is_old(folder: str, now: datetime) -> bool:
    for period in (_DAY, _HOUR):
        with contextlib.suppress(ValueError):
            return period.begin(folder) + period.length + _KEPT < now
    return False
