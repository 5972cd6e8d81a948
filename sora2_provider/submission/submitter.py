"""The part that pays: at most once for each journal. It knows nothing of hooks, operators and Airflow's context."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from sora2_provider.exceptions import Fate, FinalError, InvalidParameter
from sora2_provider.gateway.errors import GatewayError, SubmissionUnknown
from sora2_provider.gateway.models import Video, VideoRequest, VideoStatus
from sora2_provider.gateway.parsing.bodies import ids_beside
from sora2_provider.gateway.resend import send
from sora2_provider.reporting import metrics
from sora2_provider.reporting.endings import End, Ending
from sora2_provider.reporting.failures import failure
from sora2_provider.submission.decision import Decision, OutcomeUnknown, RequestNeeded, Resume, Submit
from sora2_provider.submission.journal import SubmissionJournal
from sora2_provider.submission.record import digest_of
from sora2_provider.submission.signals import StopNotice, deferred_signals

if TYPE_CHECKING:
    from sora2_provider.gateway.client import Sora2Client
    from sora2_provider.spending.caps import SpendingGuard


class Accepted(NamedTuple):
    """A video that the gateway has accepted, in this try or an earlier one.

    :param request: what was sent for it.
    :param since: when it was submitted, in seconds since the epoch.
    :param waits_from: when this try's wait for it begins: one that is taken up again gets a whole timeout.
    :param dialect: the wire that it was created on.
    """

    video: Video
    request: dict[str, Any]
    since: float
    waits_from: float
    dialect: str


class Submitter:
    """Submits one video, or takes up the one that is there, as far as its journal allows.

    :param client: of the connection to ask: the record's own where there is one.
    :param guard: allows a create, or raises what keeps it from being sent.
    :param conn_id: the client's connection.
    :param stop: says whether the task was told to stop: then nothing more is sent.
    :param resubmits: whether a lost answer is followed by another create, at the next try.
    """

    def __init__(
        self,
        client: Sora2Client,
        guard: SpendingGuard,
        journal: SubmissionJournal,
        *,
        conn_id: str,
        stop: StopNotice,
        resubmits: bool = False,
        log: Any,
    ) -> None:
        self._client = client
        self._stop = stop
        self._guard = guard
        self._journal = journal
        self._log = log
        # What every ending of this submission has in common.
        self._ending = Ending(End.REFUSED, conn_id=conn_id, durable=journal.durable, resubmits=resubmits)
        self._accepted: Video | None = None
        self._lost: SubmissionUnknown | None = None

    def settle(self, decision: Decision, request: VideoRequest | None) -> Accepted | Ending:
        """Submit the video, or take up the one that is there.

        :param request: what to submit; ``None`` where the decision submits nothing, and the request was not made.
        :returns: the video, or why there is none: ``REFUSED``, ``UNKNOWN``, ``UNKNOWN_BEFORE``, or ``BROKEN`` where the
            process was interrupted after the gateway had accepted the video.
        :raises Sora2Error: nothing was sent, or what was accepted could not be written down.
        """
        if isinstance(decision, Resume):
            return self._take_up(decision, request)
        if isinstance(decision, OutcomeUnknown):
            return self._unknown_before(decision)
        if request is None or isinstance(decision, RequestNeeded):
            raise FinalError("There is no request to submit", Fate.NOTHING_SENT)
        return self.submit(request, decision)

    def submit(self, request: VideoRequest, decision: Submit | None = None) -> Accepted | Ending:
        """Submit the video: see :meth:`settle`."""
        try:
            self._client.check(request)
        except ValueError as error:
            raise InvalidParameter(str(error), Fate.NOTHING_SENT) from None
        except GatewayError as error:
            return self._ended(End.REFUSED, error)
        # Before the intent: a process that dies between the two has lost a reservation, and nothing is unknown.
        reservation = self._guard.reserve()
        try:
            return self._submit(request, decision or Submit())
        finally:
            if self._accepted is None and self._lost is None:
                reservation.release()

    def _unknown_before(self, decision: OutcomeUnknown) -> Ending:
        record = decision.record
        if not record.unknown_reported:
            metrics.unknown_submission()
        ending = self._ended(End.UNKNOWN_BEFORE, conn_id=record.conn_id, sent_at=record.intent_at)
        self._journal.mark_outcome_unknown(failure(ending))
        return ending

    def _take_up(self, decision: Resume, request: VideoRequest | None) -> Accepted:
        record = decision.record
        video_id = str(record.video_id)
        self._log.info("Video %s of an earlier try is taken up again; nothing is submitted.", video_id)
        if decision.changed:
            self._log.warning(
                "The request or the connection has changed since video %s was submitted, with connection %r. To render "
                "the new request, clear the task.",
                video_id,
                record.conn_id,
            )
        self._journal.adopt(record)
        metrics.resumed()
        try:
            video = self._client.get_video(video_id)
        except GatewayError as error:
            self._log.warning("The gateway could not say how video %s stands: %s", video_id, error)
            metrics.poll_failed(error)
            video = Video(video_id, VideoStatus.UNKNOWN)
        # The first records held no request.
        sent = record.request or (request.to_json() if request is not None else {})
        return Accepted(video, sent, record.intent_at, time.time(), record.dialect)

    def _submit(self, request: VideoRequest, decision: Submit) -> Accepted | Ending:
        if decision.unknown:
            self._log.warning(
                "An earlier create of this task may have been paid for; as decided, another one is submitted now."
            )
        if decision.abandoned:
            self._log.warning("Video %s of an earlier try is given up, and may still be rendering.", decision.abandoned)
        self._log.info(
            "Submitting a video: %s, %s, %s, %s s, source images: %s",
            request.model,
            request.orientation,
            request.size,
            request.duration,
            len(request.images) or "none",
        )
        since = time.time()
        try:
            video = send(lambda: self._send_once(request), pause=self._stop.pause, report=self._log.warning)
        except SubmissionUnknown as error:
            return self._ended(End.UNKNOWN, error)
        except GatewayError as error:
            return self._ended(End.REFUSED, error)
        except FinalError:
            # The id could not be written down. No XCom either: Airflow does not keep a process that it has given up from
            # writing over its successor's.
            raise
        except BaseException as error:
            # A signal that was deferred acts now, as an exception that Airflow would retry.
            if self._accepted is not None:
                return self._ended(End.BROKEN, error, video_id=self._accepted.id)
            if self._lost is not None:
                return self._ended(End.UNKNOWN, self._lost)
            raise
        return Accepted(video, request.to_json(), since, since, self._client.dialect_for(request).name)

    def _send_once(self, request: VideoRequest) -> Video:
        """Write the intent, send the create once, and write what became of it."""
        conn_id = self._ending.conn_id
        # A signal between the intent and the id would leave a video that no record names.
        with deferred_signals() as arrived:
            self._stop.check()
            dialect = self._client.dialect_for(request).name
            self._journal.intend(digest_of(request, conn_id), conn_id, request.to_json(), dialect)
            if arrived:
                self._journal.refused()
                self._stop.told = True
                self._stop.check()
            self._ending = dataclasses.replace(self._ending, sent_at=time.time())
            try:
                self._accepted = self._client.create_video(request)
            except SubmissionUnknown as error:
                self._note_lost(error)
                raise
            except GatewayError:
                self._journal.refused()
                raise
            except BaseException as error:
                # A defect, or a time-out that could not be deferred outside the main thread.
                name = type(error).__name__
                lost = SubmissionUnknown(f"The task was interrupted during the create ({name})")
                self._note_lost(lost)
                raise lost from error
            # Before anything else can fail: the id stands in the log, wherever the record goes.
            self._log.info("The gateway accepted video %s", self._accepted.id)
            if beside := ids_beside(self._accepted.raw, self._accepted.id):
                self._log.info("Its answer also names: %s", beside)
            try:
                self._journal.accepted(self._accepted.id)
            finally:
                metrics.created()
        return self._accepted

    def _note_lost(self, lost: SubmissionUnknown) -> None:
        self._lost = lost
        metrics.unknown_submission()
        self._journal.mark_outcome_unknown(failure(self._ended(End.UNKNOWN, lost)))

    def _ended(self, end: End, error: BaseException | None = None, **facts: Any) -> Ending:
        return dataclasses.replace(self._ending, end=end, error=error, **facts)
