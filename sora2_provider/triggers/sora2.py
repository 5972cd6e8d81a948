"""The trigger: waits for a video in the triggerer, among thousands of others."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from sora2_provider.exceptions import Fate
from sora2_provider.gateway.dialects import UNIFIED
from sora2_provider.gateway.polling.estimates import RenderingKind, rendering_seconds
from sora2_provider.gateway.polling.progress import duration_text
from sora2_provider.gateway.polling.wait import Finished, Outcome, VideoWait
from sora2_provider.reporting.failures import pick_up
from sora2_provider.triggers.events import TRIGGER_GRACE, to_event

if TYPE_CHECKING:
    from sora2_provider.gateway.polling.poller import LogLine


#: Seconds that the gateway has for its answer to the last question before the deadline.
_ANSWER_TIME = 5.0
#: Seconds for the one question of a wait whose deadline had passed before it began: the triggerer was away.
_LAST_CHANCE = 15.0
#: Clocks that differ by fewer seconds count as the same: between the deferral and Airflow's note of it some may pass.
_SAME_CLOCK = 60.0


class Sora2VideoTrigger(BaseTrigger):
    """Waits until a video's rendering has ended, then fires one event (see :mod:`sora2_provider.triggers.events`).

    Its arguments are kept in Airflow's database as flat JSON and hold no secret; the deadline is a moment, so it is the
    same after a restart of the triggerer.

    :param video_id: the video.
    :param sora2_conn_id: the connection it was created with.
    :param started: when it was created, in seconds since the epoch.
    :param deadline: when the wait ends, in seconds since the epoch.
    :param poll_interval: seconds between two polls; ``None`` for a schedule that fits the expected rendering time.
    :param model: with ``size`` and ``duration``: what the expected rendering time depends on.
    :param dialect: the wire that the video was created on. Triggers of 0.1.0 have none, and mean the default.
    """

    def __init__(
        self,
        video_id: str,
        sora2_conn_id: str,
        started: float,
        deadline: float,
        poll_interval: float | None = None,
        model: str = "",
        size: str = "",
        duration: int = 0,
        dialect: str = UNIFIED,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.video_id = video_id
        self.sora2_conn_id = sora2_conn_id
        self.started = started
        self.deadline = deadline
        self.poll_interval = poll_interval
        self.model = model
        self.size = size
        self.duration = duration
        self.dialect = dialect

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow keeps of the trigger."""
        names = (
            "video_id",
            "sora2_conn_id",
            "started",
            "deadline",
            "poll_interval",
            "model",
            "size",
            "duration",
            "dialect",
        )
        return "sora2_provider.triggers.sora2.Sora2VideoTrigger", {name: getattr(self, name) for name in names}

    async def on_kill(self) -> None:
        """Say which video goes on rendering when a person stops the task (Airflow 3.3 and later call this)."""
        hint = pick_up(self.video_id, self.sora2_conn_id)
        self.log.warning("The task is stopped before the end of video %s. %s %s", self.video_id, Fate.RENDERING, hint)

    @property
    def _kind(self) -> RenderingKind:
        # Made when it is needed: what a waiting trigger holds, the garbage collector looks at.
        return RenderingKind(self.model, self.size, self.duration)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and fire the event."""
        # Imported here: the scheduler and the workers import triggers too, and need no aiohttp.
        from sora2_provider.gateway.polling.poller import WatchedVideo
        from sora2_provider.triggers.shared_gateway import shared_gateway

        async with shared_gateway(self.sora2_conn_id) as gateway:
            now = time.time()
            started, deadline = self._on_this_clock(now)
            wait = VideoWait(
                started=started,
                deadline=deadline,
                expected=gateway.estimator.estimate(self._kind),
                poll_interval=self.poll_interval,
                answer_time=_ANSWER_TIME,
            )
            log = self.logger()
            log.info("Waiting for video %s, for %s at most", self.video_id, duration_text(deadline - now))
            watched = WatchedVideo(self.video_id, started, wait, self.dialect)
            ends_after = deadline - now if deadline > now else _LAST_CHANCE
            number = gateway.poller.watch(watched, after=wait.start(now=now).after, ends_after=ends_after)
            ended: Finished | None = None
            try:
                while ended is None:
                    ended = self._log_updates(await watched.updates())
            finally:
                gateway.poller.unwatch(number)
            if ended.video is not None and ended.outcome is Outcome.COMPLETED:
                gateway.estimator.observe(
                    self._kind,
                    time.time() - started,
                    at_least=watched.unfinished - started,
                    told=rendering_seconds(ended.video, created=started),
                )
        log.info("The wait for video %s is over: %s", self.video_id, ended.outcome.value)
        yield TriggerEvent(to_event(self.video_id, ended, started=self.started))  # type: ignore[no-untyped-call]

    def _on_this_clock(self, now: float) -> tuple[float, float]:
        """Return when the video was created and when its wait ends, by this machine's clock.

        Both moments are the worker's. Airflow's API server has kept when the deferral ends, too, by a clock that it and
        the triggerer must agree on anyway. Without that (Airflow 2, ``dag.test()``) a video that is created in the future
        tells that this clock is behind; that it is ahead, nothing tells.
        """
        ahead = 0.0
        kept: datetime | None = getattr(self, "timeout_after", None)
        if kept is not None:
            moment = kept if kept.tzinfo else kept.replace(tzinfo=UTC)
            ahead = moment.timestamp() - TRIGGER_GRACE - self.deadline
        if abs(ahead) < _SAME_CLOCK:
            ahead = 0.0
        ahead = min(ahead, now - self.started)
        return self.started + ahead, self.deadline + ahead

    def _log_updates(self, updates: tuple[LogLine | Finished, ...]) -> Finished | None:
        """Log what is new, and return the end of the wait if it is among it."""
        for one in updates:
            if isinstance(one, Finished):
                return one
            self.logger().log(one.level, "%s", one.text)
        return None
