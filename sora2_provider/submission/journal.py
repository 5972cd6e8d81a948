"""Writes down what becomes of one task instance's submission, and says what a try may do that finds it.

Each method is one step in a submission's life, and says what a failure of the store means there: before the create
nothing is sent; after it the id is in the log and in the error.

Every change goes through :meth:`SubmissionJournal._replace`, which compares what the store holds with what this try has
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
from sora2_provider.reporting.endings import End, Ending
from sora2_provider.reporting.failures import failure
from sora2_provider.submission.decision import Decision, Submit, decide
from sora2_provider.submission.record import Record, UnreadableRecord
from sora2_provider.submission.stores import RecordStore, RecordUnavailable

#: How often the id of a video that was paid for is written before that is given up.
_ATTEMPTS = 3
_PAUSE = 1.0


class RecordChanged(RuntimeError):
    """The store holds another record than this try has read.

    :param now: what it holds.
    """

    def __init__(self, now: Record | None) -> None:
        super().__init__("the record is gone" if now is None else "the record has changed")
        self.now = now


class SubmissionJournal:
    """One task instance's submission, as far as it is written down.

    :param store: ``None`` where there is none or the task wants none: then nothing outlives a try.
    :param epoch: Airflow's ``max_tries`` of the task instance, see :class:`~sora2_provider.submission.record.Record`.
    :param try_number: Airflow's number of this try.
    """

    def __init__(self, store: RecordStore | None, *, epoch: int = 0, try_number: int = 0, log: Any) -> None:
        self._store = store
        self._epoch = epoch
        self._try_number = try_number
        self._began = time.time()
        self._log = log
        #: The record as this try has read or written it last.
        self._record: Record | None = None
        self._is_read = False

    @property
    def durable(self) -> bool:
        """Whether a retry will know of the video that this try submits."""
        return self._store is not None

    def decide(self, digest: str | None, *, on_clear: str, on_unknown: str) -> Decision:
        """Say what this try may do.

        :param digest: of its request; ``None`` if that is not known yet, see :func:`~sora2_provider.submission.decision.decide`.
        :raises Sora2Error: the record cannot be read, or a later try is at work. Nothing was sent.
        """
        if self._store is None:
            return Submit()
        try:
            self._read()
        except (RecordUnavailable, UnreadableRecord) as error:
            raise Sora2Error(
                f"The record of what this task has submitted cannot be read ({self._store.where}): {error}",
                "Nothing was sent.",
                "If retries end the same way, look at the record, and remove it only if no video was paid for.",
            ) from error
        found = self._record
        if found is not None and self._is_of_a_later_try(found):
            raise Sora2Error(
                f"Try {found.try_number} of this task is at work: Airflow has given this one up, which is try "
                f"{self._try_number}",
                "It sent nothing.",
            )
        return decide(
            found, epoch=self._epoch, digest=digest, on_clear=on_clear, on_unknown=on_unknown, began=self._began
        )

    def intend(self, digest: str, conn_id: str, request: dict[str, Any]) -> None:
        """Write that a create is about to be sent.

        :raises Sora2Error: that could not be written, so nothing may be sent.
        """
        if self._store is None:
            return
        intent = self._noted(Record(digest, conn_id, self._epoch, time.time(), secrets.token_hex(8), request))
        try:
            self._replace(self._record, intent)
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
            self._change(lambda _: None, over_later=True)
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
        if self._store is None or intent is None:
            return
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                # Over a later try's note as well: it may have reported this very create as unknown.
                written = self._change(
                    lambda now: dataclasses.replace(now, video_id=video_id, unknown_reported=False), over_later=True
                )
                if not written and self._record is None:
                    self._replace(None, dataclasses.replace(intent, video_id=video_id))
                elif not written:
                    other_id = self._record.video_id if self._record is not None else None
                    raise failure(Ending(End.SUBMITTED_ELSEWHERE, video_id, intent.conn_id, other_id=other_id))
                return
            except (RecordChanged, RecordUnavailable, UnreadableRecord) as error:
                if attempt == _ATTEMPTS:
                    raise failure(Ending(End.NOT_RECORDED, video_id, intent.conn_id, error=error)) from error
                self._log.warning("The id of video %s could not be written yet: %s", video_id, error)
                time.sleep(_PAUSE)

    def adopt(self, record: Record) -> None:
        """Take over the video of an earlier try, so that the retries of this one find it too.

        :raises Sora2Error: that could not be written, or another process has submitted since; a retry looks again.
        """
        if self._store is None or (record.epoch == self._epoch and not record.unknown_reported):
            return
        try:
            adopted = self._change(lambda now: self._noted(now, epoch=self._epoch, unknown_reported=False))
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
            self._change(
                lambda now: self._noted(now, epoch=self._epoch, unknown_reported=True) if now.video_id is None else now
            )

    def mark_lost(self, video_id: str, error: Exception) -> None:
        """Tell a person that the gateway does not know the video any more, and note that.

        :param error: see :meth:`mark_outcome_unknown`.
        """
        self._log.warning("%s", error)
        with self._noting("that the gateway has lost the video"):
            self._change(lambda now: self._noted(now, unknown_reported=True), video_id=video_id)

    def delivered(self, video_id: str) -> None:
        """Note that the task has done all that it is for."""
        with self._noting("that it is delivered"):
            self._change(lambda now: self._noted(now, delivered_at=time.time()), video_id=video_id)

    def ended(self, video_id: str) -> None:
        """Forget a video whose rendering failed or was cancelled: another one may be submitted."""
        with self._noting("that its rendering has ended"):
            self._change(lambda _: None, video_id=video_id)

    def _replace(self, expected: Record | None, new: Record | None) -> None:
        """Write a record, or remove it, if the store still holds the expected one. The only place that writes.

        :raises RecordChanged: it holds another one.
        :raises RecordUnavailable: it could not be asked, or did not take the record.
        :raises UnreadableRecord: what it holds is no record.
        """
        store = self._store
        if store is None:
            return
        if expected is None and new is not None:
            # The store compares by itself. A record that is there may be this one: a storage's client repeats a request
            # whose answer was lost.
            if not store.create(new) and (now := store.read()) != new:
                raise RecordChanged(now)
        else:
            if (now := store.read()) != expected:
                raise RecordChanged(now)
            if new is None:
                store.remove()
            elif new != expected:
                store.write(new)
        self._record = new

    def _change(
        self, change: Callable[[Record], Record | None], *, video_id: str | None = None, over_later: bool = False
    ) -> bool:
        """Change the record of this try's submission; return ``False`` where it is not this try's any more.

        Where others have noted something in the record of the same submission, the change is made to what they wrote.

        :param change: returns the changed record; ``None`` removes it.
        :param video_id: the video that the record must be of.
        :param over_later: change it even if a later try has noted something.
        """
        if self._store is None:
            return True
        if not self._is_read:
            self._read()
        if self._record is None:
            return False
        token = self._record.token
        while (
            (record := self._record) is not None
            and record.token == token
            and (video_id is None or record.video_id == video_id)
            and (over_later or not self._is_of_a_later_try(record))
        ):
            try:
                self._replace(record, change(record))
                return True
            except RecordChanged as changed:
                self._record = changed.now
        return False

    def _read(self) -> None:
        if self._store is not None:
            self._record = self._store.read()
            self._is_read = True

    def _is_of_a_later_try(self, record: Record) -> bool:
        """Whether a later try has written since this one began, which means that Airflow has given this process up.

        A run that was deleted and made again counts its tries anew, and finds an old record.
        """
        return record.try_number > self._try_number and record.noted_at >= self._began

    def _noted(self, record: Record, **changes: Any) -> Record:
        return dataclasses.replace(record, try_number=self._try_number, noted_at=time.time(), **changes)

    def _take_back(self, intent: Record) -> None:
        """Remove an intent whose writing failed and that the store may hold nevertheless: nothing is sent for it."""
        with contextlib.suppress(RecordChanged, RecordUnavailable, UnreadableRecord):
            self._replace(intent, None)

    @contextlib.contextmanager
    def _noting(self, what: str) -> Iterator[None]:
        # A note that cannot be written costs nobody a video: without it the next try asks about the same one.
        try:
            yield
        except (RecordUnavailable, UnreadableRecord) as error:
            self._log.warning("The record of this task's video could not note %s: %s", what, error)
