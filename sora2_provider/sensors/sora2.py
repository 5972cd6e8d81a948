"""The sensor: waits for a video that some earlier task created."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sora2_provider.compat import AirflowTaskTimeout, BaseSensorOperator, Context, PokeReturnValue, conf
from sora2_provider.gateway.dialects import UNIFIED
from sora2_provider.gateway.settings import DEFAULT_TIMEOUT
from sora2_provider.hooks.sora2 import Sora2Hook, checked_dialect, checked_id, dialect_for, seconds_to_wait
from sora2_provider.hooks.templates import Seconds, Text, VideoId, given_id, is_settled, put_back
from sora2_provider.links.sora2 import Sora2VideoLink

if TYPE_CHECKING:
    from sora2_provider.compat import PlainXComArg
    from sora2_provider.sensors.sensor_run import SensorRun


class Sora2VideoSensor(BaseSensorOperator):
    """Waits until a video is completed, and returns it as a dict (``Video.to_dict()``).

    XCom: ``return_value`` is that dict; ``video`` is the same with ``conn_id`` added, also of a rendering that failed.

    Asking costs nothing, so retries are safe. A failed or cancelled rendering fails the task at once. Questions that
    fail are ridden out: in poke mode and in the triggerer until they have failed for minutes, in reschedule mode, which
    remembers nothing between two pokes, until the timeout.

    :param video_id: the id that ``Sora2CreateVideoOperator`` returned.
    :param sora2_conn_id: the connection that the video was created with.
    :param dialect: the API that the video was created on, where ``video_id`` is no dict that holds it; ``None`` for what the
        connection says.
    :param deferrable: wait in the triggerer, which holds no worker; the default is Airflow's
        ``[operators] default_deferrable``.
    :param poke_interval: seconds between two questions, in every mode.
    :param timeout: seconds to wait, in every mode.
    """

    template_fields: Sequence[str] = ("video_id", "sora2_conn_id", "timeout", "poke_interval")
    ui_color = "#fff3d6"
    operator_extra_links = (Sora2VideoLink(),)

    if TYPE_CHECKING:
        # Airflow's own annotation knows nothing of keys: ``create.output["video"]``.
        @property
        def output(self) -> PlainXComArg:
            """What the task returns, and by their keys its other XComs."""

    def __init__(
        self,
        *,
        video_id: VideoId,
        sora2_conn_id: Text = Sora2Hook.default_conn_name,
        dialect: str | None = None,
        deferrable: bool | None = None,
        poke_interval: Seconds = 15,
        timeout: Seconds | None = DEFAULT_TIMEOUT,
        **kwargs: Any,
    ) -> None:
        waits = {"poke_interval": poke_interval, "timeout": timeout}
        known = {name: _seconds(name, given) for name, given in waits.items() if is_settled(given)}
        # Airflow's own constructor wants numbers.
        super().__init__(**{"poke_interval": 15, "timeout": DEFAULT_TIMEOUT, **kwargs, **known})
        self._rendered = waits.keys() - known.keys()
        for name in self._rendered:
            setattr(self, name, waits[name])
        if not isinstance(video_id, (str, Mapping)) and not hasattr(video_id, "resolve"):
            checked_id(video_id)
        self.video_id: Any = video_id
        self.sora2_conn_id: Any = sora2_conn_id
        self.dialect = checked_dialect(dialect)
        if deferrable is None:
            deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable
        self._as_written = {"video_id": video_id, "sora2_conn_id": sora2_conn_id}
        self._run: SensorRun | None = None

    def execute(self, context: Context) -> Any:
        """Wait, in the mode that was chosen."""
        return self._begin(context).execute(lambda: super(Sora2VideoSensor, self).execute(context), context)

    def execute_complete(
        self,
        context: Context,
        event: Any = None,
        *,
        video_id: str | None = None,
        ends_by: str = "timeout",
        dialect: str = "",
    ) -> Any:
        """Go on when the trigger has seen the end of the rendering.

        :param video_id: the id that was waited for. ``airflow dags test`` loses it (seen on 3.3.2); the rendered field
            has it too.
        :param ends_by: which parameter ends the wait.
        :param dialect: the wire that the video was asked on, where it is not the unified one.
        """
        self.dialect = dialect or dialect_for(self.video_id, self.dialect) or UNIFIED
        self.video_id = video_id or self.video_id
        return self._begin(context).go_on(event, context, ends_by=ends_by)

    def poke(self, context: Context) -> PokeReturnValue:
        """Ask once.

        :raises AirflowFailException: the rendering failed or was cancelled, or the gateway refuses to tell.
        """
        return (self._run or self._begin(context)).poke(context)

    def on_kill(self) -> None:
        """Say what has ended the wait, if that was an ``execution_timeout`` that was over before the task came back."""
        from sora2_provider.triggers.time_limits import context_of_late_resume

        if self._run is None and (context := context_of_late_resume()) is not None:
            late = AirflowTaskTimeout()
            raise self._begin(context).out_of_time(late) from late

    def _begin(self, context: Context) -> SensorRun:
        # Imported here: DAG files must parse fast.
        from sora2_provider.sensors.sensor_run import SensorRun

        put_back(self, context, *self._as_written)
        self.dialect = dialect_for(self.video_id, self.dialect)
        self.video_id = given_id(self, context)
        for name in self._rendered:
            setattr(self, name, _seconds(name, getattr(self, name)))
        self._run = SensorRun(self)
        return self._run


def _seconds(name: str, given: Any) -> Any:
    """Return seconds to wait; Airflow allows 0, too, and no timeout of its own."""
    return seconds_to_wait(name, given) if given else given
