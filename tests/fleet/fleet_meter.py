"""What each kind of process costs: processor seconds, summed over processes that have ended, killed ones too."""

from __future__ import annotations

import os
import time
from collections import defaultdict

from dev.harness.process_table import cpu_seconds, machine_cpu_seconds

from tests.fleet.fleet_world import WORKERS, Fleet

#: The kinds of what runs, by the names that the harness has for it.
KINDS = {
    "scheduler": "scheduler",
    "api-server": "API server",
    "dag-processor": "DAG processor",
    "triggerer": "triggerer",
    **dict.fromkeys(WORKERS, "Celery workers"),
    "postgres": "PostgreSQL",
    "redis": "Redis",
    "s3": "S3 stand-in",
    "gateway": "gateway stand-in and the test",
}


class Meter:
    """Counts from its making on."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._ended: dict[str, float] = defaultdict(float)
        self._begun = {name: self._cpu_seconds(name) for name in KINDS}
        self._machine_begun = machine_cpu_seconds()
        self._clock_begun = time.monotonic()

    def before_end_of(self, name: str) -> None:
        """Note what one of them has used; called just before it is killed or restarted."""
        self._ended[name] += self._cpu_seconds(name)

    def seconds(self) -> float:
        """Return the seconds since the beginning."""
        return time.monotonic() - self._clock_begun

    def machine(self) -> float:
        """Return the processor seconds of the whole machine, other programs' included."""
        return machine_cpu_seconds() - self._machine_begun

    def by_kind(self) -> dict[str, float]:
        """Return the processor seconds of each kind."""
        found: dict[str, float] = defaultdict(float)
        for name, kind in KINDS.items():
            found[kind] += self._ended[name] + self._cpu_seconds(name) - self._begun[name]
        return dict(found)

    def _cpu_seconds(self, name: str) -> float:
        fleet = self._fleet
        if name == "gateway":
            return time.process_time()
        if name == "s3":
            return cpu_seconds(fleet.s3_pid)
        if name == "postgres":
            return cpu_seconds(fleet.postgres.keeper_pid)
        if name == "redis":
            return cpu_seconds(fleet.redis.keeper_pid)
        return cpu_seconds(fleet.airflow.components[name].keeper_pid)


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))
