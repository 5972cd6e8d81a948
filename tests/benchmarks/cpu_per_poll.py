"""CPU per question, saturated. Usage: cpu_per_poll.py URL OPTIONS, where OPTIONS is a JSON object."""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import sys
import time
from typing import NamedTuple

from tests.benchmarks import contestants

#: Questions that a video of two minutes takes on the default schedule.
_USUAL = 14
OURS_SHORT, BARE_SHORT = f"{contestants.OURS}, {_USUAL} polls a video", f"{contestants.BARE}, {_USUAL} polls a video"


class Run(NamedTuple):
    """How a contestant is made to ask."""

    waiters: contestants.Waiters
    videos: int
    polls: int

    def cpu_per_poll(self) -> float:
        """Return the microseconds of CPU for one question, the whole life of the waiters included."""
        ids = [contestants.new_id(f"p{self.polls}") for _ in range(self.videos)]
        gc.collect()
        before = time.process_time()
        asyncio.run(self.waiters(ids))
        return (time.process_time() - before) / (self.videos * self.polls) * 1e6


def measure(url: str, *, rounds: int, videos: int) -> dict[str, dict[str, float]]:
    """Return each contestant's median, and the median of its ratios to ours, over rounds in which they take turns."""
    runs = {
        contestants.BARE: Run(contestants.bare_loop(url), videos, 100),
        contestants.OURS: Run(contestants.ours(), videos, 100),
        contestants.HTTP: Run(contestants.http_sensor(), videos, _USUAL),
        contestants.OPENAI: Run(contestants.openai_batch(), 4, _USUAL),
        BARE_SHORT: Run(contestants.bare_loop(url), videos, _USUAL),
        OURS_SHORT: Run(contestants.ours(), videos, _USUAL),
    }
    for run in runs.values():
        run._replace(videos=4, polls=3).cpu_per_poll()
    turns = [{name: run.cpu_per_poll() for name, run in runs.items()} for _ in range(rounds)]

    def ratio(one: str, other: str) -> float:
        return statistics.median(turn[one] / turn[other] for turn in turns)

    return {
        "microseconds": {name: statistics.median(turn[name] for turn in turns) for name in runs},
        "ratios": {
            "ours / bare": ratio(contestants.OURS, contestants.BARE),
            "ours / bare, short": ratio(OURS_SHORT, BARE_SHORT),
            "http / ours": ratio(contestants.HTTP, contestants.OURS),
            "http / ours, short": ratio(contestants.HTTP, OURS_SHORT),
            "openai / ours": ratio(contestants.OPENAI, contestants.OURS),
        },
    }


if __name__ == "__main__":
    contestants.log_as_the_triggerer_does()
    contestants.set_connections(sys.argv[1])
    print(json.dumps(measure(sys.argv[1], **json.loads(sys.argv[2]))))
