"""How many of each component so and so many videos in flight need: computed from what was measured.

``python -m dev.capacity`` prints the model as docs/kubernetes.md shows it.

A model, not a measurement: it multiplies what one video was measured to cost, and takes no cost to grow with their number.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from dev.fleet_figures import FleetFigures, table

KEPT = Path(__file__).parents[1] / "docs" / "measured" / "benchmarks.json"

IN_FLIGHT = (1_000, 100_000, 1_000_000)

#: Rendering times as docs/benchmarks.md has them: lognormal, with this median and this 95th percentile (seconds).
MEDIAN_SECONDS, LATE_SECONDS = 120.0, 300.0
_SIGMAS_OF_95TH = 1.6449

#: The most videos for which one triggerer was measured.
TRIGGERER_CAPACITY = 10_000
#: How busy a process or a processor may be planned to be.
PLANNED_SHARE = 0.7
#: Processors of a large database server: an assumption, to have something to compare with.
DATABASE_PROCESSORS = 32


@dataclass(frozen=True)
class BenchFigures:
    """What ``make bench`` measured of waiting."""

    cpu_ms_a_question: float
    """In the triggerer, its share of the log and of the event included."""
    kilobytes_a_trigger: float
    """While it is asked, in a TriggerRunner."""
    questions_a_video: float
    lag_seconds: float
    """From the end of a rendering to the question that sees it, on average."""

    @classmethod
    def of_bench(cls, path: Path) -> Self:
        """Take them from the table that ``make bench`` writes."""
        rows: dict[str, dict[str, Any]] = {
            each["measure"]: each for each in json.loads(path.read_text(encoding="utf-8"))["rows"]
        }

        def row(measure: str) -> dict[str, Any]:
            if measure not in rows:
                raise ValueError(f"{path} has no {measure!r}: it needs a whole make bench, not --quick and not --only")
            return rows[measure]

        def note(measure: str, pattern: str) -> float:
            found = re.search(pattern, row(measure)["note"])
            if found is None:
                raise ValueError(f"{path}: the note of {measure!r} does not say {pattern!r}")
            return float(found[1])

        per_question = note("CPU per poll, https, whole life of a video of 120 s", r"([\d.]+) us: 14 polls") / 1000
        memory = f"{TRIGGERER_CAPACITY:,} videos in a TriggerRunner: memory against sleepers, while it is asked"
        return cls(
            cpu_ms_a_question=per_question,
            kilobytes_a_trigger=note(memory, r"([\d.]+) kB against"),
            questions_a_video=round(row("schedule: requests a video, median 120 s")["value"], 1),
            lag_seconds=note("schedule: lag against the optimum, expected right", r"lag ([\d.]+) s"),
        )

    @classmethod
    def read(cls, path: Path = KEPT) -> Self:
        """Return the figures that are kept."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        """Write them to a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Need:
    """Something of which videos need the more, the faster they come and go.

    :param a_video: what each video takes of one unit, in seconds.
    :param most: units that there can be of it; None for any number.
    """

    name: str
    a_video: float
    most: float | None = None

    def units(self, videos_a_second: float) -> float:
        """Return how many units so many videos a second keep busy, each as far as is planned."""
        return videos_a_second * self.a_video / PLANNED_SHARE

    def videos_a_second(self) -> float:
        """Return how many videos a second all units that there can be of it take."""
        if self.most is None:
            raise ValueError(f"there can be any number of: {self.name}")
        return PLANNED_SHARE * self.most / self.a_video


