"""Keeps creates within what a connection may spend: asked before anything is sent, for the operator and the hook alike.

The order is: balance, then a *slot* in the count of the day and of the hour, then the task's intent, then the create. So a
process that dies on the way has lost a slot at most, and never sends a create that is not counted. A slot is given back
only where certainly nothing was accepted.
"""

from __future__ import annotations

import math
import random
import re
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from sora2_provider import storage
from sora2_provider.compat import AirflowException, conf
from sora2_provider.exceptions import CapReached, InvalidParameter
from sora2_provider.spending.counter import Tally, TallyUnavailable
from sora2_provider.spending.limits import PER_DAY, PER_HOUR, SpendingLimits, limits_of

#: Counts of hours and days that ended longer ago than this are removed. No worker's clock is wrong by as much.
_KEPT = timedelta(days=2)
#: A retry comes so many seconds after the hour at the earliest, as clocks differ, and so many more at the latest: all
#: tasks that were refused come back then.
_MARGIN, _SPREAD = 5.0, 55.0
_NOTHING_SENT = "Nothing was sent, and nothing was paid."


class Window(NamedTuple):
    """An hour or a day (UTC) in which creates are counted.

    :param limit: the name of its cap.
    :param folder: what its count is called.
    """

    limit: str
    folder: str
    begins: datetime
    ends: datetime

    @classmethod
    def hour(cls, moment: datetime) -> Window:
        """Return the hour of a moment."""
        begins = moment.replace(minute=0, second=0, microsecond=0)
        return cls(PER_HOUR, f"hour-{begins:%Y-%m-%dT%H}", begins, begins + timedelta(hours=1))

    @classmethod
    def day(cls, moment: datetime) -> Window:
        """Return the day of a moment."""
        begins = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(PER_DAY, f"day-{begins:%Y-%m-%d}", begins, begins + timedelta(days=1))

    def __str__(self) -> str:
        if self.limit == PER_DAY:
            return f"this day (UTC, {self.begins:%Y-%m-%d})"
        return f"this hour (UTC {self.begins:%H:%M} to {self.ends:%H:%M})"


def limits_of_connection(conn_id: str, extra: Mapping[str, Any]) -> SpendingLimits:
    """Return what a connection may spend: of its extra, or else of ``[sora2]``.

    :raises ValueError: a limit is none; says what to write where.
    """
    return limits_of(conn_id, extra, lambda name: str(conf.get("sora2", name, fallback="") or ""))


def counting_place() -> str:
    """Return where the creates of capped connections are counted; ``""`` where no place is named."""
    place = conf.get("sora2", "spending_path", fallback="") or conf.get("sora2", "state_path", fallback="")
    return str(place).strip()


class Slots:
    """What one create holds of its connection's caps; of none where there are none."""

    def __init__(self, at: datetime, log: Any) -> None:
        self._at = at
        self._log = log
        self._entry = {"token": secrets.token_hex(8), "at": at.isoformat()}
        self._held: list[Tally] = []

    def claim(self, tally: Tally, cap: int) -> bool:
        """Hold one more slot; ``False`` where none is left."""
        place = tally.claim(cap, self._entry)
        if place is None:
            return False
        self._held.append(tally)
        if place == 0:
            self._remove_old(tally.folder)
        return True

    def release(self) -> None:
        """Give the slots back: certainly nothing was accepted."""
        while self._held:
            tally = self._held.pop()
            try:
                tally.give_back(self._entry)
            except TallyUnavailable as error:
                self._log.warning(
                    "Nothing was paid for this create, but the slot that it held in the connection's cap could not be "
                    "given back, and is lost until its hour or day is over: %s",
                    error,
                )

    def _remove_old(self, folder: str) -> None:
        """Remove the counts that are over. The first create of an hour or a day does so."""
        parent = folder.rpartition("/")[0]
        try:
            for name in storage.folders_in(parent):
                if _is_old(name, self._at):
                    storage.remove_folder(f"{parent}/{name}")
        except Exception as error:
            self._log.warning("Old counts of creates in %s could not be removed: %s", parent, error)


def claim_slots(conn_id: str, limits: SpendingLimits, *, retry_waits: bool, log: Any) -> Slots:
    """Take leave to submit one video.

    :param retry_waits: whether Airflow's next retry will wait for as long as :class:`CapReached` says.
    :raises CapReached: a cap is used up.
    :raises AirflowException: that could not be seen; a retry may.
    :raises AirflowFailException: there is no place to keep the count.
    """
    now = datetime.fromtimestamp(time.time(), UTC)
    slots = Slots(now, log)
    caps = [(Window.day(now), limits.max_creates_per_day), (Window.hour(now), limits.max_creates_per_hour)]
    counted = [(window, cap) for window, cap in caps if cap is not None]
    if not counted:
        return slots
    place = _place_of(conn_id, counted[0][0].limit)
    tallies = [(window, cap, Tally(f"{place}/{window.folder}")) for window, cap in counted]
    try:
        # Looked at before any is claimed: who waits for the next day must not fill the logs of each hour.
        for window, cap, tally in tallies:
            if (used := tally.used(cap)) >= cap:
                raise _cap_reached(conn_id, window, used, cap, now, retry_waits=retry_waits)
        for window, cap, tally in tallies:
            if not slots.claim(tally, cap):
                slots.release()
                raise _cap_reached(conn_id, window, cap, cap, now, retry_waits=retry_waits)
    except TallyUnavailable as error:
        slots.release()
        raise AirflowException(
            f"The creates of connection {conn_id!r} cannot be counted, and it has a cap ({error}). {_NOTHING_SENT} A "
            "retry is safe."
        ) from error
    return slots


def _place_of(conn_id: str, limit: str) -> str:
    base = counting_place()
    if not base:
        raise InvalidParameter(
            f"Connection {conn_id!r} has a cap ({limit}), and there is no place where all workers could count its creates. "
            "Set the option [sora2] spending_path (or state_path) to a folder or bucket that all workers share, such as "
            f"s3://my_conn@bucket/sora2-spending, or take the cap away. {_NOTHING_SENT}"
        )
    safe = re.sub(r"[^A-Za-z0-9_-]+", "_", conn_id)[:80]
    name = safe if safe == conn_id else f"{safe}-{sha256(conn_id.encode()).hexdigest()[:8]}"
    # No DAG's records are kept under a name that begins so.
    return f"{base.rstrip('/')}/_creates/{name}"


def _cap_reached(conn_id: str, window: Window, used: int, cap: int, now: datetime, *, retry_waits: bool) -> CapReached:
    wait = (window.ends - now).total_seconds()
    retry_after = wait + _MARGIN + random.random() * _SPREAD  # noqa: S311
    minutes = math.ceil(retry_after / 60)
    patience = (
        "If the task has retries left, the next one waits until then."
        if retry_waits
        else f"Airflow's retries come after retry_delay: timedelta(minutes={minutes}) or more is long enough now, and "
        f"timedelta({'days' if window.limit == PER_DAY else 'hours'}=1) always."
    )
    return CapReached(
        f"{used} of {cap} creates are used {window} on connection {conn_id!r}. {_NOTHING_SENT} The next one is possible at "
        f"{window.ends:%Y-%m-%d %H:%M} UTC. {patience} To allow more, raise {window.limit} in the connection's extra or in "
        "[sora2].",
        retry_after,
    )


def _is_old(name: str, now: datetime) -> bool:
    for form, lasts in (("hour-%Y-%m-%dT%H", timedelta(hours=1)), ("day-%Y-%m-%d", timedelta(days=1))):
        try:
            begins = datetime.strptime(name, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return begins + lasts + _KEPT < now
    return False
