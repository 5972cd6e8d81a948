"""Each measure of the benchmark: what is run, in which order, and which lines of the table come of it.

The table says what was measured, what it must reach, and whether it does.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks import cpu_per_poll, loading, schedule
from tests.benchmarks.bench_environment import Bench
from tests.benchmarks.contestants import BARE, HTTP, OURS


@dataclass(frozen=True)
class Row:
    """One line of the table.

    :param most: what the value may reach at most; with ``least`` instead: what it must reach. Neither: for comparison.
    :param note: what the value was made of, and what stands beside it.
    """

    measure: str
    value: float
    unit: str
    most: float | None = None
    least: float | None = None
    note: str = ""

    @property
    def missed(self) -> bool:
        above = self.most is not None and self.value > self.most
        return above or (self.least is not None and self.value < self.least)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"missed": self.missed}

    def to_text(self, width: int) -> str:
        value = f"{self.value:.{2 if self.value < 100 else 0}f} {self.unit}".strip()
        target = f"at most {self.most:g}" if self.most is not None else ""
        if self.least is not None:
            target = f"at least {self.least:g}"
        verdict = ("MISSED" if self.missed else "ok") if target else ""
        return f"{self.measure:{width}} {value:>12} {target:>14} {verdict:7} {self.note}".rstrip()


def text_of(rows: list[Row]) -> str:
    width = max(len(row.measure) for row in rows)
    head = f"{'measure':{width}} {'measured':>12} {'must reach':>14}         note"
    return "\n".join([head, "-" * (width + 70), *(row.to_text(width) for row in rows)])


@dataclass(frozen=True)
class Sizes:
    rounds: int = 7
    videos: int = 100
    waiting: int = 10_000
    waiting_seconds: float = 25.0
    waiting_rounds: int = 2
    simulated: int = 20_000
    loading_rounds: int = 3


QUICK = Sizes(2, 40, 1_000, 6.0, 1, 2_000, 1)


def medians(turns: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}


def schedules(_: Bench, sizes: Sizes) -> Iterator[Row]:
    """Simulate the schedule of questions; it may be a tenth worse than when it was chosen."""
    bounds = ((15.5, 4.6), (75, 1.15), (1.6, 88))
    found = schedule.simulate(sizes.simulated)
    for (name, (requests, lag)), (most_requests, most_lag) in zip(found.items(), bounds, strict=True):
        yield Row(f"schedule: requests a video, {name}", requests, "", most=most_requests)
        yield Row(f"schedule: mean lag, {name}", lag, "s", most=most_lag)


def cpu(bench: Bench, sizes: Sizes) -> Iterator[Row]:
    short, bare_short = cpu_per_poll.OURS_SHORT, cpu_per_poll.BARE_SHORT
    turns = bench.run("cpu_per_poll", rounds=sizes.rounds, videos=sizes.videos)
    took, name = medians(turns), "CPU per poll"

    def ratio(one: str, other: str) -> float:
        return statistics.median(turn[one] / turn[other] for turn in turns)

    note = f"{took[OURS]:.0f} us against {took[BARE]:.0f} us"
    yield Row(f"{name}, against the bare loop", ratio(OURS, BARE), "x", most=1.2, note=note)
    note = f"{took[short]:.0f} us: 14 polls, 13 lines of log, an event"
    yield Row(f"{name}, whole life of a video of 120 s", ratio(short, bare_short), "x", note=note)
    yield Row(f"{name}, {HTTP} against ours", ratio(HTTP, OURS), "x", least=3.0, note=f"{took[HTTP]:.0f} us")


def stalls(bench: Bench, sizes: Sizes) -> Iterator[Row]:
    """Let thousands of triggers wait on one event loop."""
    runs: dict[str, list[Any]] = {"sleepers": [], "bare": [], "ours": []}
    for _ in range(sizes.waiting_rounds):
        for kind, found in runs.items():
            found.append(_wait(bench, sizes, "stalls", kind))
    name = f"{sizes.waiting:,} videos"
    yield from _stall_rows(name, runs)
    ours, sleepers, bare = (medians(runs[kind])["objects_each"] for kind in ("ours", "sleepers", "bare"))
    note = f"sleepers {sleepers:.1f}, bare triggers {bare:.1f}"
    yield Row(f"{name}: objects that the collector looks at, each", ours, "", note=note)


def trigger_runner(bench: Bench, sizes: Sizes) -> Iterator[Row]:
    """Do the same in a TriggerRunner of Airflow's."""
    runs = {kind: [_wait(bench, sizes, "trigger_runner", kind)] for kind in ("sleepers", "bare", "ours")}
    name = f"{sizes.waiting:,} videos in a TriggerRunner"
    for when, key in (("once started", "kilobytes_each"), ("while it is asked", "kilobytes_each_later")):
        ours, theirs = runs["ours"][0][key], runs["sleepers"][0][key]
        note = f"{ours:.1f} kB against {theirs:.1f} kB"
        yield Row(f"{name}: memory against sleepers, {when}", ours / theirs, "x", most=1.5, note=note)
    # No bound in milliseconds: in there, those who only sleep stall the loop for longer than any that could be set.
    yield from _stall_rows(name, runs, longest=None)


