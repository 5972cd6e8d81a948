"""The trigger: waits for a video in the triggerer, among thousands of others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from sora2_provider.events import to_event
from sora2_provider.gateway.errors import GatewayError
from sora2_provider.gateway.expectation import RenderingKind
from sora2_provider.gateway.waiting import Finished, Outcome, PollAgain, ProgressReport, VideoWait, duration_text
from sora2_provider.outcomes import pick_up


class Sora2VideoTrigger(BaseTrigger):
    """Waits until a video's rendering has ended, then fires one event (see :mod:`sora2_provider.events`).

    Its arguments are kept in Airflow's database as flat JSON and hold no secret; the deadline is a moment, so it is the
    same after a restart of the triggerer.

    :param video_id: the video.
    :param sora2_conn_id: the connection it was created with.
    :param started: when it was created, in seconds since the epoch.
    :param deadline: when the wait ends, in seconds since the epoch.
    :param poll_interval: seconds between two questions; ``None`` for a schedule that fits the expected rendering time.
    :param model: with ``size`` and ``duration``: what the expected rendering time depends on.
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

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow keeps of the trigger."""
        names = ("video_id", "sora2_conn_id", "started", "deadline", "poll_interval", "model", "size", "duration")
        return "sora2_provider.triggers.sora2.Sora2VideoTrigger", {name: getattr(self, name) for name in names}

    async def on_kill(self) -> None:
        """Say which video goes on rendering when a person stops the task (Airflow 3.3 and later call this)."""
        self.log.warning("The task is stopped. Video %s: %s", self.video_id, pick_up(self.video_id, self.sora2_conn_id))

    @property
    def _kind(self) -> RenderingKind:
        # Made when it is needed: what a waiting trigger holds, the garbage collector looks at.
        return RenderingKind(self.model, self.size, self.duration)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and fire the event."""
        # Loaded here: the scheduler and the workers import triggers too, and must not pay for aiohttp.
        from sora2_provider.triggers.shared_gateway import shared_gateway

        async with shared_gateway(self.sora2_conn_id) as gateway:
            wait = VideoWait(
                started=self.started,
                deadline=self.deadline,
                expected=gateway.expectations.of(self._kind),
                poll_interval=self.poll_interval,
            )
            left = duration_text(self.deadline - time.time())
            self.log.info("Waiting for video %s, for %s at most", self.video_id, left)
            progress = ProgressReport()
            failing = False
            question = None
            step: PollAgain | Finished = wait.start(now=time.time())
            while isinstance(step, PollAgain):
                await asyncio.sleep(step.after)
                try:
                    video = await gateway.get_video(self.video_id, question)
                except GatewayError as error:
                    if not failing:
                        self.log.warning("The gateway could not say how video %s stands: %s", self.video_id, error)
                        failing = True
                    step = wait.on_error(error, now=time.time())
                    continue
                if failing:
                    self.log.info("The gateway answers again about video %s", self.video_id)
                    failing = False
                question = gateway.prepared(self.video_id, question)
                now = time.time()
                if line := progress.line(video, elapsed=now - self.started):
                    self.log.info("Video %s", line)
                step = wait.on_video(video, now=now)
            if step.outcome is Outcome.COMPLETED:
                gateway.expectations.learn(self._kind, time.time() - self.started)
        self.log.info("The wait for video %s is over: %s", self.video_id, step.outcome.value)
        yield TriggerEvent(to_event(self.video_id, step))  # type: ignore[no-untyped-call]
