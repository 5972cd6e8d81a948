"""CPU per question, saturated. Usage: python -m tests.benchmarks.cpu_per_poll URL OPTIONS (a JSON object)."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time

from tests.benchmarks import contestants
from tests.benchmarks.contestants import BARE, HTTP, OURS

#: Questions that a video of two minutes takes on the default schedule.
USUAL, MANY = 14, 100
OURS_SHORT, BARE_SHORT = f"{OURS}, {USUAL} polls a video", f"{BARE}, {USUAL} polls a video"


def cpu_per_poll(waiters: contestants.Waiters, videos: int, polls: int) -> float:
    """Return the microseconds of CPU for one question, the whole life of the waiters included."""
    ids = [contestants.new_id(f"p{polls}") for _ in range(videos)]
    gc.collect()
    before = time.process_time()
    asyncio.run(waiters(ids))
    return (time.process_time() - before) / (videos * polls) * 1e6


def measure(url: str, *, rounds: int, videos: int) -> list[dict[str, float]]:
    """Return what each contestant takes in each of some rounds in which they take turns."""
    runs = {
        BARE: (contestants.bare_loop(url), MANY),
        OURS: (contestants.ours, MANY),
        HTTP: (contestants.http_sensor, USUAL),
        BARE_SHORT: (contestants.bare_loop(url), USUAL),
        OURS_SHORT: (contestants.ours, USUAL),
    }
    for waiters, _ in runs.values():
        cpu_per_poll(waiters, 4, 3)
    return [{name: cpu_per_poll(run, videos, polls) for name, (run, polls) in runs.items()} for _ in range(rounds)]


if __name__ == "__main__":
    contestants.log_as_the_triggerer_does()
    contestants.set_connections(sys.argv[1])
    print(json.dumps(measure(sys.argv[1], **json.loads(sys.argv[2]))))
