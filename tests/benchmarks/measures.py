"""Each measure of the benchmark: what is run, in which order, and which lines of the table come of it."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.benchmarks import schedule
from tests.benchmarks.bench_environment import Bench
from tests.benchmarks.table import Row

Figures = dict[str, float]


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    rounds: int = 7
    videos: int = 100
    waiting: int = 10_000
    waiting_seconds: float = 25.0
    waiting_rounds: int = 2
    jobs: int = 20_000
    loading_rounds: int = 3
    creates: int = 60


QUICK = Sizes(
    rounds=2,
    videos=40,
    waiting=1_000,
    waiting_seconds=6.0,
    waiting_rounds=1,
    jobs=2_000,
    loading_rounds=1,
    creates=20,
)


def schedules(_: Bench, sizes: Sizes) -> Iterator[Row]:
    """Simulate the schedule of questions."""
    compared, _best = schedule.compare(sizes.jobs)
    print(f"\n{schedule.table(compared)}\n")
    right, short, long, *others = compared
    for name, one, most in (
        ("expected right", right, 1.15),
        ("expected 5 times too short", short, 1.4),
        ("expected 5 times too long", long, 1.4),
    ):
        note = f"lag {one.lag:.1f} s with {one.requests:.1f} requests"
        yield Row(f"schedule: lag against the optimum, {name}", one.against_optimum, "x", most=most, note=note)
    yield Row("schedule: requests a video, median 120 s", right.requests, "", most=16)
    for one in others:
        if one.name.startswith(("ours", "back-off", "every")):
            name = f"schedule: median {one.median:.0f} s, {one.name}"
            yield Row(name, one.against_optimum, "x", note=f"lag {one.lag:.1f} s with {one.requests:.1f} requests")


def cpu(bench: Bench, sizes: Sizes) -> Iterator[Row]:
    """Measure the CPU of a question."""
    from tests.benchmarks import cpu_per_poll
    from tests.benchmarks.contestants import BARE, HTTP, OPENAI, OURS

    for scheme, at_most, times_less in (("http", 1.2, 3.0), ("https", None, 5.0)):
        found = bench.run("cpu_per_poll", bench.urls[scheme], rounds=sizes.rounds, videos=sizes.videos)
        took, ratios = found["microseconds"], found["ratios"]
        note = f"{took[OURS]:.0f} us against {took[BARE]:.0f} us"
        yield Row(f"CPU per poll, {scheme}, against the bare loop", ratios["ours / bare"], "x", most=at_most, note=note)
        note = f"{took[cpu_per_poll.OURS_SHORT]:.0f} us: 14 polls, 13 lines of log, an event"
        name = f"CPU per poll, {scheme}, whole life of a video of 120 s"
        yield Row(name, ratios["ours / bare, short"], "x", note=note)
        name = f"CPU per poll, {scheme}, {HTTP} against ours"
        yield Row(name, ratios["http / ours"], "x", least=times_less, note=f"{took[HTTP]:.0f} us")
        name = f"CPU per poll, {scheme}, {OPENAI} against ours"
        yield Row(name, ratios["openai / ours"], "x", note=f"{took[OPENAI]:.0f} us")


def stalls(bench: Bench, sizes: Sizes) -> Iterator[Row]:
    """Let thousands of triggers wait on one event loop."""
    options = {"count": sizes.waiting, "seconds": sizes.waiting_seconds}
    bench.counts()
    runs: dict[str, list[Figures]] = {"sleepers": [], "bare": [], "ours": []}
    seen: dict[str, int] = {}
    for _ in range(sizes.waiting_rounds):
        for kind, found in runs.items():
            bench.counts()
            found.append(bench.run("stalls", bench.urls["http"], kind=kind, **options))
            seen = bench.counts() if kind == "ours" else seen
    name = f"{sizes.waiting:,} videos"
    yield from _stall_rows(name, runs["ours"], runs["sleepers"], runs["bare"])
    each = {kind: statistics.median(run["objects_each"] for run in found) for kind, found in runs.items()}
    note = ", ".join(f"{who} {each[kind]:.1f}" for who, kind in (("sleepers", "sleepers"), ("bare triggers", "bare")))
    yield Row(f"{name}: objects that the collector looks at, each", each["ours"], "", note=note)
    # One connection is the one that asks for the counts.
    note = f"{seen['requests']} requests over {seen['connections'] - 1} connections in all"
    yield Row(f"{name}: TCP connections at once", seen["most_open"] - 1, "", most=100, note=note)
    batches = bench.run("stalls", bench.urls["http"], kind="batches", count=40, seconds=10)
    note = "40 OpenAIBatchTriggers on a server that takes 50 ms"
    yield Row("OpenAIBatchTrigger: worst stall", batches["worst_ms"], "ms", note=note)


def trigger_runner(bench: Bench, sizes: Sizes) -> Iterator[Row]:
    """Do the same in a TriggerRunner of Airflow's."""
    options = {"count": sizes.waiting, "seconds": sizes.waiting_seconds}
    kinds = ("sleepers", "bare", "ours") if sizes is not QUICK else ("sleepers", "ours")
    runs = {kind: bench.run("trigger_runner", bench.urls["http"], kind=kind, **options) for kind in kinds}
    ours, sleepers, bare = runs["ours"], runs["sleepers"], [run for kind, run in runs.items() if kind == "bare"]
    name = f"{sizes.waiting:,} videos in a TriggerRunner"
    for when, key in (("once started", "kilobytes_each"), ("while it is asked", "kilobytes_each_later")):
        note = f"{ours[key]:.1f} kB against {sleepers[key]:.1f} kB"
        yield Row(f"{name}: memory against sleepers, {when}", ours[key] / sleepers[key], "x", most=1.5, note=note)
    # No bound in milliseconds: in there, those who only sleep stall the loop for longer than any that could be set.
    yield from _stall_rows(name, [ours], [sleepers], bare, longest=None)


