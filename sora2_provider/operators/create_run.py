"""One run of the create operator in a task process: pays at most once, waits, stores the file."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from sora2_provider.compat import AirflowException, AirflowFailException, Context, TaskDeferred
from sora2_provider.exceptions import InvalidParameter, LeftRendering, RenderingFailed
from sora2_provider.gateway.errors import GatewayError, VideoNotFound
from sora2_provider.gateway.models import Video, VideoRequest, VideoStatus
from sora2_provider.gateway.polling.estimates import RenderingKind
from sora2_provider.gateway.polling.progress import duration_text
from sora2_provider.gateway.polling.wait import Finished, Outcome
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.links.sora2 import show_link
from sora2_provider.operators import arguments
from sora2_provider.reporting import metrics
from sora2_provider.reporting.assets import announce
from sora2_provider.reporting.failures import (
    TRIGGER_GRACE,
    broken_after_submit,
    not_completed,
    not_stored,
    pick_up,
    rendering_ended,
)
from sora2_provider.reporting.retry_policy import pass_on_retry_after
from sora2_provider.reporting.video_metadata import VideoFacts
from sora2_provider.submission.decision import Decision, RequestNeeded, Resume, Submit
from sora2_provider.submission.journal import Ledger
from sora2_provider.submission.record import digest_of
from sora2_provider.submission.submitter import Accepted, Submitter
from sora2_provider.triggers.events import from_event

if TYPE_CHECKING:
    from sora2_provider.operators.sora2 import Sora2CreateVideoOperator

#: Failures that say already what becomes of the video.
_SAID = (AirflowFailException, RenderingFailed, LeftRendering, TaskDeferred)


class Creation:
    """A create task at work.

    What of it must outlive a deferral is a dict, the *passport*: ``video_id``, ``conn_id``, ``request`` (what was sent),
    ``started`` (seconds since the epoch) and ``usage`` (what the gateway counted).

    :param task: the operator, with its templates rendered.
    """

    def __init__(self, task: Sora2CreateVideoOperator, context: Context) -> None:
        self._task = task
        self._context = context
        self._log = task.log
        self._video_id: str | None = None
        self.facts = VideoFacts(task.sora2_conn_id)
        self._asleep = False
        self._retry_waits = pass_on_retry_after(task)

    def start(self) -> str:
        """Submit the video, or take up the one of an earlier try, and do all that the task is for."""
        try:
            return self._start()
        except InvalidParameter:
            metrics.failed(metrics.Failure.INVALID_PARAMETER)
            raise

    def _start(self) -> str:
        task = self._task
        arguments.checked_connection_id(task.sora2_conn_id)
        if task.wait_for_completion and task.output_path is not None:
            arguments.checked_target(task.output_path)
        ledger = self._ledger()
        if task.durable and not ledger.keeps:
            self._log.warning(
                "What this task submits is written down nowhere, so a crash between submit and success can pay twice. "
                "Set the option [sora2] state_path, or use Airflow 3.3 or later."
            )
        decision, request = self._decided(ledger)
        conn_id = decision.record.conn_id if isinstance(decision, Resume) else task.sora2_conn_id
        with contextlib.closing(Sora2Hook(conn_id)) as hook:
            hook.get_conn()
            self.facts = VideoFacts(conn_id, request=request.to_json() if request is not None else {})
            submitter = Submitter(
                hook,
                ledger,
                request,
                resubmits=task.on_unknown_submission == "resubmit",
                retry_waits=self._retry_waits,
                log=self._log,
            )
            accepted = submitter.settle(decision)
            self._video_id = accepted.video.id
            self.facts = VideoFacts(conn_id, request=accepted.request).with_video(accepted.video)
            passport = {
                "video_id": accepted.video.id,
                "conn_id": conn_id,
                "request": accepted.request,
                "started": accepted.since,
                "usage": self.facts.usage,
            }
            with self._no_second_bill(passport, ledger):
                return self._follow(hook, accepted, passport, ledger)

    def go_on(self, event: Any, passport: dict[str, Any] | None) -> str:
        """Go on after a deferral.

        :param event: the trigger's.
        """
        passport = passport or self._passport_of_xcom()
        self._video_id = video_id = passport["video_id"]
        # A task that was deferred before an upgrade has no usage.
        counted = {"usage": passport.get("usage")}
        self.facts = VideoFacts(passport["conn_id"], video_id, passport["request"], counted)
        ledger = self._ledger()
        with contextlib.closing(Sora2Hook(passport["conn_id"])) as hook, self._no_second_bill(passport, ledger):
            return self._finish(hook, from_event(event, video_id=video_id), passport, ledger)

    def broken_resume(self, error: Exception, kept: dict[str, Any] | None) -> Exception:
        """Return what to raise when a deferral was not resumed as it should.

        Whatever else is broken by now, this must end in a failure that leads to no second bill.

        :param kept: what the task left for its resume.
        """
        if isinstance(error, _SAID):
            return error
        metrics.failed(metrics.Failure.BROKEN)
        video_id, keeps = "of this task's log", False
        with contextlib.suppress(Exception):
            video_id = ((kept or {}).get("record") or self._passport_of_xcom())["video_id"]
        with contextlib.suppress(Exception):
            keeps = self._ledger().keeps
        return broken_after_submit(error, video_id, self._task.sora2_conn_id, keeps=keeps)

    def stop(self) -> None:
        """Say which video goes on rendering, and end a wait in this process.

        :raises AirflowException: out of the wait.
        """
        if self._video_id:
            self._log.warning(
                "The task is stopped. Video %s: %s", self._video_id, pick_up(self._video_id, self._task.sora2_conn_id)
            )
        if self._asleep:
            # Airflow 3 calls this from its signal handler, and then lets the task go on until it is killed. Only while
            # it waits: an exception in the middle of a talk with the supervisor would garble that.
            self._asleep = False
            raise AirflowException("it was stopped while it waited")

    def _decided(self, ledger: Ledger) -> tuple[Decision, VideoRequest | None]:
        """Return what this try may do, and the request, which a function of the user's makes only where it is needed."""
        request = self._request() if self._task.knows_request else None
        decision = self._asked(ledger, request)
        if request is None and isinstance(decision, (Submit, RequestNeeded)):
            request = self._request()
            # The function took its time: another process may have written something meanwhile.
            decision = self._asked(ledger, request)
        return decision, request

    def _asked(self, ledger: Ledger, request: VideoRequest | None) -> Decision:
        task = self._task
        digest = None if request is None else digest_of(request, task.sora2_conn_id)
        return ledger.decide(digest, on_clear=task.on_clear, on_unknown=task.on_unknown_submission)

    def _request(self) -> VideoRequest:
        # Outside of the try: an error of a user's function is the user's own.
        parameters = self._task.make_request(self._context)
        try:
            return VideoRequest(**parameters)
        except ValueError as error:
            raise InvalidParameter(f"{error} Nothing was sent, and nothing was paid.") from None

    def _ledger(self) -> Ledger:
        return Ledger.of(self._context, durable=self._task.durable, log=self._log)

    def _follow(self, hook: Sora2Hook, accepted: Accepted, passport: dict[str, Any], ledger: Ledger) -> str:
        task, video = self._task, accepted.video
        self._push(video, passport)
        if video.status in (VideoStatus.FAILED, VideoStatus.CANCELLED):
            metrics.rendering_ended(video)
            ledger.ended(video.id)
            raise rendering_ended(video)
        if not task.wait_for_completion:
            ledger.delivered(video.id)
            return video.id
        if video.status is VideoStatus.COMPLETED:
            return self._finish(hook, Finished(Outcome.COMPLETED, video), passport, ledger)
        kind = RenderingKind(
            **{name: accepted.request[name] for name in RenderingKind._fields if name in accepted.request}
        )
        deadline = accepted.waits_from + task.timeout
        if task.deferrable:
            self._defer(kind, passport, deadline)
        self._asleep = True
        try:
            finished = hook.await_outcome(
                video.id,
                started=accepted.since,
                deadline=deadline,
                expected=kind.expected,
                poll_interval=task.poll_interval,
            )
        finally:
            self._asleep = False
        return self._finish(hook, finished, passport, ledger)

    def _defer(self, kind: RenderingKind, passport: dict[str, Any], deadline: float) -> NoReturn:
        from sora2_provider.triggers.sora2 import Sora2VideoTrigger

        trigger = Sora2VideoTrigger(
            video_id=passport["video_id"],
            sora2_conn_id=passport["conn_id"],
            started=passport["started"],
            deadline=deadline,
            poll_interval=self._task.poll_interval,
            model=kind.model,
            size=kind.size,
            duration=kind.duration,
        )
        self._task.defer(
            trigger=trigger,
            method_name="execute_complete",
            kwargs={"record": passport},
            # A net below the trigger's own deadline: it catches a triggerer that stays away.
            timeout=timedelta(seconds=max(0.0, deadline - time.time()) + TRIGGER_GRACE),
        )

    def _finish(self, hook: Sora2Hook, finished: Finished, passport: dict[str, Any], ledger: Ledger) -> str:
        """Tell the end of the wait, store the file where that was asked for, and return the id."""
        video_id = str(passport["video_id"])
        ended = finished.video
        stored_uri = None
        metrics.wait_ended(finished, started=passport["started"])
        try:
            if ended is None or finished.outcome is not Outcome.COMPLETED:
                waited = duration_text(time.time() - passport["started"])
                error = not_completed(finished, video_id, passport["conn_id"], waited=waited, keeps=ledger.keeps)
                if finished.outcome in (Outcome.FAILED, Outcome.CANCELLED):
                    ledger.ended(video_id)
                elif finished.outcome is Outcome.UNREACHABLE and isinstance(finished.error, VideoNotFound):
                    ledger.told_lost(video_id, error)
                raise error
            self._log.info("Link: %s", ended.url or "none in the answer: the gateway serves the file itself")
            if self._task.output_path is not None:
                stored_uri = self._store(hook, ended, str(self._task.output_path), ledger)
        finally:
            if ended is not None:
                self._push(ended, passport, stored_uri)
        ledger.delivered(video_id)
        return video_id

    def _store(self, hook: Sora2Hook, video: Video, path: str, ledger: Ledger) -> str:
        try:
            stored = hook.download_video(video.id, path, video=video)
        except Exception as error:
            metrics.failed(error if isinstance(error, GatewayError) else metrics.Failure.STORAGE)
            raise not_stored(error, video.id, hook.sora2_conn_id, path, keeps=ledger.keeps) from error
        self._log.info("Stored %s bytes at %s", stored.size, stored.uri)
        metrics.stored(stored.size)
        self.facts = self.facts.with_video(video).with_file(stored)
        announce(self._task, self._context, self.facts)
        return stored.uri

    def _push(self, video: Video, passport: dict[str, Any], stored_uri: str | None = None) -> None:
        self.facts = self.facts.with_video(video)
        said = {"request": passport["request"], "conn_id": passport["conn_id"], "stored_uri": stored_uri}
        shown = {**self.facts.video, **said}
        self._context["ti"].xcom_push(key="video", value=shown)
        show_link(self._context["ti"], shown)

    def _passport_of_xcom(self) -> dict[str, Any]:
        task_instance = self._context["ti"]
        pushed = task_instance.xcom_pull(task_ids=self._task.task_id, key="video", map_indexes=task_instance.map_index)
        names = ("conn_id", "request", "usage")
        return {"video_id": pushed["id"], "started": time.time(), **{name: pushed[name] for name in names}}

    @contextlib.contextmanager
    def _no_second_bill(self, passport: dict[str, Any], ledger: Ledger) -> Iterator[None]:
        """Turn whatever breaks after the submit into a failure that leads to no second bill."""
        try:
            yield
        except _SAID:
            raise
        except BaseException as error:
            # Time-outs and signals come as BaseException.
            metrics.failed(metrics.Failure.BROKEN)
            raise broken_after_submit(error, passport["video_id"], passport["conn_id"], keeps=ledger.keeps) from error
