"""The sensor: waits for a video that some earlier task created."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from sora2_provider.compat import (
    AirflowException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    Context,
    PokeReturnValue,
    conf,
)
from sora2_provider.exceptions import Fate, FinalError, Sora2Error
from sora2_provider.gateway.errors import GatewayError, VideoNotFound
from sora2_provider.gateway.models import VideoStatus
from sora2_provider.gateway.polling.progress import ProgressReport, duration_text
from sora2_provider.gateway.polling.wait import DEFAULT_TIMEOUT, Finished, Outcome, VideoWait
from sora2_provider.hooks.sora2 import Sora2Hook, checked_id
from sora2_provider.links.sora2 import Sora2VideoLink
from sora2_provider.reporting import metrics
from sora2_provider.reporting.endings import End, Ending
from sora2_provider.reporting.failures import not_told, rendering_ended, still_rendering
from sora2_provider.reporting.retry_policy import pass_on_retry_after

if TYPE_CHECKING:
    from sora2_provider.gateway.models import Video


class Sora2VideoSensor(BaseSensorOperator):
    """Waits until a video is completed, and returns it as a dict (``Video.to_dict()``).

    XCom: ``return_value`` is that dict; ``video`` is the same with ``conn_id`` added, also of a rendering that failed.

    Asking costs nothing, so retries are safe. A failed or cancelled rendering fails the task at once. Questions that
    fail are ridden out: in poke mode and in the triggerer until they have failed for minutes, in reschedule mode, which
    remembers nothing between two pokes, until the timeout.

    :param video_id: the id that ``Sora2CreateVideoOperator`` returned.
    :param sora2_conn_id: the connection that the video was created with.
    :param deferrable: wait in the triggerer, which holds no worker; the default is Airflow's
        ``[operators] default_deferrable``.
    :param poke_interval: seconds between two questions, in every mode.
    :param timeout: seconds to wait, in every mode.
    """

    template_fields: Sequence[str] = ("video_id", "sora2_conn_id")
    ui_color = "#fff3d6"
    operator_extra_links = (Sora2VideoLink(),)

    def __init__(
        self,
        *,
        video_id: Any,
        sora2_conn_id: str = Sora2Hook.default_conn_name,
        deferrable: bool | None = None,
        poke_interval: float = 15,
        timeout: float = DEFAULT_TIMEOUT,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        self.video_id = video_id
        self.sora2_conn_id = sora2_conn_id
        if deferrable is None:
            deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable
        self._hook: Sora2Hook | None = None
        self._wait: VideoWait | None = None
        self._progress = ProgressReport()
        self._started = 0.0
        self._last: Video | None = None
        self._error: GatewayError | None = None

    def execute(self, context: Context) -> Any:
        """Wait, in the mode that was chosen."""
        pass_on_retry_after(self)
        self._started = time.time()
        try:
            if not self.deferrable:
                return super().execute(context)
            asked = self.poke(context)
            if asked.is_done:
                return asked.xcom_value
            self._defer()
        except AirflowSensorTimeout:
            raise self._timed_out() from None
        finally:
            if self._hook is not None:
                self._hook.close()

    def execute_complete(self, context: Context, event: Any = None, *, video_id: str | None = None) -> Any:
        """Go on when the trigger has seen the end of the rendering.

        :param video_id: the id that was waited for. ``airflow dags test`` loses it (seen on 3.3.2); the rendered field
            has it too.
        """
        # Loaded here: a DAG file must not pay for it.
        from sora2_provider.triggers.events import UnreadableEvent, from_event

        self.video_id = video_id = video_id or checked_id(self.video_id)
        try:
            finished = from_event(event, video_id=video_id)
        except UnreadableEvent as error:
            raise Sora2Error(str(error), Fate.FREE_QUESTION, "Clear the task to wait again.") from error
        self._last, self._error = finished.video, finished.error
        if finished.outcome is Outcome.TIMEOUT:
            raise self._timed_out()
        if finished.video is not None and finished.outcome is not Outcome.UNREACHABLE:
            return self._ended(finished.video, context)
        raise self._unreachable(finished.error or GatewayError("no answer", transient=True))

    def poke(self, context: Context) -> PokeReturnValue:
        """Ask once.

        :raises AirflowFailException: the rendering failed or was cancelled, or the gateway refuses to tell.
        """
        if self._hook is None or self._wait is None:
            self.video_id = checked_id(self.video_id)
            self._hook = Sora2Hook(self.sora2_conn_id)
            self._started = self._started or time.time()
            self._wait = VideoWait(started=self._started, deadline=math.inf)
        try:
            video = self._hook.get_video(self.video_id)
        except GatewayError as error:
            metrics.poll_failed(error)
            self._error = error
            step = self._wait.on_error(error, now=time.time())
            if isinstance(step, Finished) and not self.reschedule:
                raise self._unreachable(error) from error
            self.log.warning("The gateway could not say how video %s stands: %s", self.video_id, error)
            return PokeReturnValue(is_done=False)
        self._last, self._error = video, None
        self._wait.on_video(video, now=time.time())
        # In reschedule mode each poke is a new process, which does not know when the wait began.
        elapsed = None if self.reschedule else time.time() - self._started
        if line := self._progress.line(video, elapsed=elapsed):
            self.log.info("Video %s", line)
        if video.status.is_terminal:
            return PokeReturnValue(is_done=True, xcom_value=self._ended(video, context))
        return PokeReturnValue(is_done=False)

    def _defer(self) -> NoReturn:
        # Loaded here: a DAG file must not pay for it.
        from sora2_provider.triggers.events import TRIGGER_GRACE
        from sora2_provider.triggers.sora2 import Sora2VideoTrigger

        trigger = Sora2VideoTrigger(
            video_id=self.video_id,
            sora2_conn_id=self.sora2_conn_id,
            started=self._started,
            deadline=self._started + self.timeout,
            poll_interval=self.poke_interval,
        )
        self.defer(
            trigger=trigger,
            method_name="execute_complete",
            kwargs={"video_id": self.video_id},
            # Airflow's own timeout, in case the triggerer is down.
            timeout=timedelta(seconds=self.timeout + TRIGGER_GRACE),
        )

    def _ended(self, video: Video, context: Context) -> dict[str, Any]:
        context["ti"].xcom_push(key="video", value={**video.to_dict(), "conn_id": self.sora2_conn_id})
        if video.status is VideoStatus.COMPLETED:
            metrics.completed(video)
            return video.to_dict()
        metrics.failed(self._ending(End[video.status.name]))
        failure = rendering_ended(video)
        # A retry would wait for the same rendering.
        raise self._softly(FinalError(failure.problem, failure.fate, failure.remedy))

    def _softly(self, failure: AirflowException) -> AirflowException:
        """Return the failure, or a skip where the user prefers that: the same in every mode."""
        if self.soft_fail or self.never_fail:
            return AirflowSkipException(f"Skipped instead of failed: {failure}")
        return failure

    def _timed_out(self) -> AirflowSensorTimeout:
        ending = self._ending(End.TIMEOUT)
        metrics.failed(ending)
        return AirflowSensorTimeout(still_rendering(ending))

    def _unreachable(self, error: GatewayError) -> AirflowException:
        metrics.failed(self._ending(End.LOST if isinstance(error, VideoNotFound) else End.UNREACHABLE))
        return self._softly(not_told(error, str(self.video_id)))

    def _ending(self, end: End) -> Ending:
        return Ending(
            end,
            str(self.video_id),
            self.sora2_conn_id,
            video=self._last,
            error=self._error,
            waited=duration_text(self.timeout),
        )