def loading(bench: Bench, sizes: Sizes) -> Iterator[Row]:
    """Measure what a DAG file costs."""
    from tests.benchmarks.loading import EMPTY, HTTP, OPENAI, OURS

    found = bench.run("loading", rounds=sizes.loading_rounds, repeats=5)
    took = found["import_ms"]
    note = f"{HTTP} {took[HTTP]:.0f} ms, {OPENAI} {took[OPENAI]:.0f} ms"
    yield Row("import of operators and sensors, CPU", took[OURS], "ms", most=10, note=note)
    for key, name, most in (("first_parse_ms", "first parse", 2.2), ("warm_parse_ms", "warm", 1.5)):
        took = found[key]
        peers = ", ".join(f"{peer} {took[peer] / took[EMPTY]:.1f}" for peer in (HTTP, OPENAI))
        note = f"{took[OURS]:.1f} ms against {took[EMPTY]:.1f} ms; {peers}"
        yield Row(
            f"DAG file of 100 tasks, {name}, against EmptyOperators", took[OURS] / took[EMPTY], "x", most, None, note
        )


def creating(bench: Bench, sizes: Sizes) -> Iterator[Row]:
    """Measure one create."""
    from tests.benchmarks.create import BARE, OURS

    took = bench.run("create", bench.urls["http"], rounds=15, creates=sizes.creates)
    note = f"{took[OURS]:.0f} us against {took[BARE]:.0f} us of CPU"
    yield Row("one create, against a bare requests.Session", took[OURS] / took[BARE], "x", most=1.15, note=note)


MEASURES: dict[str, Callable[[Bench, Sizes], Iterator[Row]]] = {
    "schedule": schedules,
    "cpu": cpu,
    "stalls": stalls,
    "runner": trigger_runner,
    "loading": loading,
    "create": creating,
}


def _stall_rows(
    name: str, ours: list[Figures], sleepers: list[Figures], bare: list[Figures], *, longest: float | None = 200.0
) -> Iterator[Row]:
    def median(runs: list[Figures], key: str) -> float:
        return statistics.median(run[key] for run in runs)

    def wall_and_cpu(key: str) -> str:
        own = key.replace("_ms", "_cpu_ms")
        theirs = ", ".join(
            f"{who} {median(runs, key):.0f} ms"
            for who, runs in (("sleepers", sleepers), ("bare triggers", bare))
            if runs
        )
        return f"of it {median(ours, own):.0f} ms its own CPU; {theirs}"

    worst, theirs = median(ours, "worst_ms"), median(sleepers, "worst_ms")
    note = f"{worst:.0f} ms against {theirs:.0f} ms"
    if bare:
        note += f"; bare triggers that ask as often {median(bare, 'worst_ms'):.0f} ms"
    # Among a thousand the collector has so little to do that the sleepers' worst stall is chance.
    most = 1.5 if name.startswith("10,000") else None
    yield Row(f"{name}: worst stall against sleepers", worst / theirs, "x", most=most, note=note)
    for what, key, most in (
        ("worst stall once started", "worst_once_started_ms", longest),
        ("99th percentile", "p99_ms", 50.0),
    ):
        yield Row(f"{name}: {what}", median(ours, key), "ms", most=most, note=wall_and_cpu(key))


def load() -> str:
    """Return how busy the machine is, for a figure that others' work may have moved."""
    return f"load {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores"
