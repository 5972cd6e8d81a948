"""How long the event loop is away, while 10,000 triggers wait on it. Usage: python -m tests.benchmarks.stalls URL OPTIONS."""

from __future__ import annotations

import asyncio
import datetime
import gc
import json
import random
import sys
import time
from typing import Any, NamedTuple

from airflow.triggers.base import BaseTrigger

from tests.benchmarks import contestants

_BEAT = 0.01
#: Seconds until the first questions, of which the default schedule asks one after a third of two minutes, and then
#: one every eight seconds; the videos were created over twice as long.
_SOON, _FIRST, _SPREAD = 4.0, 40.0, 16.0


class Beat(NamedTuple):
    """One beat of the heart: when, how late in seconds, and how much of the time since the last the loop used."""

    moment: float
    late: float
    cpu: float


class Stalls:
    """A heart that beats on the event loop, and what it has noticed."""

    def __init__(self, beats: list[Beat] | None = None) -> None:
        self.beats = beats or []

    async def beat(self) -> None:
        before, used = time.monotonic(), time.thread_time()
        while True:
            await asyncio.sleep(_BEAT)
            now, cpu = time.monotonic(), time.thread_time()
            self.beats.append(Beat(now, now - before - _BEAT, cpu - used))
            before, used = now, cpu

    def summary(self, started: float) -> dict[str, float]:
        """Return the worst stall in all and once everything had started, and the 99th percentile, in milliseconds.

        ``cpu`` is what the loop's own thread did meanwhile: on a machine that is busy with other things the rest of a
        stall is theirs. It counts the work of the beat's own hundredth of a second too.
        """
        after = [beat for beat in self.beats if beat.moment > started]
        late, cpu = sorted(beat.late for beat in after), sorted(beat.cpu for beat in after)
        return {
            "worst_ms": max(beat.late for beat in self.beats) * 1000,
            "worst_once_started_ms": late[-1] * 1000,
            "worst_once_started_cpu_ms": cpu[-1] * 1000,
            "p99_ms": late[int(len(late) * 0.99)] * 1000,
            "p99_cpu_ms": cpu[int(len(cpu) * 0.99)] * 1000,
        }


def _started(count: int) -> list[float]:
    """Return when videos were created that are about to be asked for, for the first time and after that steadily."""
    now, ages = time.time(), random.Random(1)
    return [now + _SOON - _FIRST + _SPREAD * ages.random() for _ in range(count)]


def waiting_videos(count: int) -> list[tuple[str, dict[str, Any]]]:
    """Return triggers as Airflow keeps them, of videos that take two minutes; they ask on the default schedule."""
    from sora2_provider.triggers.sora2 import Sora2VideoTrigger

    order = (None, "sora-2", "small", 10)
    return [
        Sora2VideoTrigger(contestants.new_id("s120"), "sora2_default", started, started + 1800, *order).serialize()
        for started in _started(count)
    ]


def bare_triggers(count: int) -> list[tuple[str, dict[str, Any]]]:
    """Return triggers that ask as often, and do nothing else."""
    address = f"{sys.argv[1]}/v1/video/query?id="
    return [
        contestants.BareTrigger(address + contestants.new_id("s120"), started).serialize()
        for started in _started(count)
    ]


def sleepers(count: int) -> list[tuple[str, dict[str, Any]]]:
    """Return Airflow's own triggers that only sleep."""
    from airflow.providers.standard.triggers.temporal import DateTimeTrigger

    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=2)
    return [DateTimeTrigger(moment=moment).serialize() for _ in range(count)]


KINDS = {"ours": waiting_videos, "bare": bare_triggers, "sleepers": sleepers}


def tracked_objects() -> int:
    """Return how many objects the garbage collector looks at, when it has forgotten those that hold none."""
    gc.collect()
    return len(gc.get_objects())


async def wait_together(kind: str, count: int, seconds: float) -> dict[str, float]:
    """Start triggers as the triggerer does, one after the other with the loop's other work in between, and wait."""
    from airflow.sdk.module_loading import import_string

    rows = KINDS[kind](count)
    before = tracked_objects()
    made: list[BaseTrigger] = [import_string(path)(**kwargs) for path, kwargs in rows]
    stalls = Stalls()
    heart = asyncio.create_task(stalls.beat())
    await asyncio.sleep(0.1)
    tasks = []
    for trigger in made:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(contestants.run_trigger(trigger)))
    await asyncio.sleep(0.1)
    started = time.monotonic()
    await asyncio.sleep(seconds)
    summary = stalls.summary(started) | {"objects_each": (tracked_objects() - before) / count}
    for task in (heart, *tasks):
        task.cancel()
    await asyncio.gather(heart, *tasks, return_exceptions=True)
    return summary


if __name__ == "__main__":
    contestants.log_as_the_triggerer_does()
    contestants.set_connections(sys.argv[1])
    print(json.dumps(asyncio.run(wait_together(**json.loads(sys.argv[2])))))