@dataclass(frozen=True)
class Capacity:
    """The model."""

    bench: BenchFigures
    fleet: FleetFigures

    @property
    def seconds_in_flight(self) -> float:
        """From the create to the answer that says that the video is there, on average."""
        sigma = math.log(LATE_SECONDS / MEDIAN_SECONDS) / _SIGMAS_OF_95TH
        return MEDIAN_SECONDS * math.exp(sigma**2 / 2) + self.bench.lag_seconds

    def videos_a_second(self, in_flight: int) -> float:
        """Return how many videos begin, and end, in a second."""
        return in_flight / self.seconds_in_flight

    def questions_a_second(self, in_flight: int) -> float:
        """Return how often the gateway is asked in a second."""
        return self.videos_a_second(in_flight) * self.bench.questions_a_video

    def triggerers(self, in_flight: int) -> int:
        """Return how many triggerers are needed: by the number that one was measured with, or by its processor."""
        processors = self.questions_a_second(in_flight) * self.bench.cpu_ms_a_question / 1000 / PLANNED_SHARE
        return math.ceil(max(processors, in_flight / TRIGGERER_CAPACITY))

    def needs(self) -> list[Need]:
        """Return what grows with the videos a second, beside the triggerers."""
        fleet = self.fleet
        return [
            Need("workers' task slots", fleet.worker_seconds_a_video),
            Need("workers' processors", fleet.cpu_a_video("Celery workers")),
            Need("API server processes", fleet.cpu_a_video("API server")),
            # Schedulers take turns at the rows of the pools, so that more of them queue hardly more.
            Need("scheduler processes", fleet.cpu_a_video("scheduler"), most=1),
            Need("PostgreSQL's processors", fleet.cpu_a_video("PostgreSQL"), most=DATABASE_PROCESSORS),
        ]

    def binding(self) -> Need:
        """Return what runs out first of those that cannot be had in any number."""
        return min((need for need in self.needs() if need.most is not None), key=Need.videos_a_second)


def text(capacity: Capacity) -> str:
    """Return the model in Markdown."""
    return "\n\n".join([_inputs(capacity), _needs(capacity), _binds(capacity)])


def _inputs(capacity: Capacity) -> str:
    bench, fleet = capacity.bench, capacity.fleet
    rows = [
        ("processor time of a question, in the triggerer", f"{bench.cpu_ms_a_question:.2f} ms", "`make bench`"),
        ("memory of a waiting video, in the triggerer", f"{bench.kilobytes_a_trigger:.1f} kB", "`make bench`"),
        ("questions a video", f"{bench.questions_a_video:.1f}", "`make bench`, simulated"),
        ("lag of the last question", f"{bench.lag_seconds:.1f} s", "`make bench`, simulated"),
        ("worker seconds a video", f"{fleet.worker_seconds_a_video:.1f} s", "`make system-celery`"),
        *(
            (f"processor time a video: {kind}", f"{fleet.cpu_a_video(kind):.2f} s", "`make system-celery`")
            for kind in ("Celery workers", "API server", "scheduler", "PostgreSQL")
        ),
        ("database transactions a video", f"{fleet.transactions / fleet.videos:.0f}", "`make system-celery`"),
    ]
    return table(("measured", "value", "by"), rows)


def _needs(capacity: Capacity) -> str:
    bench, fleet = capacity.bench, capacity.fleet

    def row(name: str, value: Callable[[int], float]) -> tuple[str, ...]:
        return (name, *(amount(value(number)) for number in IN_FLIGHT))

    def memory(number: int) -> float:
        return number * bench.kilobytes_a_trigger / 2**20

    def transactions(number: int) -> float:
        return capacity.videos_a_second(number) * fleet.transactions / fleet.videos

    rows = [
        row("creates a second at the gateway", capacity.videos_a_second),
        row("questions a second at the gateway", capacity.questions_a_second),
        row("triggerers", lambda number: float(capacity.triggerers(number))),
        row("memory of all triggers, GB", memory),
        row("database transactions a second", transactions),
        *(
            row(need.name, lambda number, need=need: need.units(capacity.videos_a_second(number)))  # type: ignore[misc]
            for need in capacity.needs()
        ),
    ]
    return table(("computed, for videos in flight", *(f"{number:,}" for number in IN_FLIGHT)), rows)


def _binds(capacity: Capacity) -> str:
    binding = capacity.binding()
    rate = binding.videos_a_second()
    limits = ", ".join(
        f"{need.name} ({amount(need.most)}): {amount(need.videos_a_second() * capacity.seconds_in_flight)}"
        for need in capacity.needs()
        if need.most is not None
    )
    return (
        f"A video is in flight for {capacity.seconds_in_flight:.0f} s on average. What cannot be had in any number carries, "
        f"in videos in flight: {limits}. So {binding.name} bind first, at {amount(rate)} videos a second, which is "
        f"{amount(rate * capacity.seconds_in_flight)} videos in flight; the triggerers for them: "
        f"{capacity.triggerers(round(rate * capacity.seconds_in_flight))}."
    )


def amount(value: float) -> str:
    """Return a number as exactly as it is worth."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2g}"


if __name__ == "__main__":
    print(text(Capacity(BenchFigures.read(), FleetFigures.read())))
