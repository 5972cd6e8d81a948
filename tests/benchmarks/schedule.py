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

Questions = Callable[[], Iterator[float]]


def video_wait(expected: float) -> Questions:
    """Return the moments at which VideoWait asks for a video that is never done."""
    jitter = random.Random(SEED + 1).random

    def moments() -> Iterator[float]:
        wait = VideoWait(started=0.0, deadline=math.inf, expected=expected, jitter=jitter)
        now, step = 0.0, wait.start(now=0.0)
        while isinstance(step, PollAgain):
            now += step.after
            yield now
            step = wait.on_video(_IN_PROGRESS, now=now)

    return moments


SCHEDULES: dict[str, Questions] = {
    "expected time right": video_wait(MEDIAN),
    "expected time 5 times too short": video_wait(MEDIAN / 5),
    "expected time 5 times too long": video_wait(MEDIAN * 5),
}


def simulate(videos: int) -> dict[str, tuple[float, float]]:
    """Return the requests a video and the mean lag in seconds of each schedule, for the same rendering times."""
    source = random.Random(SEED)
    times = [MEDIAN * math.exp(SIGMA * source.gauss(0.0, 1.0)) for _ in range(videos)]

    def cost(questions: Questions) -> tuple[float, float]:
        requests, lag = 0, 0.0
        for took in times:
            for moment in questions():
                requests += 1
                if moment >= took:
                    lag += moment - took
                    break
        return requests / videos, lag / videos

    return {name: cost(questions) for name, questions in SCHEDULES.items()}
