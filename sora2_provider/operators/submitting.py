"""The part of the create operator that pays: at most once for each task instance."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import pendulum

from sora2_provider.compat import AirflowFailException
from sora2_provider.gateway.errors import GatewayError, SubmissionUnknown
from sora2_provider.gateway.models import Video, VideoRequest, VideoStatus
from sora2_provider.gateway.sending import send
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.interruptions import signals_held
from sora2_provider.ledger import Ledger
from sora2_provider.outcomes import broken_after_submit, refused, unknown_before, unknown_submission
from sora2_provider.submission import OutcomeUnknown, Resume, Submit


class Accepted(NamedTuple):
    """A video that the gateway has accepted, in this try or an earlier one.

    :param since: when it was submitted, in seconds since the epoch.
    :param waits_from: when this try's wait for it begins: one that is taken up again gets a whole timeout.
    """

    video: Video
    since: float
    waits_from: float


def settle(
    decision: Submit | Resume | OutcomeUnknown,
    hook: Sora2Hook,
    ledger: Ledger,
    request: VideoRequest,
    digest: str,
    *,
    resubmits: bool,
    log: Any,
) -> Accepted:
    """Return the task's video: submit it, or take up the one that is there.

    :param decision: what the ledger allows.
    :param hook: of the connection to ask: the record's own where there is one.
    :param digest: of the request and the connection id.
    :param resubmits: whether a lost answer is followed by another create, at the next try.
    :raises AirflowFailException: a retry would pay again, or would not help.
    :raises AirflowException: nothing was accepted; a retry may try again.
    """
    if isinstance(decision, OutcomeUnknown):
        ledger.told_unknown()
        at = pendulum.from_timestamp(decision.record.intent_at).to_datetime_string()
        raise unknown_before(f"{at} UTC", decision.record.conn_id)
    if isinstance(decision, Resume):
        return _taken_up(decision, hook, ledger, log)
    if decision.unknown:
        log.warning("An earlier create of this task may have been paid for; as decided, another one is submitted now.")
    if decision.abandoned:
        log.warning("Video %s of an earlier try is given up, and may still be rendering.", decision.abandoned)
    return _submitted(hook, ledger, request, digest, resubmits=resubmits, log=log)


def _taken_up(decision: Resume, hook: Sora2Hook, ledger: Ledger, log: Any) -> Accepted:
    record = decision.record
    video_id = str(record.video_id)
    log.info("Video %s of an earlier try is taken up again; nothing is submitted.", video_id)
    if decision.changed:
        log.warning(
            "The request or the connection has changed since video %s was submitted, with connection %r. To render the "
            "new request, clear the task.",
            video_id,
            record.conn_id,
        )
    ledger.adopt(record)
    try:
        video = hook.get_video(video_id)
    except GatewayError as error:
        log.warning("The gateway could not say how video %s stands: %s", video_id, error)
        video = Video(video_id, VideoStatus.UNKNOWN)
    return Accepted(video, record.intent_at, time.time())


def _submitted(
    hook: Sora2Hook, ledger: Ledger, request: VideoRequest, digest: str, *, resubmits: bool, log: Any
) -> Accepted:
    log.info(
        "Submitting a video: %s, %s, %s, %s s, source images: %s",
        request.model,
        request.orientation,
        request.size,
        request.duration,
        len(request.images) or "none",
    )

    attempt = _Attempt(hook, ledger, request, digest, log)
    since = time.time()
    try:
        video = send(attempt.once, pause=time.sleep, report=log.warning)
    except SubmissionUnknown as error:
        raise unknown_submission(error, resubmits=resubmits) from error
    except GatewayError as error:
        raise refused(error, "The gateway did not accept the video") from error
    except AirflowFailException:
        raise
    except BaseException as error:
        # A signal that was held back acts now, as an exception that Airflow would retry.
        if attempt.accepted is not None:
            raise broken_after_submit(error, attempt.accepted.id, hook.sora2_conn_id, keeps=ledger.keeps) from error
        if attempt.lost is not None:
            raise unknown_submission(attempt.lost, resubmits=resubmits) from error
        raise
    return Accepted(video, since, since)


class _Attempt:
    """A create that is sent, written down, and remembered for whoever interrupts it."""

    def __init__(self, hook: Sora2Hook, ledger: Ledger, request: VideoRequest, digest: str, log: Any) -> None:
        self._hook = hook
        self._ledger = ledger
        self._request = request
        self._digest = digest
        self._log = log
        self.accepted: Video | None = None
        self.lost: SubmissionUnknown | None = None

    def once(self) -> Video:
        """Write the intent, send the create once, and write what became of it."""
        client = self._hook.get_conn()
        # A signal between the intent and the id would leave a video that nobody knows of.
        with signals_held():
            self._ledger.intend(self._digest, self._hook.sora2_conn_id)
            try:
                self.accepted = client.create_video(self._request)
            except SubmissionUnknown as error:
                raise self._unknown(error) from error.__cause__
            except GatewayError:
                self._ledger.refused()
                raise
            except BaseException as error:
                # A defect, or a time-out that could not be held back outside the main thread.
                name = type(error).__name__
                lost = SubmissionUnknown(f"The task was interrupted in the middle of the create ({name})")
                raise self._unknown(lost) from error
            # Before anything else can fail: the id stands in the log, wherever the record goes.
            self._log.info("The gateway accepted video %s", self.accepted.id)
            self._ledger.accepted(self.accepted.id)
        return self.accepted

    def _unknown(self, lost: SubmissionUnknown) -> SubmissionUnknown:
        self.lost = lost
        self._ledger.told_unknown()
        return lost
