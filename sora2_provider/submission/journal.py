"""Writes down what becomes of one create of a task instance, and says what a try may do that finds it.

Each method is one step in a submission's life, and says what a failure of the store means there: before the create
nothing is sent; after it the id is in the log and in the error.

Every change goes through :meth:`TaskRecords.replace`, which compares what the store holds with what this try has
read before it writes. So a process that Airflow has given up, and that wakes late, never writes over what its successor
has recorded.
"""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

from sora2_provider.exceptions import Fate, Sora2Error
from sora2_provider.gateway.dialects import UNIFIED
from sora2_provider.reporting.endings import End, Ending
from sora2_provider.reporting.failures import failure
from sora2_provider.submission.decision import Decision, Submit, decide_among, warnings
from sora2_provider.submission.record import Record, UnreadableRecord
from sora2_provider.submission.records import RecordChanged, TaskRecords
from sora2_provider.submission.stores import RecordStore, RecordUnavailable
from sora2_provider.submission.task_try import TaskTry

#: How often the id of a video that was paid for is written before that is given up.
_ATTEMPTS = 3
_PAUSE = 1.0


class SubmissionJournal:
    """One create of a task instance, as far as it is written down.

    :param store: of the task instance's first record; ``None`` where there is none or the task wants none: then nothing
        outlives a try.
    """

    def __init__(self, store: RecordStore | None, task_try: TaskTry | None = None, *, log: Any) -> None:
        self._records = None if store is None else TaskRecords(store)
        self._try = task_try or TaskTry()
        self._log = log
        #: Of this create's record, once that is chosen.
        self._number = 0
        #: The record as this try has read or written it last.
        self._record: Record | None = None

    @property
    def durable(self) -> bool:
        """Whether a retry will know of the video that this try submits."""
        return self._records is not None

    def decide(self, digest: str | None, *, on_clear: str, on_unknown: str) -> Decision:
        """Say what this try may do.

        :param digest: of its request; ``None`` if that is not known yet, see :func:`~sora2_provider.submission.decision.decide`.
        :raises Sora2Error: the record cannot be read, or a later try is at work. Nothing was sent.
        """
        if self._records is None:
            return Submit()
        with self._try.claims.lock:
            # The request may be known by now, and was not before.
            self._try.claims.held.pop(self, None)
            try:
                records = dict(self._records.all())
            except (RecordUnavailable, UnreadableRecord) as error:
                raise Sora2Error(
                    f"The record of what this task has submitted cannot be read ({self._records.where}): {error}",
                    "Nothing was sent.",
                    "If retries end the same way, look at the record, and remove it only if no video was paid for.",
                ) from error
            for found in records.values():
                if self._try.is_overtaken_by(found):
                    raise Sora2Error(
                        f"Try {found.try_number} of this task is at work: Airflow has given this one up, which is try "
                        f"{self._try.number}",
                        "It sent nothing.",
                    )
            number, decision = decide_among(
                records,
                self._try,
                digest=digest,
                on_clear=on_clear,
                on_unknown=on_unknown,
                began=self._try.claims.began,
            )
            self._take(number, records.get(number))
            if digest is not None:
                self._try.claims.asked[number] = digest
            for warning in warnings(records, self._try, digest):
                self._log.warning("%s", warning)
        return decision

    def intend(self, digest: str, conn_id: str, request: dict[str, Any], dialect: str = UNIFIED) -> None:
        """Write that a create is about to be sent.

        :param dialect: the wire that it goes out on.
        :raises Sora2Error: that could not be written, so nothing may be sent.
        """
        now, token = time.time(), secrets.token_hex(8)
        record = Record(digest, conn_id, self._try.epoch, now, token, request, key=self._try.key, dialect=dialect)
        intent = dataclasses.replace(self._noted(record), **self._try.run.as_fields())
        try:
            self._write_intent(intent)
        except RecordChanged as error:
            raise Sora2Error(
                f"Another process of this task instance is submitting its video now ({error})", "This one sent nothing."
            ) from error
        except (RecordUnavailable, UnreadableRecord) as error:
            self._take_back(intent)
            raise Sora2Error(
                f"The record of what this task submits cannot be written: {error}",
                Fate.NOTHING_SENT,
                "A retry is safe.",
            ) from error

    def refused(self) -> None:
        """Forget the intent: the gateway has accepted nothing."""
        try:
            self._change(self._ended, over_later=True)
        except (RecordUnavailable, UnreadableRecord) as error:
            self._log.warning(
                "Nothing was paid for this create, but its record could not be removed (%s): the next try will say that "
                "the outcome is unknown.",
                error,
            )

    def accepted(self, video_id: str) -> None:
        """Write the id of a video that the gateway has accepted.

        :raises FinalError: it could not be written; the message names the id.
        """
        intent = self._record
        if intent is None:
            return None
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                # Over a later try's note as well: it may have reported this very create as unknown.
                written = self._change(
                    lambda now: dataclasses.replace(now, video_id=video_id, unknown_reported=False, resolution=None),
                    over_later=True,
                )
                if written:
                    return None
                if (there := self._record) is not None:
                    raise failure(Ending(End.SUBMITTED_ELSEWHERE, video_id, intent.conn_id, other_id=there.video_id))
                return self._replace(None, dataclasses.replace(intent, video_id=video_id))
            except (RecordChanged, RecordUnavailable, UnreadableRecord) as error:
                if attempt == _ATTEMPTS:
                    raise failure(Ending(End.NOT_RECORDED, video_id, intent.conn_id, error=error)) from error
                self._log.warning("The id of video %s could not be written yet: %s", video_id, error)
                time.sleep(_PAUSE)

    def adopt(self, record: Record) -> None:
        """Take over the video of an earlier try, so that the retries of this one find it too.

        :raises Sora2Error: that could not be written, or another process has submitted since; a retry looks again.
        """
        # Not the run: another deployment that shares the path must still know its own record.
        mine = {"epoch": self._try.epoch, "unknown_reported": False}
        if all(getattr(record, name) == value for name, value in mine.items()):
            return
        try:
            adopted = self._change(lambda now: self._noted(now, **mine))
        except (RecordUnavailable, UnreadableRecord) as error:
            raise Sora2Error(
                f"The record of this task's video {record.video_id} cannot be written: {error}",
                "Nothing was sent.",
                "A retry picks the video up.",
            ) from error
        if not adopted:
            raise Sora2Error(
                f"Another process of this task instance has taken video {record.video_id} over, or submitted another one, "
                "since this try began",
                "This one sent nothing.",
                "A retry looks again.",
            )

    def mark_outcome_unknown(self, error: Exception) -> None:
        """Tell a person that the outcome of the create is unknown, and note that.

        :param error: what the task is about to fail with. It stands in the log before the note is written: a task that is
            killed between the two must not have its next clear taken for a decision.
        """
        self._log.warning("%s", error)
        with self._noting("that the outcome is unknown"):
            # A process that Airflow has given up may have written the id meanwhile, or be this one.
            told = {"epoch": self._try.epoch, "unknown_reported": True}
            self._change(lambda now: now if now.video_id is not None else self._noted(now, **told))

    def mark_lost(self, video_id: str, error: Exception) -> None:
        """Tell a person that the gateway does not know the video any more, and note that: as ``mark_outcome_unknown``."""
        self._log.warning("%s", error)
        with self._noting("that the gateway has lost the video"):
            self._change(lambda now: self._noted(now, unknown_reported=True), video_id=video_id)

    def delivered(self, video_id: str) -> None:
        """Note that the task has done all that it is for."""
        with self._noting("that it is delivered"):
            self._change(lambda now: self._noted(now, delivered_at=time.time()), video_id=video_id)
        if self._try.repeats:
            self._try.claims.done.add(self._number)

    def ended(self, video_id: str) -> None:
        """Forget a video whose rendering failed or was cancelled: another one may be submitted."""
        with self._noting("that its rendering has ended"):
            self._change(self._ended, video_id=video_id)

    def _replace(self, expected: Record | None, new: Record | None) -> None:
        if self._records is not None:
            self._record = self._records.replace(self._number, expected, new)

    def _change(
        self, change: Callable[[Record], Record | None], *, video_id: str | None = None, over_later: bool = False
    ) -> bool:
        """Change the record of this try's submission; return ``False`` where it is not this try's any more.

        Where others have noted something in the record of the same submission, the change is made to what they wrote.

        :param change: returns the changed record; ``None`` removes it.
        :param video_id: the video that the record must be of.
        :param over_later: change it even if a later try has noted something.
        """
        if self._records is None:
            return True
        if not self._number and video_id is not None and (found := self._records.of_video(video_id)):
            self._take(*found)
        if self._record is None:
            return False
        token = self._record.token
        while (
            (record := self._record) is not None
            and record.token == token
            and (video_id is None or record.video_id == video_id)
            and (over_later or not self._try.is_overtaken_by(record))
        ):
            try:
                self._replace(record, change(record))
                return True
            except RecordChanged as changed:
                self._record = changed.now
        return False

    def _write_intent(self, intent: Record) -> None:
        """Write it in place of the record that this create goes by, or under the first number that is free."""
        claims = self._try.claims
        with claims.lock:
            while True:
                if self._record is None and self._number > 1 and self._records is not None:
                    self._take_next(self._records)
                claims.tokens.add(intent.token)
                try:
                    return self._replace(self._record, intent)
                except RecordChanged as changed:
                    there = changed.now
                    # The next number is as good.
                    if self._record is not None or there is None or not self._try.goes_beside(there):
                        raise
                    self._take(self._number + 1, None)

    def _take_next(self, records: TaskRecords) -> None:
        """Take the number that follows what is written by now: by a later try, or not yet by creates in other threads.

        :raises RecordChanged: a later try is at work.
        """
        there = dict(records.all())
        if later := next(filter(self._try.is_overtaken_by, there.values()), None):
            raise RecordChanged(later)
        self._take(min(self._number, max(there, default=0) + 1), None)

    def _take(self, number: int, record: Record | None) -> None:
        """Go by a record from now on."""
        self._number, self._record = number, record
        self._try.claims.held[self] = number

    def _noted(self, record: Record, **changes: Any) -> Record:
        self._try.claims.noted.add(record.token)
        return dataclasses.replace(record, try_number=self._try.number, noted_at=time.time(), **changes)

    def _take_back(self, intent: Record) -> None:
        """End an intent whose writing failed and that the store may hold nevertheless: nothing is sent for it."""
        with contextlib.suppress(RecordChanged, RecordUnavailable, UnreadableRecord):
            self._replace(intent, self._ended(intent))

    def _ended(self, record: Record) -> Record | None:
        # Another create of this try may be about to write the record that follows.
        alone = self._try.claims.used <= {self._number}
        return None if alone else dataclasses.replace(record, ended=True)

    @contextlib.contextmanager
    def _noting(self, what: str) -> Iterator[None]:
        # A note that cannot be written costs nobody a video: without it the next try asks about the same one.
        try:
            yield
        except (RecordUnavailable, UnreadableRecord) as error:
            self._log.warning("The record of this task's video could not note %s: %s", what, error)
