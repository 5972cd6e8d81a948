"""What each kind of process costs: processor seconds, summed over processes that have ended, killed ones too."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass

import psutil

from tests.fleet.fleet import WORKERS, Fleet
from tests.process_tree import cpu_seconds

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


@dataclass(frozen=True)
class Costs:
    """What a time has cost: seconds by the clock, and processor seconds."""

    seconds: float
    by_kind: dict[str, float]
    machine: float
    """Of the whole machine, other programs' included."""


class Meter:
    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._ended: dict[str, float] = defaultdict(float)
        self._begun = {name: self._cpu_seconds(name) for name in KINDS}
        self._machine_begun = _machine_cpu_seconds()
        self._clock_begun = time.monotonic()

    def before_end_of(self, name: str) -> None:
        """Note what one of them has used; called just before it is killed or restarted."""
        self._ended[name] += self._cpu_seconds(name)

    def read(self) -> Costs:
        by_kind: dict[str, float] = defaultdict(float)
        for name, kind in KINDS.items():
            by_kind[kind] += self._ended[name] + self._cpu_seconds(name) - self._begun[name]
        machine = _machine_cpu_seconds() - self._machine_begun
        return Costs(time.monotonic() - self._clock_begun, dict(by_kind), machine)

    def _cpu_seconds(self, name: str) -> float:
        fleet = self._fleet
        if name == "gateway":
            return time.process_time()
        if name == "s3":
            return cpu_seconds(fleet.s3_pid)
        servers = {"postgres": fleet.postgres.process, "redis": fleet.redis.process}
        return cpu_seconds((servers | fleet.airflow.components)[name].keeper_pid)


def _machine_cpu_seconds() -> float:
    """Return the processor time that all processors of the machine have spent on anything since it was started."""
    spent = psutil.cpu_times()
    return spent.user + spent.nice + spent.system + spent.irq + spent.softirq + spent.steal
