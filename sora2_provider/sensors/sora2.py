"""The sensor: waits for a video that some earlier task created."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sora2_provider.compat import BaseSensorOperator, Context, PokeReturnValue, conf
from sora2_provider.gateway.settings import DEFAULT_TIMEOUT
from sora2_provider.hooks.sora2 import Sora2Hook, check_wait, checked_id
from sora2_provider.links.sora2 import Sora2VideoLink

if TYPE_CHECKING:
    from sora2_provider.sensors.sensor_run import SensorRun


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
        for name, given in (("poke_interval", poke_interval), ("timeout", timeout)):
            # Airflow allows 0, a timedelta, and no timeout of its own.
            if given and not isinstance(given, timedelta):
                check_wait(**{name: given})
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        if not isinstance(video_id, (str, Mapping)) and not hasattr(video_id, "resolve"):
            checked_id(video_id)
        self.video_id = video_id
        self.sora2_conn_id = sora2_conn_id
        if deferrable is None:
            deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable
        self._run: SensorRun | None = None

    def execute(self, context: Context) -> Any:
        """Wait, in the mode that was chosen."""
        return self._begin().execute(lambda: super(Sora2VideoSensor, self).execute(context), context)

    def execute_complete(self, context: Context, event: Any = None, *, video_id: str | None = None) -> Any:
        """Go on when the trigger has seen the end of the rendering.

        :param video_id: the id that was waited for. ``airflow dags test`` loses it (seen on 3.3.2); the rendered field
            has it too.
        """
        self.video_id = video_id or self.video_id
        return self._begin().go_on(event, context)

    def poke(self, context: Context) -> PokeReturnValue:
        """Ask once.

        :raises AirflowFailException: the rendering failed or was cancelled, or the gateway refuses to tell.
        """
        return (self._run or self._begin()).poke(context)

    def _begin(self) -> SensorRun:
        # Imported here: DAG files must parse fast.
        from sora2_provider.sensors.sensor_run import SensorRun

        self._run = SensorRun(self)
        return self._run
