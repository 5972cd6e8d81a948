"""The part of the create operator that pays: at most once for each task instance."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import pendulum

from sora2_provider.compat import AirflowException, AirflowFailException
from sora2_provider.exceptions import BalanceTooLow, CapReached
from sora2_provider.gateway.errors import GatewayError, SubmissionUnknown
from sora2_provider.gateway.models import Video, VideoRequest, VideoStatus
from sora2_provider.gateway.resend import send
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.reporting import metrics
from sora2_provider.reporting.failures import broken_after_submit, refused, unknown_before, unknown_submission
from sora2_provider.reporting.retry_policy import say_what_is_not_passed_on
from sora2_provider.spending.caps import Reservation
from sora2_provider.submission.decision import Decision, OutcomeUnknown, RequestNeeded, Resume, Submit
from sora2_provider.submission.journal import Ledger
from sora2_provider.submission.record import digest_of
from sora2_provider.submission.signals import signals_held


class Accepted(NamedTuple):
    """A video that the gateway has accepted, in this try or an earlier one.

    :param request: what was sent for it.
    :param since: when it was submitted, in seconds since the epoch.
    :param waits_from: when this try's wait for it begins: one that is taken up again gets a whole timeout.
    """

    video: Video
    request: dict[str, Any]
    since: float
    waits_from: float


class Submitter:
    """Gets a task its video, as far as its ledger allows.

    :param hook: of the connection to ask: the record's own where there is one.
    :param request: what to submit; ``None`` where the decision submits nothing, and the request was not made.
    :param resubmits: whether a lost answer is followed by another create, at the next try.
    :param retry_waits: whether Airflow's next retry will wait for as long as a cap makes it.
    :param log: the task's.
    """

    def __init__(
        self,
        hook: Sora2Hook,
        ledger: Ledger,
        request: VideoRequest | None,
        *,
        resubmits: bool,
        retry_waits: bool,
        log: Any,
    ) -> None:
        self._hook = hook
        self._ledger = ledger
        self._request = request
        self._resubmits = resubmits
        self._retry_waits = retry_waits
        self._log = log
        self._accepted: Video | None = None
        self._lost: SubmissionUnknown | None = None
        self._sent_at = 0.0

    def settle(self, decision: Decision) -> Accepted:
        """Submit the video, or take up the one that is there.

        :raises AirflowFailException: a retry would pay again, or would not help.
        :raises AirflowException: a retry is safe: nothing was accepted, or it finds what was.
        """
        if isinstance(decision, Resume):
            return self._take_up(decision)
        if isinstance(decision, OutcomeUnknown):
            if not decision.record.unknown_reported:
                metrics.unknown_submission()
            unknown = unknown_before(_shown(decision.record.intent_at), decision.record.conn_id)
            self._ledger.told_unknown(unknown)
            raise unknown
        if self._request is None or isinstance(decision, RequestNeeded):
            raise AirflowFailException("There is no request to submit. Nothing was sent, and nothing was paid.")
        # Before the intent: a process that dies between the two has lost a slot, and nothing is unknown.
        slots = self._claimed_slots()
        try:
            return self._submit(decision, self._request)
        except BaseException:
            if self._accepted is None and self._lost is None:
                slots.release()
            raise

    def _claimed_slots(self) -> Reservation:
        try:
            return self._hook.claim_slots(retry_waits=self._retry_waits)
        except CapReached:
            metrics.failed(metrics.Failure.CAP)
            raise
        except BalanceTooLow:
            metrics.failed(metrics.Failure.MIN_BALANCE)
            raise

    def _take_up(self, decision: Resume) -> Accepted:
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
        self._ledger.adopt(record)
        metrics.resumed()
        try:
            video = self._hook.get_video(video_id)
        except GatewayError as error:
            self._log.warning("The gateway could not say how video %s stands: %s", video_id, error)
            metrics.poll_failed(error)
            video = Video(video_id, VideoStatus.UNKNOWN)
        # The first records held no request.
        sent = record.request or (self._request.to_json() if self._request is not None else {})
        return Accepted(video, sent, record.intent_at, time.time())

    def _submit(self, decision: Submit, request: VideoRequest) -> Accepted:
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
            video = send(lambda: self._send_once(request), pause=time.sleep, report=self._log.warning)
        except SubmissionUnknown as error:
            raise self._unknown(error) from error
        except GatewayError as error:
            metrics.failed(error)
            say_what_is_not_passed_on(error, self._log)
            raise refused(error, "The gateway did not accept the video") from error
        except AirflowFailException:
            # Its id could not be written down. No XCom either: Airflow does not keep a process that it has given up from
            # writing over its successor's.
            raise
        except BaseException as error:
            # A signal that was held back acts now, as an exception that Airflow would retry.
            if self._accepted is not None:
                conn_id, keeps = self._hook.sora2_conn_id, self._ledger.keeps
                raise broken_after_submit(error, self._accepted.id, conn_id, keeps=keeps) from error
            if self._lost is not None:
                raise self._unknown(self._lost) from error
            raise
        return Accepted(video, request.to_json(), since, since)

    def _send_once(self, request: VideoRequest) -> Video:
        """Write the intent, send the create once, and write what became of it."""
        client, conn_id = self._hook.get_conn(), self._hook.sora2_conn_id
        # A signal between the intent and the id would leave a video that nobody knows of.
        with signals_held():
            self._ledger.intend(digest_of(request, conn_id), conn_id, request.to_json())
            self._sent_at = time.time()
            try:
                self._accepted = client.create_video(request)
            except SubmissionUnknown as error:
                self._note_lost(error)
                raise
            except GatewayError:
                self._ledger.refused()
                raise
            except BaseException as error:
                # A defect, or a time-out that could not be held back outside the main thread.
                name = type(error).__name__
                lost = SubmissionUnknown(f"The task was interrupted in the middle of the create ({name})")
                self._note_lost(lost)
                raise lost from error
            # Before anything else can fail: the id stands in the log, wherever the record goes.
            self._log.info("The gateway accepted video %s", self._accepted.id)
            try:
                self._ledger.accepted(self._accepted.id)
            finally:
                metrics.created()
        return self._accepted

    def _note_lost(self, lost: SubmissionUnknown) -> None:
        self._lost = lost
        metrics.unknown_submission()
        self._ledger.told_unknown(self._unknown(lost))

    def _unknown(self, lost: SubmissionUnknown) -> AirflowException:
        return unknown_submission(lost, sent_at=_shown(self._sent_at), resubmits=self._resubmits)


def _shown(moment: float) -> str:
    return pendulum.from_timestamp(moment).to_datetime_string()
