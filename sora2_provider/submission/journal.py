"""Writes down what becomes of one task instance's submission, and what a try may do that finds it.

Each method is one step in a submission's life, and says what a failure of the store means there: before the create
nothing is sent; after it the id is in the log and in the error.
"""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import time
from collections.abc import Iterator
from typing import Any

from sora2_provider.compat import AirflowException, AirflowFailException, Context
from sora2_provider.reporting.failures import record_not_written, submitted_elsewhere
from sora2_provider.submission.decision import Decision, Submit, decide
from sora2_provider.submission.record import Record, UnreadableRecord
from sora2_provider.submission.stores import RecordExists, RecordStore, RecordUnavailable, store_of

#: How often the id of a video that was paid for is written before that is given up.
_ATTEMPTS = 3
_PAUSE = 1.0


class Ledger:
    """One task instance's submission, as far as it is written down.

    :param store: ``None`` where there is none or the task wants none: then nothing outlives a try.
    :param epoch: Airflow's ``max_tries`` of the task instance, see :class:`~sora2_provider.submission.record.Record`.
    :param try_number: Airflow's number of this try.
    :param log: the task's.
    """

    def __init__(self, store: RecordStore | None, *, epoch: int, log: Any, try_number: int = 0) -> None:
        self._store = store
        self._epoch = epoch
        self._try_number = try_number
        self._began = time.time()
        self._log = log
        self._found: Record | None = None
        self._intent: Record | None = None

    @classmethod
    def of(cls, context: Context, *, durable: bool, log: Any) -> Ledger:
        """Return the ledger of the task instance that a context belongs to.

        :raises AirflowException: the store that is set cannot be used. Nothing was sent.
        """
        try:
            store = store_of(context) if durable else None
        except RecordUnavailable as error:
            raise AirflowException(f"{error} Nothing was sent, and nothing was paid.") from error
        epoch, try_number = (int(getattr(context["ti"], name, 0) or 0) for name in ("max_tries", "try_number"))
        return cls(store, epoch=epoch, log=log, try_number=try_number)

    @property
    def keeps(self) -> bool:
        """Whether a retry will know of the video that this try submits."""
        return self._store is not None

    def decide(self, digest: str | None, *, on_clear: str, on_unknown: str) -> Decision:
        """Say what this try may do.

        :param digest: of its request; ``None`` if that is not known yet, see :func:`~sora2_provider.submission.decision.decide`.
        :raises AirflowException: the record cannot be read; a retry may.
        """
        if self._store is None:
            return Submit()
        try:
            self._found = self._store.read()
        except (RecordUnavailable, UnreadableRecord) as error:
            raise AirflowException(
                f"The record of what this task has submitted cannot be read ({self._store.where}): {error}. Nothing was "
                "sent. If retries end the same way, look at the record, and remove it only if no video was paid for."
            ) from error
        if self._found is not None and self._is_of_a_later_try(self._found):
            raise AirflowException(
                f"Try {self._found.try_number} of this task is at work by now: this one, try {self._try_number}, was "
                "believed dead. It sent nothing."
            )
        return decide(
            self._found,
            epoch=self._epoch,
            digest=digest,
            on_clear=on_clear,
            on_unknown=on_unknown,
            began=self._began,
        )

    def intend(self, digest: str, conn_id: str, request: dict[str, Any]) -> None:
        """Write that a create is about to be sent.

        :raises AirflowException: that could not be written, so nothing may be sent.
        """
        if self._store is None:
            return
        intent = self._noted(Record(digest, conn_id, self._epoch, time.time(), secrets.token_hex(8), request))
        try:
            if self._found is None:
                self._store.create(intent)
            else:
                self._check_unchanged(self._found)
                self._store.write(intent)
        except RecordExists as error:
            raise AirflowException(
                f"Another process of this task instance is submitting its video just now ({error}). This one sent nothing."
            ) from error
        except (RecordUnavailable, UnreadableRecord) as error:
            self._take_back(intent)
            raise AirflowException(
                f"The record of what this task submits cannot be written: {error}. So nothing was sent, and nothing was "
                "paid; a retry is safe."
            ) from error
        self._found = self._intent = intent

    def refused(self) -> None:
        """The gateway has accepted nothing: forget the intent."""
        if self._store is None or self._intent is None:
            return
        try:
            # The one that is there may be a later try's by now.
            if (now := self._store.read()) is not None and now.token == self._intent.token:
                self._store.remove()
            self._found = self._intent = None
        except (RecordUnavailable, UnreadableRecord) as error:
            self._log.warning(
                "Nothing was paid for this create, but its record could not be removed (%s): the next try will say that "
                "the outcome is unknown.",
                error,
            )

    def accepted(self, video_id: str) -> None:
        """Write the id of a video that the gateway has accepted.

        :raises AirflowFailException: it could not be written; the message names the id.
        """
        if self._store is None or self._intent is None:
            return
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                known = self._checked_still_ours(self._intent, video_id)
                self._found = dataclasses.replace(known, video_id=video_id, unknown_reported=False)
                self._store.write(self._found)
                return
            except RecordUnavailable as error:
                if attempt == _ATTEMPTS:
                    raise AirflowFailException(record_not_written(error, video_id, self._intent.conn_id)) from error
                self._log.warning("The id of video %s could not be written yet: %s", video_id, error)
                time.sleep(_PAUSE)

    def adopt(self, record: Record) -> None:
        """Take over the video of an earlier try, so that the retries of this one find it too.

        :raises AirflowException: that could not be written; a retry may.
        """
        self._found = record
        if self._store is None or (record.epoch == self._epoch and not record.unknown_reported):
            return
        self._found = self._noted(record, epoch=self._epoch, unknown_reported=False)
        try:
            self._store.write(self._found)
        except RecordUnavailable as error:
            raise AirflowException(
                f"The record of this task's video {record.video_id} cannot be written: {error}. Nothing was sent; a retry "
                "picks the video up."
            ) from error

    def told_unknown(self, said: Exception) -> None:
        """Tell a person that the outcome of the create is unknown, and note that.

        :param said: what the task is about to fail with. It stands in the log before the note is written: a task that is
            killed between the two must not have its next clear taken for a decision.
        """
        self._log.warning("%s", said)
        with self._noting("that the outcome is unknown"):
            if self._store is None or self._found is None:
                return
            record = self._store.read()
            # A process that was believed dead may have written the id meanwhile, or be this one.
            ours = record is not None and record.token == self._found.token and not self._is_of_a_later_try(record)
            if record is not None and ours and record.video_id is None:
                self._store.write(self._noted(record, epoch=self._epoch, unknown_reported=True))

    def told_lost(self, video_id: str, said: Exception) -> None:
        """Tell a person that the gateway does not know the video any more, and note that.

        :param said: see :meth:`told_unknown`.
        """
        self._log.warning("%s", said)
        with self._noting("that the gateway has lost the video"):
            if self._store is not None and (record := self._own(video_id)) is not None:
                self._store.write(self._noted(record, unknown_reported=True))

    def delivered(self, video_id: str) -> None:
        """Note that the task has done all that it is for."""
        with self._noting("that it is delivered"):
            if self._store is not None and (record := self._own(video_id)) is not None:
                self._store.write(self._noted(record, delivered_at=time.time()))

    def ended(self, video_id: str) -> None:
        """Forget a video whose rendering failed or was cancelled: another one may be submitted."""
        with self._noting("that its rendering has ended"):
            if self._store is not None and self._own(video_id) is not None:
                self._store.remove()

    def _check_unchanged(self, found: Record) -> None:
        """What this try has read must be what it writes over: a task instance may have two processes for a while."""
        now = self._store.read() if self._store is not None else None
        if now != found:
            raise RecordExists(f"the record is {'gone' if now is None else 'another'} by now")

    def _own(self, video_id: str) -> Record | None:
        """Return the record, if it is the video's, and no later try has made it its own."""
        record = self._store.read() if self._store is not None else None
        if record is None or record.video_id != video_id or self._is_of_a_later_try(record):
            return None
        return record

    def _is_of_a_later_try(self, record: Record) -> bool:
        """Whether a later try has written since this one began: Airflow believes that this process is dead.

        A run that was deleted and made again counts its tries anew, and finds an old record.
        """
        return record.try_number > self._try_number and record.noted_at >= self._began

    def _noted(self, record: Record, **changes: Any) -> Record:
        return dataclasses.replace(record, try_number=self._try_number, noted_at=time.time(), **changes)

    def _checked_still_ours(self, intent: Record, video_id: str) -> Record:
        """Return the intent as it stands: a later try may have noted something in it, but not have submitted its own."""
        with contextlib.suppress(RecordUnavailable, UnreadableRecord):
            now = self._store.read() if self._store is not None else None
            if now is not None and now.token != intent.token:
                raise AirflowFailException(submitted_elsewhere(video_id, now.video_id, intent.conn_id))
            return now or intent
        return intent

    def _take_back(self, intent: Record) -> None:
        """Remove an intent whose writing failed and yet left something: nothing will be sent for it."""
        with contextlib.suppress(RecordUnavailable, UnreadableRecord):
            if self._store is not None and (left := self._store.read()) is not None and left.token == intent.token:
                self._store.remove()

    @contextlib.contextmanager
    def _noting(self, what: str) -> Iterator[None]:
        # A note that cannot be written costs nobody a video: without it the next try asks about the same one.
        try:
            yield
        except (RecordUnavailable, UnreadableRecord) as error:
            self._log.warning("The record of this task's video could not note %s: %s", what, error)
