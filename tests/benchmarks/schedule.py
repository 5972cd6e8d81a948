"""The schedule of questions, simulated on 20,000 videos, beside the best that is possible and other ways to wait.

It drives VideoWait itself. Usage: schedule.py [VIDEOS].
"""

from __future__ import annotations

import json
import math
import random
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sora2_provider.gateway.models import Video, VideoStatus
from sora2_provider.gateway.polling.estimates import RenderingKind, RenderTimeEstimator
from sora2_provider.gateway.polling.wait import PollAgain, VideoWait
from tests.benchmarks.optimum import P95_IN_MEDIANS, SIGMA, Optimum

SEED = 20_251_122
MEDIAN = 120.0
WRONG_BY = 5.0
_FAR = 1e9
_IN_PROGRESS = Video("sora-2:task_1", VideoStatus.IN_PROGRESS)

Questions = Callable[[], Iterator[float]]


@dataclass(frozen=True)
class Simulated:
    """What a schedule costs a video."""

    name: str
    median: float
    requests: float
    lag: float
    against_optimum: float


def video_wait(expected: float, random_number: Callable[[], float]) -> Questions:
    """Return the moments at which VideoWait asks for a video that is never done."""

    def moments() -> Iterator[float]:
        wait = VideoWait(started=0.0, deadline=_FAR, expected=expected, jitter=random_number)
        now, step = 0.0, wait.start(now=0.0)
        while isinstance(step, PollAgain):
            now += step.after
            yield now
            step = wait.on_video(_IN_PROGRESS, now=now)

    return moments


def growing(first: float, factor: float, longest: float) -> Questions:
    """Return exponential back-off; a fixed interval with a factor of 1."""

    def moments() -> Iterator[float]:
        now, pause = 0.0, first
        while True:
            now += pause
            yield now
            pause = min(longest, pause * factor)

    return moments


def thinning_out(expected: float, past: float, rate: float) -> Questions:
    """Return VideoWait's schedule, but with pauses that grow once a video takes ``past`` times the expected time."""
    base = VideoWait(started=0.0, deadline=_FAR, expected=expected, jitter=lambda: 0.5)

    def moments() -> Iterator[float]:
        step = base.start(now=0.0)
        assert isinstance(step, PollAgain)
        now = step.after
        while True:
            yield now
            step = base.on_video(_IN_PROGRESS, now=now)
            assert isinstance(step, PollAgain)
            over = now - past * expected
            now += max(step.after, over * rate) if over > 0 else step.after

    return moments


def simulate(name: str, questions: Questions, times: list[float], median: float, best: Optimum) -> Simulated:
    """Ask for each video until it is done."""
    requests = 0
    lag = 0.0
    for took in times:
        for moment in questions():
            requests += 1
            if moment >= took:
                lag += moment - took
                break
    each, late = requests / len(times), lag / len(times)
    return Simulated(name, median, each, late, late / best.lag(each, median))


def rendering_times(count: int, median: float) -> list[float]:
    """Return lognormal times, the same ones for every schedule."""
    source = random.Random(SEED)
    return [median * math.exp(SIGMA * source.gauss(0.0, 1.0)) for _ in range(count)]


def learned(first_guess: float, times: list[float]) -> list[float]:
    """Return what is expected before each of some videos, the expectation being corrected by each that ends."""
    kind = RenderingKind()
    estimator = RenderTimeEstimator()
    # The table says 120 s for every kind: what is wrong here is the guess, by scaling the videos.
    scale = kind.expected / first_guess
    expected = []
    for took in times:
        expected.append(estimator.estimate(kind) / scale)
        estimator.observe(kind, took * scale)
    return expected


def simulate_learning(first_guess: float, times: list[float], best: Optimum, jitter: Callable[[], float]) -> Simulated:
    """Wait for each video with what those before it have taught."""
    guesses = iter(learned(first_guess, times))

    def questions() -> Iterator[float]:
        return video_wait(next(guesses), jitter)()

    return simulate(f"ours, first guess {first_guess:.0f} s, learning", questions, times, MEDIAN, best)


def compare(count: int) -> tuple[list[Simulated], Optimum]:
    """Return ours first (right, too short, too long), then the others."""
    best = Optimum()
    jitter = random.Random(SEED + 1).random
    times = rendering_times(count, MEDIAN)
    found = [
        simulate(f"ours, expected {MEDIAN * factor:.0f} s", video_wait(MEDIAN * factor, jitter), times, MEDIAN, best)
        for factor in (1.0, 1 / WRONG_BY, WRONG_BY)
    ]
    found += [simulate_learning(MEDIAN * factor, times[:2000], best, jitter) for factor in (1 / WRONG_BY, WRONG_BY)]
    others = {
        "every 8 s from the start": growing(8.0, 1.0, 8.0),
        "back-off, 1 s doubling to 60 s": growing(1.0, 2.0, 60.0),
        "back-off, 5 s by half to 120 s": growing(5.0, 1.5, 120.0),
    }
    for factor in (1.0, 1 / WRONG_BY, WRONG_BY):
        expected = MEDIAN * factor
        for past, rate in ((1.0, 1 / 15), (2.0, 1 / 10), (4.0, 1 / 8)):
            name = f"thinning out past {past:.0f}x by 1/{1 / rate:.0f}, expected {expected:.0f} s"
            others[name] = thinning_out(expected, past, rate)
    found += [simulate(name, questions, times, MEDIAN, best) for name, questions in others.items()]
    for median in (20.0, 600.0):
        taken = rendering_times(count, median)
        found += [
            simulate(f"ours, expected {expected:.0f} s", video_wait(expected, jitter), taken, median, best)
            for expected in (median, MEDIAN)
        ]
    return found, best


def table(found: list[Simulated]) -> str:
    """Return the comparison as text."""
    lines = [f"{'schedule':50} {'median':>7} {'requests':>9} {'lag':>8} {'against the optimum':>20}"]
    lines += [
        f"{one.name:50} {one.median:5.0f} s {one.requests:9.1f} {one.lag:6.2f} s {one.against_optimum:20.2f}"
        for one in found
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    compared, curve = compare(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
    spread = statistics.quantiles(rendering_times(20_000, MEDIAN), n=20)
    print(f"rendering: median {spread[9]:.0f} s, 95th percentile {spread[18]:.0f} s ({P95_IN_MEDIANS} medians)")
    print(f"grid against formula: {curve.disagreement:+.2%}", file=sys.stderr)
    print(table(compared))
    print(json.dumps([vars(one) for one in compared]), file=sys.stderr)
