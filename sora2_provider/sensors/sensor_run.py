"""One run of the sensor in a task process: asks, in whichever mode, and tells how the rendering ended."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sora2_provider.compat import (
    AirflowException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    Context,
    PokeReturnValue,
)
from sora2_provider.exceptions import Fate, FinalError, Sora2Error
from sora2_provider.gateway.dialects import UNIFIED
from sora2_provider.gateway.errors import GatewayError, VideoNotFound
from sora2_provider.gateway.models import Video, VideoStatus
from sora2_provider.gateway.polling.progress import ProgressReport, duration_text
from sora2_provider.gateway.polling.wait import Finished, Outcome, VideoWait
from sora2_provider.hooks.operations import ends_for_good
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.reporting import metrics
from sora2_provider.reporting.endings import End, Ending
from sora2_provider.reporting.failures import not_told, out_of_time, rendering_ended, still_rendering
from sora2_provider.reporting.retry_policy import pass_on_retry_after
from sora2_provider.triggers.events import TRIGGER_GRACE, UnreadableEvent, from_event
from sora2_provider.triggers.sora2 import Sora2VideoTrigger
from sora2_provider.triggers.time_limits import TIMEOUT, as_out_of_time, end_of_wait


class SensorRun:
    """A sensor at work.

    :param sensor: the :class:`Sora2VideoSensor`, with its templates rendered and its arguments checked.
    """

    def __init__(self, sensor: Any) -> None:
        self._sensor = sensor
        self._video_id: str = sensor.video_id
        self._hook = Sora2Hook(sensor.sora2_conn_id, dialect=sensor.dialect)
        self._started = time.time()
        self._wait = VideoWait(started=self._started, deadline=math.inf)
        self._progress = ProgressReport()
        self._last: Video | None = None
        self._error: GatewayError | None = None

    def execute(self, poke_until_done: Callable[[], Any], context: Context) -> Any:
        """Wait, in the triggerer or by Airflow's own way of poking."""
        pass_on_retry_after(self._sensor)
        try:
            if not self._sensor.deferrable:
                return poke_until_done()
            asked = self.poke(context)
            if not asked.is_done:
                self._defer(context)
            return asked.xcom_value
        except AirflowSensorTimeout:
            raise self._timed_out() from None
        except AirflowTaskTimeout as error:
            raise self.out_of_time(error) from error
        finally:
            self._hook.close()

    def go_on(self, event: Any, context: Context, *, ends_by: str) -> Any:
        """Go on after a deferral.

        :param event: the trigger's.
        :param ends_by: which parameter of the sensor ended the wait, if nothing else did.
        """
        try:
            finished = from_event(event, video_id=self._video_id)
        except UnreadableEvent as error:
            raise Sora2Error(str(error), Fate.FREE_QUESTION, "Clear the task to wait again.") from error
        self._last, self._error = finished.video, finished.error
        if finished.outcome is Outcome.TIMEOUT:
            raise self._timed_out() if ends_by == TIMEOUT else self.out_of_time(AirflowTaskTimeout())
        if finished.video is not None and finished.outcome is not Outcome.UNREACHABLE:
            return self._ended(finished.video, context)
        raise self._unreachable(finished.error or GatewayError("no answer", transient=True))

    def poke(self, context: Context) -> PokeReturnValue:
        """Ask once."""
        sensor = self._sensor
        try:
            video = self._hook.get_video(self._video_id)
        except GatewayError as error:
            metrics.poll_failed(error)
            self._error = error
            step = self._wait.on_error(error, now=time.time())
            if isinstance(step, Finished) and not sensor.reschedule:
                raise self._unreachable(error) from error
            sensor.log.warning("The gateway could not say how video %s stands: %s", self._video_id, error)
            return PokeReturnValue(is_done=False)
        self._last, self._error = video, None
        step = self._wait.on_video(video, now=time.time())
        # In reschedule mode each poke is a new process, which does not know when the wait began.
        elapsed = None if sensor.reschedule else time.time() - self._started
        if line := self._progress.line(video, elapsed=elapsed):
            sensor.log.info("Video %s", line)
        if isinstance(step, Finished) or self._ends_for_good(video):
            return PokeReturnValue(is_done=True, xcom_value=self._ended(video, context))
        return PokeReturnValue(is_done=False)

    def _ends_for_good(self, video: Video) -> bool:
        """Whether an end is confirmed within this poke, where the next one would not know of it."""
        sensor = self._sensor
        forgets = sensor.reschedule or sensor.deferrable
        return forgets and ends_for_good(self._hook.get_conn(), video, log=sensor.log)

    def _defer(self, context: Context) -> None:
        sensor = self._sensor
        ends, ends_by = end_of_wait(sensor, context, self._started + sensor.timeout)
        dialect = self._dialect_name()
        trigger = Sora2VideoTrigger(
            video_id=self._video_id,
            sora2_conn_id=sensor.sora2_conn_id,
            started=self._started,
            deadline=ends,
            poll_interval=sensor.poke_interval,
            dialect=dialect,
        )
        sensor.defer(
            trigger=trigger,
            method_name="execute_complete",
            kwargs={
                "video_id": self._video_id,
                **({} if ends_by == TIMEOUT else {"ends_by": ends_by}),
                **({} if dialect == UNIFIED else {"dialect": dialect}),
            },
            # Airflow's own timeout, in case the triggerer is down.
            timeout=timedelta(seconds=max(0.0, ends - self._started) + TRIGGER_GRACE),
        )

    def _ended(self, video: Video, context: Context) -> dict[str, Any]:
        described = {**video.to_dict(), "dialect": self._dialect_name()}
        context["ti"].xcom_push(key="video", value={**described, "conn_id": self._sensor.sora2_conn_id})
        if video.status is VideoStatus.COMPLETED:
            metrics.completed(video)
            return described
        metrics.failed(self._ending(End[video.status.name]))
        failure = rendering_ended(video)
        # A retry would wait for the same rendering.
        raise self._softly(FinalError(failure.problem, failure.fate, failure.remedy))

    def _dialect_name(self) -> str:
        """Return the wire that the video is asked on.

        :raises AirflowException: it could not be found out.
        """
        try:
            return self._sensor.dialect or self._hook.get_conn().dialect.name
        except GatewayError as error:
            raise self._unreachable(error) from error

    def _softly(self, failure: AirflowException) -> AirflowException:
        """Return the failure, or a skip where the user prefers that: the same in every mode."""
        if self._sensor.soft_fail or self._sensor.never_fail:
            return AirflowSkipException(f"Skipped instead of failed: {failure}")
        return failure

    def _timed_out(self) -> AirflowSensorTimeout:
        ending = self._ending(End.TIMEOUT)
        metrics.failed(ending)
        return AirflowSensorTimeout(still_rendering(ending))

    def out_of_time(self, error: BaseException) -> AirflowException:
        """Return what to raise when the task's ``execution_timeout`` is over.

        :param error: Airflow's.
        """
        ending = as_out_of_time(replace(self._ending(End.BROKEN), error=error), self._sensor)
        metrics.failed(ending)
        return self._softly(out_of_time(ending))

    def _unreachable(self, error: GatewayError) -> AirflowException:
        metrics.failed(self._ending(End.LOST if isinstance(error, VideoNotFound) else End.UNREACHABLE))
        return self._softly(not_told(error, self._video_id))

    def _ending(self, end: End) -> Ending:
        return Ending(
            end,
            self._video_id,
            self._sensor.sora2_conn_id,
            video=self._last,
            error=self._error,
            waited=duration_text(self._sensor.timeout),
        )
