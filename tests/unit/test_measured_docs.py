"""The figures in the docs are those that were measured, and what is computed from them is computed right."""

from __future__ import annotations

import dataclasses
import itertools
import json

import pytest

from dev import measured_docs
from dev.capacity import IN_FLIGHT, TRIGGERER_CAPACITY, BenchFigures, Capacity, amount
from dev.fleet_figures import FleetFigures

FLEET = FleetFigures(
    versions={"Airflow": "3.3.2"},
    videos=100,
    render_seconds=60.0,
    processors=2,
    workers=2,
    slots=8,
    pool_slots=50,
    seconds=200.0,
    task_processes=203,
    worker_seconds=600.0,
    cpu_seconds={"scheduler": 40.0, "API server": 60.0, "triggerer": 10.0, "Celery workers": 150.0, "PostgreSQL": 20.0},
    machine_cpu_seconds=300.0,
    in_flight=20.0,
    questions=300,
    transactions=9000,
    worst_stall=0.25,
    tries={"1": 97, "2": 3},
    events={"heartbeat timeout": 3},
    worker_errors={"ServerResponseError('Invalid auth token')": 2},
    kills=[["kill -9", "3 tasks"]],
)
BENCH = BenchFigures(cpu_ms_a_question=0.3, kilobytes_a_trigger=10.0, questions_a_video=13.9, lag_seconds=4.1)


@pytest.mark.parametrize("page", measured_docs.PAGES, ids=lambda page: page.name)
def test_a_page_shows_the_figures_that_are_kept(page):
    text = page.read_text(encoding="utf-8")
    assert measured_docs.parts_of(text)
    assert measured_docs.current(text) == text, "run make measured-docs"


def test_every_part_is_in_one_page():
    parts = [part for page in measured_docs.PAGES for part in measured_docs.parts_of(page.read_text(encoding="utf-8"))]
    assert sorted(parts) == sorted(measured_docs.PARTS)


def test_what_the_page_concludes_is_what_the_model_says():
    page = " ".join((measured_docs.DOCS / "kubernetes.md").read_text(encoding="utf-8").split())
    capacity = Capacity(BenchFigures.read(), FleetFigures.read())
    assert "**The scheduler binds first.**" in page
    assert capacity.binding().name == "scheduler processes"
    assert "A million waiting videos fit into a hundred triggerers" in page
    assert capacity.triggerers(1_000_000) == 100
    assert "Two task processes a video" in page
    fleet = capacity.fleet
    assert round(fleet.task_processes / fleet.videos) == 2


@pytest.mark.parametrize(
    ("change", "name", "share"),
    [
        ({}, "the machine's processors", 0.75),
        ({"machine_cpu_seconds": 100.0}, "the pool", 0.4),
        ({"worker_seconds": 1500.0}, "the workers' task slots", 0.9375),
        ({"in_flight": 49.0}, "the pool", 0.98),
        ({"cpu_seconds": FLEET.cpu_seconds | {"scheduler": 180.0}}, "the scheduler's one process", 0.9),
        ({"cpu_seconds": FLEET.cpu_seconds | {"API server": 190.0}}, "the API server's one process", 0.95),
    ],
)
def test_the_bottleneck_is_what_was_used_up_most(change, name, share):
    found = dataclasses.replace(FLEET, **change).bottleneck
    assert (found.name, found.share) == (name, pytest.approx(share))


def test_figures_survive_their_file(tmp_path):
    file = tmp_path / "folder" / "fleet.json"
    FLEET.write(file)
    assert FleetFigures.read(file) == FLEET
    assert FLEET.videos_per_minute == pytest.approx(30.0)
    assert FLEET.retried == 3


def test_more_videos_need_more_of_everything():
    capacity = Capacity(BENCH, FLEET)
    for fewer, more in itertools.pairwise(IN_FLIGHT):
        times = more / fewer
        assert capacity.videos_a_second(more) == pytest.approx(times * capacity.videos_a_second(fewer))
        assert capacity.triggerers(more) > capacity.triggerers(fewer)


def test_a_video_is_in_flight_for_the_mean_of_the_rendering_times_and_the_lag():
    # A lognormal's mean is above its median: exp(sigma^2 / 2) times, here 1.168.
    assert Capacity(BENCH, FLEET).seconds_in_flight == pytest.approx(120 * 1.1679 + 4.1, rel=1e-3)


@pytest.mark.parametrize(
    ("cpu_ms", "videos", "triggerers"),
    [(0.3, 1_000, 1), (0.3, 100_000, 10), (0.3, 1_000_000, 100), (3.0, 100_000, 42)],
)
def test_triggerers_are_counted_by_videos_or_by_processor_time(cpu_ms, videos, triggerers):
    capacity = Capacity(dataclasses.replace(BENCH, cpu_ms_a_question=cpu_ms), FLEET)
    assert capacity.triggerers(videos) == triggerers


def test_what_cannot_be_multiplied_binds():
    assert Capacity(BENCH, FLEET).binding().name == "scheduler processes"
    slow_database = dataclasses.replace(FLEET, cpu_seconds=FLEET.cpu_seconds | {"PostgreSQL": 4000.0})
    assert Capacity(BENCH, slow_database).binding().name == "PostgreSQL's processors"


def test_the_figures_of_a_bench_are_read_from_its_table(tmp_path):
    rows = {
        "CPU per poll, https, whole life of a video of 120 s": (1.2, "250 us: 14 polls, 13 lines of log, an event"),
        f"{TRIGGERER_CAPACITY:,} videos in a TriggerRunner: memory against sleepers, while it is asked": (
            1.2,
            "12.5 kB against 10.1 kB",
        ),
        "schedule: requests a video, median 120 s": (13.87, ""),
        "schedule: lag against the optimum, expected right": (1.05, "lag 4.1 s with 13.9 requests"),
    }
    file = tmp_path / "benchmarks.json"
    table = [{"measure": measure, "value": value, "note": note} for measure, (value, note) in rows.items()]
    file.write_text(json.dumps({"rows": table}))
    assert BenchFigures.of_bench(file) == BenchFigures(0.25, 12.5, 13.9, 4.1)

    file.write_text(json.dumps({"rows": table[1:]}))
    with pytest.raises(ValueError, match=r"CPU per poll.*make bench"):
        BenchFigures.of_bench(file)


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.0, "0"), (32.0, "32"), (0.04321, "0.043"), (7.12, "7.1"), (12.34, "12.3"), (6939.6, "6,940")],
)
def test_amounts_are_written_as_exactly_as_they_are_worth(value, written):
    assert amount(value) == written
