"""One run of the create operator in a task process: pays at most once, waits, stores the file."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any, NoReturn

from sora2_provider.compat import AirflowException, AirflowFailException, BaseOperator, Context, TaskDeferred
from sora2_provider.exceptions import (
    BalanceTooLow,
    CapReached,
    Fate,
    InvalidParameter,
    LeftRendering,
    RenderingFailed,
    Sora2Error,
)
from sora2_provider.gateway.models import Video, VideoRequest, VideoStatus
from sora2_provider.gateway.polling.estimates import RenderingKind
from sora2_provider.gateway.polling.progress import duration_text
from sora2_provider.gateway.polling.wait import Finished, Outcome
from sora2_provider.hooks.operations import await_outcome, ends_for_good
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.hooks.templates import native_hint
from sora2_provider.operators import arguments
from sora2_provider.operators.create_options import CreateOptions, ResumeState
from sora2_provider.reporting.endings import End, Ending
from sora2_provider.reporting.failures import failure, pick_up
from sora2_provider.reporting.retry_policy import pass_on_retry_after
from sora2_provider.reporting.task_report import TaskReport
from sora2_provider.reporting.video_metadata import VideoMetadata
from sora2_provider.submission.decision import Decision, RequestNeeded, Resume, Submit
from sora2_provider.submission.journal import SubmissionJournal
from sora2_provider.submission.record import digest_of
from sora2_provider.submission.stores import RecordUnavailable, storage_warning, store_of
from sora2_provider.submission.submitter import Accepted, Submitter
from sora2_provider.submission.task_try import TaskTry, is_foreign
from sora2_provider.triggers.events import TRIGGER_GRACE, from_event
from sora2_provider.triggers.sora2 import Sora2VideoTrigger
from sora2_provider.triggers.time_limits import as_out_of_time, end_of_wait

#: Failures that say already what becomes of the video.
_SAID = (AirflowFailException, RenderingFailed, LeftRendering, TaskDeferred)


class CreateRun:
    """A create task at work.

    :param task: the operator: its log, outlets and deferral.
    :param make_request: returns the parameters of the request, by name.
    """

    def __init__(
        self,
        task: BaseOperator,
        options: CreateOptions,
        make_request: Callable[[], dict[str, Any]],
        context: Context,
    ) -> None:
        self._task = task
        self._options = options
        self._make_request = make_request
        self._context = context
        self._log = task.log
        self._asleep = False
        self._stop = TaskTry.of(task, context).claims.stop
        self._retry_waits = pass_on_retry_after(task)
        self._report = TaskReport(task, context, VideoMetadata(options.sora2_conn_id))

    @property
    def metadata(self) -> VideoMetadata:
        """What is known of the video by now."""
        return self._report.metadata

    def start(self) -> str:
        """Submit the video, or take up the one of an earlier try, and do all that the task is for."""
        try:
            with self._stop.watching():
                return self._start()
        except (InvalidParameter, CapReached, BalanceTooLow) as error:
            self._report.failed(error)
            raise

    def go_on(self, event: Any, kept: dict[str, Any] | None) -> str:
        """Go on after a deferral.

        :param event: the trigger's.
        :param kept: the resume state as the deferral kept it.
        """
        state = ResumeState.of(kept) if kept else ResumeState.of_xcom(self._task, self._context, event)
        self._report.metadata, journal = state.metadata, self._journal()
        hook = Sora2Hook(state.conn_id, dialect=state.dialect)
        with contextlib.closing(hook), self._no_second_bill(state, journal):
            return self._finish(hook, from_event(event, video_id=state.video_id), state, journal)

    def broken_resume(self, error: BaseException, kept: dict[str, Any] | None) -> BaseException:
        """Return what to raise when a deferral was not resumed as it should.

        Whatever else is broken by now, this must end in a failure that leads to no second bill.

        :param kept: what the task left for its resume.
        """
        if isinstance(error, _SAID):
            return error
        video_id, conn_id, durable = "of this task's log", self._options.sora2_conn_id, False
        with contextlib.suppress(Exception):
            record = (kept or {}).get("record")
            state = ResumeState.of(record) if record else ResumeState.of_xcom(self._task, self._context)
            video_id, conn_id = state.video_id, state.conn_id
        with contextlib.suppress(Exception):
            durable = self._journal().durable
        return self._failed(Ending(End.BROKEN, video_id, conn_id, durable, error=error))

    def stop(self) -> None:
        """Say which video goes on rendering, and end a wait in this process.

        :raises AirflowException: out of the wait.
        """
        if video_id := self.metadata.video_id:
            self._log.warning(
                "The task is stopped before the end of video %s. %s %s",
                video_id,
                Fate.RENDERING,
                pick_up(video_id, self.metadata.conn_id),
            )
        if self._asleep:
            # Airflow 3 calls this from its signal handler, and then lets the task go on until it is killed. Only while
            # it waits: an exception in the middle of a talk with the supervisor would garble that.
            self._asleep = False
            raise AirflowException("it was stopped while it waited")

    def _start(self) -> str:
        # Not in a resume, which waits no more: there nothing may stand in the way of a video that is paid for.
        options = self._options = self._options.with_seconds(self._task)
        if options.deferrable and is_foreign(self._task, self._context):
            raise InvalidParameter(
                f"{self._task.task_id}: deferrable=True, in the code of another task: Airflow cannot resume it",
                Fate.NOTHING_SENT,
                "Write deferrable=False there, or make the operator a task of its own.",
            )
        arguments.checked_connection_id(options.sora2_conn_id)
        if options.wait_for_completion and options.output_path is not None:
            arguments.check_one_path("output_path", options.output_path, "Sora2CreateVideoOperator")
            arguments.checked_target(str(options.output_path))
        if warning := arguments.warning_of_setup(self._task, options.on_clear):
            self._log.warning(warning)
        journal = self._journal(warns=options.durable)
        decision, request = self._decided(journal)
        there = decision.record if isinstance(decision, Resume) else None
        conn_id, dialect = (there.conn_id, there.dialect) if there else (options.sora2_conn_id, options.dialect)
        with contextlib.closing(Sora2Hook(conn_id, dialect=dialect)) as hook:
            self._report.metadata = VideoMetadata(conn_id, request=request.to_json() if request is not None else {})
            submitter = Submitter(
                hook.get_conn(),
                hook.spending_guard(retry_waits=self._retry_waits),
                journal,
                conn_id=conn_id,
                stop=self._stop,
                resubmits=options.on_unknown_submission == "resubmit",
                log=self._log,
            )
            accepted = submitter.settle(decision, request)
            if isinstance(accepted, Ending):
                self._fail(accepted)
            return self._follow(hook, accepted, conn_id, journal)

    def _decided(self, journal: SubmissionJournal) -> tuple[Decision, VideoRequest | None]:
        """Return what this try may do, and the request, which a function of the user's makes only where it is needed."""
        request = None if self._options.makes_request_late else self._request()
        decision = self._asked(journal, request)
        if request is None and isinstance(decision, (Submit, RequestNeeded)):
            request = self._request()
            # The function took its time: another process may have written something meanwhile.
            decision = self._asked(journal, request)
        return decision, request

    def _asked(self, journal: SubmissionJournal, request: VideoRequest | None) -> Decision:
        options = self._options
        digest = None if request is None else digest_of(request, options.sora2_conn_id)
        return journal.decide(digest, on_clear=options.on_clear, on_unknown=options.on_unknown_submission)

    def _request(self) -> VideoRequest:
        # Outside of the try: an error of a user's function is the user's own.
        parameters = self._make_request()
        try:
            return VideoRequest(**parameters)
        except ValueError as error:
            texts = [parameters.get(name) for name in ("prompt", "model", "orientation", "size")]
            raise InvalidParameter(str(error), Fate.NOTHING_SENT, native_hint(self._task, *texts)) from None

    def _journal(self, *, warns: bool = False) -> SubmissionJournal:
        try:
            store = store_of(self._context) if self._options.durable else None
        except RecordUnavailable as error:
            raise Sora2Error(str(error), Fate.NOTHING_SENT) from error
        if warns and (warning := storage_warning(store)):
            self._log.warning(warning)
        return SubmissionJournal(store, TaskTry.of(self._task, self._context), log=self._log)

    def _follow(self, hook: Sora2Hook, accepted: Accepted, conn_id: str, journal: SubmissionJournal) -> str:
        """Do what is left to do for a video that is accepted."""
        video = accepted.video
        known = VideoMetadata(conn_id, request=accepted.request, dialect=accepted.dialect).with_video(video)
        self._report.metadata, state = known, ResumeState.of_accepted(accepted, known)
        with self._no_second_bill(state, journal):
            self._report.video(video)
            if ends_for_good(hook.get_conn(), video, log=self._log):
                return self._finish(hook, Finished(Outcome(video.status.value), video), state, journal)
            if not self._options.wait_for_completion:
                journal.delivered(video.id)
                return video.id
            if video.status is VideoStatus.COMPLETED:
                return self._finish(hook, Finished(Outcome.COMPLETED, video), state, journal)
            return self._wait(hook, accepted, state, journal)

    def _wait(self, hook: Sora2Hook, accepted: Accepted, state: ResumeState, journal: SubmissionJournal) -> str:
        options = self._options
        kind = RenderingKind(**{name: state.request[name] for name in RenderingKind._fields if name in state.request})
        deadline = accepted.waits_from + options.timeout
        if options.deferrable:
            ends, ends_by = end_of_wait(self._task, self._context, deadline)
            self._defer(kind, replace(state, ends_by=ends_by), ends)
        self._asleep = True
        try:
            finished = await_outcome(
                hook.get_conn(),
                state.video_id,
                started=state.started,
                deadline=deadline,
                expected=kind.expected,
                poll_interval=options.poll_interval,
                log=self._log,
            )
        finally:
            self._asleep = False
        return self._finish(hook, finished, state, journal)

    def _defer(self, kind: RenderingKind, state: ResumeState, deadline: float) -> NoReturn:
        trigger = Sora2VideoTrigger(
            video_id=state.video_id,
            sora2_conn_id=state.conn_id,
            started=state.started,
            deadline=deadline,
            poll_interval=self._options.poll_interval,
            dialect=state.dialect,
            **kind._asdict(),
        )
        self._task.defer(
            trigger=trigger,
            method_name="execute_complete",
            kwargs={"record": asdict(state)},
            # Airflow's own timeout, in case the triggerer is down.
            timeout=timedelta(seconds=max(0.0, deadline - time.time()) + TRIGGER_GRACE),
        )

    def _finish(self, hook: Sora2Hook, finished: Finished, state: ResumeState, journal: SubmissionJournal) -> str:
        """Tell the end of the wait, store the file where that was asked for, and return the id."""
        video = finished.video
        try:
            if video is None or finished.outcome is not Outcome.COMPLETED:
                self._end_without_video(finished, state, journal)
            self._report.completed(video, started=state.started)
            if self._options.output_path is not None:
                self._store(hook, video, str(self._options.output_path), journal)
        finally:
            if video is not None:
                self._report.video(video)
        journal.delivered(state.video_id)
        return state.video_id

    def _end_without_video(self, finished: Finished, state: ResumeState, journal: SubmissionJournal) -> NoReturn:
        waited = duration_text(time.time() - state.started)
        ending = Ending.of_wait(finished, state.video_id, state.conn_id, waited=waited, durable=journal.durable)
        ending = as_out_of_time(ending, self._task, ends_by=state.ends_by)
        if ending.end in (End.FAILED, End.CANCELLED):
            journal.ended(state.video_id)
        elif ending.end is End.LOST:
            journal.mark_lost(state.video_id, failure(ending))
        self._fail(ending)

    def _store(self, hook: Sora2Hook, video: Video, path: str, journal: SubmissionJournal) -> None:
        try:
            stored = hook.download_video(video.id, path, video=video)
        except Exception as error:
            conn_id = hook.sora2_conn_id
            self._fail(Ending(End.NOT_STORED, video.id, conn_id, journal.durable, video, error, path=path))
        self._report.stored(stored)

    def _fail(self, ending: Ending) -> NoReturn:
        raise self._failed(ending) from ending.error

    def _failed(self, ending: Ending) -> Sora2Error:
        ending = as_out_of_time(ending, self._task)
        self._report.failed(ending)
        return failure(ending)

    @contextlib.contextmanager
    def _no_second_bill(self, state: ResumeState, journal: SubmissionJournal) -> Iterator[None]:
        """Turn whatever breaks after the submission into a failure that leads to no second bill."""
        try:
            yield
        except _SAID:
            raise
        except BaseException as error:
            # Time-outs and signals come as BaseException.
            self._fail(Ending(End.BROKEN, state.video_id, state.conn_id, journal.durable, error=error))
