"""The figures of docs/scaling.md, as tables in Markdown, from one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import psutil

from tests.fleet.fleet import POOL_SLOTS, RENDER_SECONDS, SLOTS, VIDEOS, WORKERS
from tests.fleet.kills import Kill
from tests.fleet.meter import Costs

_PACKAGES = {"Airflow": "apache-airflow", "its Celery provider": "apache-airflow-providers-celery", "Celery": "celery"}


@dataclass(frozen=True)
class Figures:
    """The figures of one run. Seconds are of the clock unless they are said to be a processor's."""

    costs: Costs
    task_processes: int
    worker_seconds: float
    """For which tasks held a worker, all task processes together."""
    in_flight: float
    """Videos that held a slot of the pool, on average."""
    questions: int
    transactions: int
    """Of the database."""
    worst_stall: float
    """Of the triggerer's event loop, in seconds; 0 for none that its watchdog noticed."""
    tries: Mapping[int, int]
    """How many videos took how many tries."""
    events: Mapping[str, int]
    """Why tries ended early, in the words of Airflow's event log."""
    worker_errors: Mapping[str, int]
    """What Celery's tasks ended with, other than success."""
    kills: Sequence[Kill]

    def tables(self) -> str:
        processors = psutil.cpu_count() or 1
        packages = ", ".join(f"{name} {version(package)}" for name, package in _PACKAGES.items())
        run = [
            ("measure", "value"),
            ("videos, all delivered, each billed once", VIDEOS),
            ("rendering time of each", f"{RENDER_SECONDS:.0f} s"),
            ("from the trigger of the run to its end", f"{self.costs.seconds:.0f} s"),
            ("videos per minute", f"{60 * VIDEOS / self.costs.seconds:.1f}"),
            ("worker seconds a video", f"{self.worker_seconds / VIDEOS:.1f}"),
            ("task processes a video", f"{self.task_processes / VIDEOS:.2f}"),
            ("questions to the gateway a video", f"{self.questions / VIDEOS:.1f}"),
            ("database transactions a video", f"{self.transactions / VIDEOS:.0f}"),
            ("videos in flight, on average", f"{self.in_flight:.0f}"),
            ("the triggerer's worst event-loop stall", f"{self.worst_stall:.2f} s"),
            ("videos that took more than one try", VIDEOS - self.tries[1]),
            ("on", f"{processors} processors; {len(WORKERS)} workers of {SLOTS // len(WORKERS)} slots; {packages}"),
        ]
        resources = self._resources(processors)
        (bottleneck, _, share), *_ = resources
        return "\n\n".join(
            [
                _table(*run),
                _table(("processes", "processor seconds", "a video", "of all"), *self._processes()),
                _table(("resource", "used", "share"), *resources),
                f"The bottleneck was {bottleneck}: of what there was of it, {share} was used. Most processor time went to: "
                f"{max(self.costs.by_kind, key=lambda kind: self.costs.by_kind[kind])}.",
                _table(("struck in mid-run", "what that met"), *((kill.what, kill.met) for kill in self.kills)),
                f"Tries of the {VIDEOS} videos: "
                + ", ".join(f"{number} took {tries}" for tries, number in sorted(self.tries.items()))
                + f". Airflow's event log on why: {_counted(self.events)}. "
                f"What Celery's tasks ended with, other than success: {_counted(self.worker_errors)}.",
            ]
        )

    def _processes(self) -> list[tuple[object, ...]]:
        kinds = sorted(self.costs.by_kind.items(), key=lambda each: each[1], reverse=True)
        others = self.costs.machine - sum(self.costs.by_kind.values())
        return [
            (kind, f"{seconds:.0f}", f"{seconds / VIDEOS:.2f}", f"{seconds / self.costs.machine:.0%}")
            for kind, seconds in [*kinds, ("other programs on the machine", others)]
        ]

    def _resources(self, processors: int) -> list[tuple[object, ...]]:
        """Return what could have held the run up, the scarcest first."""
        seconds = self.costs.seconds
        found = [
            ("the machine's processors", self.costs.machine, processors * seconds, "seconds"),
            ("the workers' task slots", self.worker_seconds, SLOTS * seconds, "seconds"),
            ("the pool", self.in_flight, float(POOL_SLOTS), "slots"),
            # The work of each is done by one Python process, which keeps one processor busy at most.
            *(
                (f"the {kind}'s one process", self.costs.by_kind[kind], seconds, "processor seconds")
                for kind in ("scheduler", "API server", "triggerer")
            ),
        ]
        found.sort(key=lambda each: each[1] / each[2], reverse=True)
        return [(name, f"{used:.0f} of {had:.0f} {unit}", f"{used / had:.0%}") for name, used, had, unit in found]


def _table(head: Sequence[object], *rows: Sequence[object]) -> str:
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in (head, ["---"] * len(head), *rows))


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{what}: {number}" for what, number in counts.items()) or "nothing"