def _wait(bench: Bench, sizes: Sizes, script: str, kind: str) -> Any:
    return bench.run(script, kind=kind, count=sizes.waiting, seconds=sizes.waiting_seconds)


def _stall_rows(name: str, runs: dict[str, list[Any]], *, longest: float | None = 200.0) -> Iterator[Row]:
    def of(kind: str, key: str) -> float:
        return medians(runs[kind])[key]

    def beside(key: str) -> str:
        return f"sleepers {of('sleepers', key):.0f} ms, bare triggers {of('bare', key):.0f} ms"

    worst = of("ours", "worst_ms")
    # Among a thousand the collector has so little to do that the sleepers' worst stall is chance.
    most = 1.5 if name.startswith("10,000") else None
    note = f"{worst:.0f} ms; {beside('worst_ms')}"
    yield Row(f"{name}: worst stall against sleepers", worst / of("sleepers", "worst_ms"), "x", most=most, note=note)
    for what, key, most in (
        ("worst stall once started", "worst_once_started", longest),
        ("99th percentile", "p99", 50),
    ):
        note = f"of it {of('ours', f'{key}_cpu_ms'):.0f} ms its own CPU; {beside(f'{key}_ms')}"
        yield Row(f"{name}: {what}", of("ours", f"{key}_ms"), "ms", most=most, note=note)


def load_files(bench: Bench, sizes: Sizes) -> Iterator[Row]:
    # The first round compiles.
    took = medians(bench.run("loading", rounds=sizes.loading_rounds + 1)[1:])
    yield Row(f"{loading.IMPORT}, CPU", took[loading.IMPORT], "ms", most=10)
    for what, most in (("first", 2.2), ("warm", 1.5)):
        ours, empty = took[f"{what}, {loading.OURS}"], took[f"{what}, {loading.EMPTY}"]
        note = f"{ours:.1f} ms against {empty:.1f} ms"
        yield Row(
            f"DAG file of 100 tasks, {what} parse, against {loading.EMPTY}", ours / empty, "x", most=most, note=note
        )


def against(bench: Bench, sizes: Sizes, checkout: Path) -> Iterator[Row]:
    """Measure this tree and another one in turns: a ratio above 1 is a regression."""
    before = bench.with_package_of(checkout)
    turns = []
    for number in range(sizes.rounds + 1):
        # Each is the first one in every second round: what comes later finds the machine warmer.
        figures = {side.environment["PYTHONPATH"]: _figures(side, sizes) for side in (bench, before)[:: (-1) ** number]}
        turns.append([figures[side.environment["PYTHONPATH"]] for side in (bench, before)])
    # The first round compiles.
    ours, theirs = (medians([turn[side] for turn in turns[1:]]) for side in (0, 1))
    ratios = medians([{name: turn[0][name] / turn[1][name] for name in ours} for turn in turns[1:]])
    for name, ratio in ratios.items():
        note = f"{ours[name]:.1f} against {theirs[name]:.1f}"
        yield Row(f"{name}, against the other checkout", ratio, "x", note=note)


def _figures(bench: Bench, sizes: Sizes) -> dict[str, float]:
    (loaded,), (asked,) = bench.run("loading", rounds=1), bench.run("cpu_per_poll", rounds=1, videos=sizes.videos)
    parsed = {f"{what} parse, ms of CPU": loaded[f"{what}, {loading.OURS}"] for what in ("first", "warm")}
    return {"import, ms of CPU": loaded[loading.IMPORT], **parsed, "CPU per poll, us": asked[OURS]}


MEASURES: dict[str, Callable[[Bench, Sizes], Iterator[Row]]] = {
    "schedule": schedules,
    "cpu": cpu,
    "stalls": stalls,
    "runner": trigger_runner,
    "loading": load_files,
}


def load() -> str:
    """Return how busy the machine is, for a figure that others' work may have moved."""
    return f"load {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores"
