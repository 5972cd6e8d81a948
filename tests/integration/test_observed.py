"""What a run tells: metrics to a StatsD server, asset events to the database, lineage to OpenLineage's file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.command_console import running_console
from tests.observed import ObservedAirflow, observed_airflow

GUIDE = Path(__file__).parents[2] / "docs" / "metrics.md"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObservedAirflow]:
    """Run the DAGs once; every test looks at what came of it."""
    with observed_airflow(tmp_path_factory.mktemp("observed")) as made:
        with running_console(made.airflow) as console:
            if made.airflow.installation.version.startswith(("2.", "3.0.")):
                # There Airflow must have read of an alias before it takes an event for it, and of an asset before its task
                # runs.
                assert console.run("dags", "reserialize").returncode == 0
            for dag in ("films", "troubles"):
                console.dags_test(dag)
        yield made


def test_the_tasks_end_as_they_should(world):
    assert set(world.airflow.task_states("films").values()) == {"success"}
    assert {task: state for (task, _), state in world.airflow.task_states("troubles").items()} == {
        "blocked_at_first": "success",
        "refused": "failed",
        "lost": "failed",
        "failing": "failed",
        "no_prompt": "failed",
        "asked": "success",
        "waits": "success",
        "in_the_triggerer": "success",
    }


def test_an_event_of_the_alias_is_one_of_the_file_by_its_own_uri(world):
    assets, events, of_event = (
        ("dataset", "dataset_event", "dataset_id")
        if world.airflow.installation.is_airflow_2
        else ("asset", "asset_event", "asset_id")
    )
    rows = world.airflow.query(
        f"SELECT {assets}.uri, {events}.source_task_id, CAST({events}.extra AS TEXT) FROM {events} "
        f"JOIN {assets} ON {assets}.id = {events}.{of_event}"
    )
    stored = {(uri, task): json.loads(extra) for uri, task, extra in rows}
    assert set(stored) == {
        ("x-films://cats", "kettle"),
        (f"file://{world.videos}/kettle %231.mp4", "kettle"),
        (f"file://{world.videos}/lamp.mp4", "store_lamp"),
    }
    lamp = stored[f"file://{world.videos}/lamp.mp4", "store_lamp"]
    assert lamp["prompt_sha256"] == hashlib.sha256(b"a lamp").hexdigest()
    assert lamp["seconds"] == 10
    assert stored["x-films://cats", "kettle"] == world.kettle()


def test_openlineage_is_told_of_images_and_file_and_not_of_the_prompt(world):
    (event,) = world.told("kettle", "COMPLETE")
    (image,) = event["inputs"]
    assert (image["namespace"], image["name"]) == (world.gateway.url, "/images/sample.png")
    named = {(each["namespace"], each["name"]): each for each in event["outputs"]}
    file = named["file", f"{world.videos}/kettle #1.mp4"]
    assert file["outputFacets"]["outputStatistics"]["size"] == (world.videos / "kettle #1.mp4").stat().st_size
    facet = event["run"]["facets"]["sora2_video"]
    billed = world.billed_for("a kettle")
    assert (facet["videoId"], facet["status"], facet["model"], facet["seconds"]) == (
        billed.id,
        "completed",
        "sora-2",
        15,
    )
    assert facet["totalTokens"] > 0
    assert facet["promptSha256"] == hashlib.sha256(b"a kettle").hexdigest()
    assert "prompt" not in facet
    assert "a kettle" not in world.lineage.read_text()
    assert "X-Signature" not in json.dumps([event["inputs"], event["outputs"], facet])


def test_openlineage_sees_the_way_from_the_create_to_the_file(world):
    (made,) = world.told("lamp", "COMPLETE")
    (stored,) = world.told("store_lamp", "COMPLETE")
    between = {(each["namespace"], each["name"]) for each in made["outputs"]}
    assert {(each["namespace"], each["name"]) for each in stored["inputs"]} == between
    assert ("file", f"{world.videos}/lamp.mp4") in {(each["namespace"], each["name"]) for each in stored["outputs"]}


def test_openlineage_is_told_of_failures(world):
    facet = world.told("failing", "FAIL")[-1]["run"]["facets"]["sora2_video"]
    assert (facet["status"], facet["errorCode"]) == ("failed", "video_generation_failed")


def test_the_guide_names_exactly_the_metrics_that_arrive(world):
    table = re.findall(r"^\| `(sora2\.[a-z_.<>]+)` \| (counter|timer) \|", GUIDE.read_text(), re.MULTILINE)
    documented = {name: {"counter": "c", "timer": "ms"}[kind] for name, kind in table}
    arrived = {
        re.sub(r"^(sora2\.(?:failed|poll_errors))\..*", r"\1.<reason>", name.removeprefix("airflow.")): kind
        for name, kind in world.statsd.kinds("airflow.sora2.").items()
    }
    assert arrived == documented


def test_each_metric_counts_what_happened(world):
    statsd = world.statsd
    billed = len(world.gateway.billed)
    assert statsd.total("airflow.sora2.created") == billed - 1, "one was accepted and its answer lost"
    assert statsd.total("airflow.sora2.unknown_submissions") == 1
    assert statsd.total("airflow.sora2.resumed") == 1
    assert statsd.total("airflow.sora2.completed") == 5, "kettle, lamp, the sensor, and twice the blocked one"
    assert statsd.total("airflow.sora2.stored") == 3
    sizes = sum(path.stat().st_size for path in world.videos.rglob("*.mp4"))
    assert statsd.total("airflow.sora2.bytes_stored") == sizes
    reasons = {name.rpartition(".")[2]: statsd.total(name) for name in statsd.kinds("airflow.sora2.failed.")}
    assert reasons == {"storage": 1, "authentication": 1, "rendering": 1, "invalid_parameter": 1}
    assert statsd.total("airflow.sora2.poll_errors.unavailable") == 1
    assert statsd.total("airflow.sora2.poll_errors.rate_limited") == 1, "from the triggerer's event loop"
    durations = [value for name, value, _ in statsd.received if name == "airflow.sora2.render_duration"]
    assert all(1500 <= value <= 60_000 for value in durations), "milliseconds"
