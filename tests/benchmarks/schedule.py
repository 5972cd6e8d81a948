"""The schedule of questions, simulated: how many it asks, and how late it sees that a video is done."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

from sora2_provider.gateway.models import Video, VideoStatus
from sora2_provider.gateway.polling.wait import PollAgain, VideoWait

#: Rendering times as they were measured: lognormal, with this median and this 95th percentile (seconds).
MEDIAN, PERCENTILE_95 = 120.0, 300.0
SIGMA = math.log(PERCENTILE_95 / MEDIAN) / 1.6448536269514722
SEED = 20_251_122
_IN_PROGRESS = Video("sora-2:task_1", VideoStatus.IN_PROGRESS)

#: What each schedule expects a rendering to take (seconds).
SCHEDULES = {
    "expected time right": MEDIAN,
    "expected time 5 times too short": MEDIAN / 5,
    "expected time 5 times too long": MEDIAN * 5,
}


def questions(expected: float, jitter: Callable[[], float]) -> Iterator[float]:
    """Return the moments at which VideoWait asks for a video that is never done."""
    wait = VideoWait(started=0.0, deadline=math.inf, expected=expected, jitter=jitter)
    now, step = 0.0, wait.start(now=0.0)
    while isinstance(step, PollAgain):
        now += step.after
        yield now
        step = wait.on_video(_IN_PROGRESS, now=now)


def simulate(videos: int) -> dict[str, tuple[float, float]]:
    """Return the requests a video and the mean lag in seconds of each schedule, for the same rendering times."""
    source = random.Random(SEED)
    times = [MEDIAN * math.exp(SIGMA * source.gauss(0.0, 1.0)) for _ in range(videos)]

    def cost(expected: float) -> tuple[float, float]:
        requests, lag, jitter = 0, 0.0, random.Random(SEED + 1).random
        for took in times:
            for moment in questions(expected, jitter):
                requests += 1
                if moment >= took:
                    lag += moment - took
                    break
        return requests / videos, lag / videos

    return {name: cost(expected) for name, expected in SCHEDULES.items()}
