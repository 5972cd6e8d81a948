"""For how long tasks held a worker."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerSeconds:
    """The seconds for which the tasks of a run held a worker, and how often one was taken."""

    processes: int
    seconds: float


def read_worker_seconds(log: str, task_instances: Iterable[str]) -> dict[str, WorkerSeconds]:
    """Add up the wall-clock seconds of task processes, which their worker logs at the end of each.

    A task's own duration would not do: it goes on while the task is deferred.

    :param log: of the scheduler with the LocalExecutor, of the workers with the CeleryExecutor.
    """
    wanted = set(task_instances)
    found: dict[str, list[float]] = defaultdict(list)
    for line in log.splitlines():
        if "Workload finished" in line:
            facts = dict(re.findall(r"\b(workload_id|duration|final_state)=(\S+)", line))
            if facts["workload_id"] in wanted:
                found[facts["final_state"]].append(float(facts["duration"]))
    return {state: WorkerSeconds(len(seconds), sum(seconds)) for state, seconds in found.items()}
