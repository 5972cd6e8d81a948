"""The sensor: waits for a video that some earlier task created."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from sora2_provider.compat import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    BaseSensorOperator,
    Context,
    PokeReturnValue,
)
from sora2_provider.gateway.errors import GatewayError
from sora2_provider.gateway.models import VideoStatus
from sora2_provider.gateway.waiting import DEFAULT_TIMEOUT, Finished, ProgressReport, VideoWait
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.outcomes import pick_up, refused, rendering_ended


class Sora2VideoSensor(BaseSensorOperator):
    """Waits until a video is completed, and returns it as a dict (``Video.to_dict()``).

    Asking costs nothing, so retries are safe. A failed or cancelled rendering fails the task at once. Questions that
    fail are ridden out: in poke mode until they have failed for minutes, in reschedule mode, which remembers nothing
    between two pokes, until the timeout.

    :param video_id: the id that ``Sora2CreateVideoOperator`` returned.
    :param sora2_conn_id: the connection that the video was created with.
    :param poke_interval: seconds between two questions.
    :param timeout: seconds to wait.
    """

    template_fields: Sequence[str] = ("video_id", "sora2_conn_id")
    ui_color = "#fff3d6"

    def __init__(
        self,
        *,
        video_id: Any,
        sora2_conn_id: str = Sora2Hook.default_conn_name,
        poke_interval: float = 15,
        timeout: float = DEFAULT_TIMEOUT,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        self.video_id = video_id
        self.sora2_conn_id = sora2_conn_id
        self._hook: Sora2Hook | None = None
        self._wait: VideoWait | None = None
        self._progress = ProgressReport()
        self._started = 0.0

    def execute(self, context: Context) -> Any:
        """Poke until the rendering has ended, as every sensor does."""
        self._started = time.time()
        try:
            return super().execute(context)
        except AirflowSensorTimeout as error:
            raise AirflowSensorTimeout(f"{error} {pick_up(str(self.video_id), self.sora2_conn_id)}") from None
        finally:
            if self._hook is not None:
                self._hook.close()

    def poke(self, context: Context) -> PokeReturnValue:
        """Ask once.

        :raises AirflowFailException: the rendering failed or was cancelled, or the gateway refuses to tell.
        """
        if self._hook is None:
            self._hook = Sora2Hook(self.sora2_conn_id)
            self._wait = VideoWait(deadline=math.inf)
        try:
            video = self._hook.get_video(self.video_id)
        except GatewayError as error:
            return self._ride_out(error)
        if self._wait is not None:
            self._wait.on_video(video, now=time.time())
        if line := self._progress.line(video, elapsed=time.time() - (self._started or time.time())):
            self.log.info("Video %s", line)
        if video.status in (VideoStatus.FAILED, VideoStatus.CANCELLED):
            raise AirflowFailException(str(rendering_ended(video)))
        done = video.status is VideoStatus.COMPLETED
        return PokeReturnValue(is_done=done, xcom_value=video.to_dict() if done else None)

    def _ride_out(self, error: GatewayError) -> PokeReturnValue:
        step = self._wait.on_error(error, now=time.time()) if self._wait is not None else None
        if isinstance(step, Finished) and not self.reschedule:
            failure: AirflowException = refused(
                error, f"The gateway has not told the state of {self.video_id} for minutes"
            )
            raise failure from error
        self.log.warning("The gateway could not say how video %s stands: %s", self.video_id, error)
        return PokeReturnValue(is_done=False)
