"""What a run of the batch on a fleet was measured to take, and what held it up: made by ``make system-celery``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

#: The latest run whose figures the docs show.
KEPT = Path(__file__).parents[1] / "docs" / "measured" / "fleet.json"


@dataclass(frozen=True)
class Resource:
    """Something of which there was only so much during the run."""

    name: str
    used: float
    had: float
    unit: str

    @property
    def share(self) -> float:
        """How much of it was used, 1 for all."""
        return self.used / self.had


@dataclass(frozen=True)
class FleetFigures:
    """The figures of one run. Seconds are of the clock unless they are said to be a processor's."""

    versions: dict[str, str]
    """Of what ran, by name."""
    videos: int
    render_seconds: float
    processors: int
    """Of the machine."""
    workers: int
    slots: int
    """Tasks that all workers together run at a time."""
    pool_slots: int
    seconds: float
    """From the trigger of the run to its end."""
    task_processes: int
    worker_seconds: float
    """For which tasks held a worker, all task processes together."""
    cpu_seconds: dict[str, float]
    """Processor seconds by kind of process."""
    machine_cpu_seconds: float
    """Processor seconds of the whole machine, other programs' included."""
    in_flight: float
    """Videos that held a slot of the pool, on average."""
    questions: int
    transactions: int
    """Of the database."""
    worst_stall: float
    """Of the triggerer's event loop, in seconds; 0 for none that its watchdog noticed."""
    tries: dict[str, int]
    """How many videos took how many tries."""
    events: dict[str, int]
    """Why tries ended early, in the words of Airflow's event log."""
    worker_errors: dict[str, int]
    """What Celery's tasks ended with, other than success."""
    kills: list[list[str]]
    """What was struck, and what that met."""

    @property
    def videos_per_minute(self) -> float:
        """Videos that were delivered, by the length of the run."""
        return 60 * self.videos / self.seconds

    @property
    def worker_seconds_a_video(self) -> float:
        """For which a video held a worker, all its task processes together."""
        return self.worker_seconds / self.videos

    @property
    def own_cpu_seconds(self) -> float:
        """Processor seconds of all that belonged to the run."""
        return sum(self.cpu_seconds.values())

    @property
    def retried(self) -> int:
        """Videos that took more than one try."""
        return self.videos - self.tries["1"]

    def cpu_a_video(self, kind: str) -> float:
        """Return the processor seconds that a kind of process spent for each video."""
        return self.cpu_seconds[kind] / self.videos

    def resources(self) -> list[Resource]:
        """Return what could have held the run up, the scarcest first."""

        def process(kind: str) -> Resource:
            # Its work is done by one Python process, which keeps one processor busy at most.
            return Resource(f"the {kind}'s one process", self.cpu_seconds[kind], self.seconds, "processor seconds")

        found = [
            Resource("the machine's processors", self.machine_cpu_seconds, self.processors * self.seconds, "seconds"),
            Resource("the workers' task slots", self.worker_seconds, self.slots * self.seconds, "seconds"),
            Resource("the pool", self.in_flight, float(self.pool_slots), "slots"),
            *map(process, ("scheduler", "API server", "triggerer")),
        ]
        return sorted(found, key=lambda each: each.share, reverse=True)

    @property
    def bottleneck(self) -> Resource:
        """What was used up most."""
        return self.resources()[0]

    @classmethod
    def read(cls, path: Path = KEPT) -> Self:
        """Return the figures that a file holds."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        """Write them to a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def tables(figures: FleetFigures) -> str:
    """Return the figures as Markdown, which reads well on a terminal too."""
    return "\n\n".join([_run(figures), _processes(figures), _resources(figures), _strikes(figures)])


def _run(figures: FleetFigures) -> str:
    stall = f"{figures.worst_stall:.2f} s" if figures.worst_stall else "none that Airflow's watchdog noticed"
    versions = ", ".join(f"{name} {version}" for name, version in figures.versions.items())
    return table(
        ("measure", "value"),
        [
            ("videos, all delivered, each billed once", f"{figures.videos}"),
            ("rendering time of each", f"{figures.render_seconds:.0f} s"),
            ("from the trigger of the run to its end", f"{figures.seconds:.0f} s"),
            ("videos per minute", f"{figures.videos_per_minute:.1f}"),
            ("worker seconds a video", f"{figures.worker_seconds_a_video:.1f}"),
            ("task processes a video", f"{figures.task_processes / figures.videos:.2f}"),
            ("questions to the gateway a video", f"{figures.questions / figures.videos:.1f}"),
            ("database transactions a video", f"{figures.transactions / figures.videos:.0f}"),
            ("videos in flight, on average", f"{figures.in_flight:.0f}"),
            ("the triggerer's worst event-loop stall", stall),
            ("videos that took more than one try", f"{figures.retried}"),
            (
                "on",
                f"{figures.processors} processors; {figures.workers} workers of "
                f"{figures.slots // figures.workers} slots; {versions}",
            ),
        ],
    )


def _processes(figures: FleetFigures) -> str:
    kinds = sorted(figures.cpu_seconds.items(), key=lambda each: each[1], reverse=True)
    others = figures.machine_cpu_seconds - figures.own_cpu_seconds
    rows = [
        (kind, f"{seconds:.0f}", f"{seconds / figures.videos:.2f}", f"{seconds / figures.machine_cpu_seconds:.0%}")
        for kind, seconds in [*kinds, ("other programs on the machine", others)]
    ]
    return table(("processes", "processor seconds", "a video", "of all"), rows)


def _resources(figures: FleetFigures) -> str:
    rows = [
        (each.name, f"{each.used:.0f} of {each.had:.0f} {each.unit}", f"{each.share:.0%}")
        for each in figures.resources()
    ]
    busiest = max(figures.cpu_seconds, key=lambda kind: figures.cpu_seconds[kind])
    return (
        table(("resource", "used", "share"), rows)
        + f"\n\nThe bottleneck was {figures.bottleneck.name}: of what there was of it, {figures.bottleneck.share:.0%} was "
        f"used. Most processor time went to: {busiest}."
    )


def _strikes(figures: FleetFigures) -> str:
    events, errors = (
        ", ".join(f"{what}: {number}" for what, number in counted.items()) or "nothing"
        for counted in (figures.events, figures.worker_errors)
    )
    return (
        table(("struck in mid-run", "what that met"), [(what, met) for what, met in figures.kills])
        + f"\n\nTries of the {figures.videos} videos: "
        + ", ".join(f"{number} took {tries}" for tries, number in sorted(figures.tries.items()))
        + f". Airflow's event log on why: {events}. What Celery's tasks ended with, other than success: {errors}."
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, its columns aligned."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [head, tuple("-" * width for width in widths), *rows]
    return "\n".join(
        "| " + " | ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )
