"""The figures of docs/scaling.md and docs/kubernetes.md agree with one another, and what is computed is computed right."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from tests.markdown_tables import table_of

DOCS = Path(__file__).parents[2] / "docs"
SCALING, KUBERNETES, BENCHMARKS = (
    (DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("scaling", "kubernetes", "benchmarks")
)

#: How far a printed number may be from what printed numbers give, each of which has two digits at least: 0.19, 1.8.
ROUNDED = 0.05

#: What docs/kubernetes.md says that it assumes.
PLANNED_SHARE, TRIGGERER_HOLDS, DATABASE_PROCESSORS = 0.7, 10_000, 32


def number(cell: str) -> float:
    return float(re.match(r"[\d.,]+", cell)[0].replace(",", ""))


RUN = dict(table_of(SCALING, "measure", "value"))
PROCESSES = {
    row[0]: [number(cell) for cell in row[1:]]
    for row in table_of(SCALING, "processes", "processor seconds", "a video", "of all")
}
MEASURED = {what: number(value) for what, value, _ in table_of(KUBERNETES, "measured", "value", "by")}
IN_FLIGHT = (1_000, 100_000, 1_000_000)
COMPUTED = {
    row[0]: [number(cell) for cell in row[1:]]
    for row in table_of(KUBERNETES, "computed, for videos in flight", *(f"{each:,}" for each in IN_FLIGHT))
}


#: What each video takes of one unit, by the name of the unit.
SECONDS_A_VIDEO = {
    "workers' task slots": "worker seconds a video",
    "workers' processors": "processor time a video: Celery workers",
    "API server processes": "processor time a video: API server",
    "scheduler processes": "processor time a video: scheduler",
    "PostgreSQL's processors": "processor time a video: PostgreSQL",
}


def about(value: float) -> object:
    return pytest.approx(value, rel=ROUNDED)


def test_what_kubernetes_calls_measured_is_what_the_other_pages_measured():
    for kind in ("Celery workers", "API server", "scheduler", "PostgreSQL"):
        assert MEASURED[f"processor time a video: {kind}"] == PROCESSES[kind][1]
    assert MEASURED["worker seconds a video"] == number(RUN["worker seconds a video"])
    assert MEASURED["database transactions a video"] == number(RUN["database transactions a video"])
    schedule = next(line for line in BENCHMARKS.splitlines() if line.startswith("| ours, expected time right |"))
    measured = [MEASURED["questions a video"], MEASURED["lag of the last question"]]
    assert [number(cell) for cell in schedule.split(" | ")[1:3]] == measured


def test_the_run_on_the_page_agrees_with_itself():
    videos, seconds = (number(RUN[name]) for name in list(RUN)[:3:2])
    assert number(RUN["videos per minute"]) == about(60 * videos / seconds)
    for kind, (used, a_video, _) in PROCESSES.items():
        assert a_video == pytest.approx(used / videos, abs=0.01), kind
    assert sum(share for *_, share in PROCESSES.values()) == pytest.approx(100, abs=len(PROCESSES) / 2)
    shares = []
    for resource, used, share in table_of(SCALING, "resource", "used", "share"):
        part, _, whole = used.partition(" of ")
        assert number(share) == pytest.approx(100 * number(part) / number(whole), abs=0.6), resource
        shares.append((number(share), resource))
    assert shares == sorted(shares, reverse=True)
    assert f"The bottleneck was {shares[0][1]}: of what there was of it, {shares[0][0]:.0f}% was" in SCALING
    tries = {int(count): int(videos) for videos, count in re.findall(r"(\d+) took (\d+)", SCALING)}
    assert sum(tries.values()) == videos
    assert videos - tries[1] == number(RUN["videos that took more than one try"])


def test_what_kubernetes_computes_follows_from_what_was_measured():
    # A lognormal's mean is above its median: the rendering times have their 95th percentile at 300 s.
    sigma = math.log(300 / 120) / 1.6449
    in_flight = 120 * math.exp(sigma**2 / 2) + MEASURED["lag of the last question"]
    assert f"{in_flight:.0f} s for which one is in flight on average" in KUBERNETES
    for column, videos in enumerate(IN_FLIGHT):
        creates = videos / in_flight
        questions = creates * MEASURED["questions a video"]
        busy = questions * MEASURED["processor time of a question, in the triggerer"] / 1000 / PLANNED_SHARE
        expected = {
            "creates a second at the gateway": creates,
            "questions a second at the gateway": questions,
            "memory of all triggers, GB": videos * MEASURED["memory of a waiting video, in the triggerer"] / 2**20,
            "database transactions a second": creates * MEASURED["database transactions a video"],
            **{what: creates * MEASURED[a_video] / PLANNED_SHARE for what, a_video in SECONDS_A_VIDEO.items()},
        }
        assert {what: row[column] for what, row in COMPUTED.items() if what != "triggerers"} == {
            what: about(value) for what, value in expected.items()
        }
        assert COMPUTED["triggerers"][column] == math.ceil(max(busy, videos / TRIGGERER_HOLDS))


def test_what_the_page_concludes_is_what_its_tables_say():
    page = " ".join(KUBERNETES.split())
    (schedulers, database) = (
        number(re.search(rf"{re.escape(name)}: ([\d,]+)", page)[1])
        for name in ("scheduler processes (1)", f"PostgreSQL's processors ({DATABASE_PROCESSORS})")
    )
    assert schedulers == about(IN_FLIGHT[0] / COMPUTED["scheduler processes"][0])
    assert database == about(DATABASE_PROCESSORS * IN_FLIGHT[1] / COMPUTED["PostgreSQL's processors"][1])
    assert schedulers < database
    assert "**The scheduler binds first.**" in page
    assert "A million waiting videos fit into a hundred triggerers" in page
    assert COMPUTED["triggerers"][-1] == 100
    assert "Two task processes a video" in page
    assert round(number(RUN["task processes a video"])) == 2
