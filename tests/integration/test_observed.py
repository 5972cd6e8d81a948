"""A whole Airflow with metrics and lineage switched on, and DAGs that are scheduled on what others have stored."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from local_airflow import LocalAirflow
from statsd_server import StatsdServer, statsd_server

from sora2_provider.emulator import Emulator

GUIDE = Path(__file__).parents[2] / "docs" / "metrics.md"

DAGS = """
import pendulum
from airflow.providers.common.compat.sdk import Asset, AssetAlias, BaseOperator, dag, task

from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor
from failing_trigger import FailingTrigger

FACTS = {{"schedule": None, "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"), "catchup": False}}
WAITS = {{"wait_for_completion": True, "poll_interval": 1}}
FILMS, CATS = AssetAlias("sora2_films"), Asset("x-films://cats")


class Defers(BaseOperator):
    def execute(self, context):
        self.defer(trigger=FailingTrigger(), method_name="done")

    def done(self, context, event=None):
        pass


@dag(**FACTS)
def films():
    @task.sora2_video(
        **WAITS, deferrable=True, output_path="{folder}/kettle #1.mp4", outlets=[FILMS, CATS], duration=15
    )
    def kettle():
        return {{"prompt": "a kettle", "images": ["{image}?X-Signature=secret"]}}

    lamp = Sora2CreateVideoOperator(task_id="lamp", prompt="a lamp", **WAITS)
    Sora2DownloadVideoOperator(
        task_id="store_lamp", video_id=lamp.output["video"], path="{folder}/lamp.mp4", outlets=[FILMS]
    )
    kettle()


@dag(**FACTS)
def troubles():
    Sora2CreateVideoOperator(
        task_id="blocked_at_first",
        prompt="blocked",
        output_path="{folder}/{{{{ 'blocked' if ti.try_number == 1 else 'free' }}}}/film.mp4",
        retries=1,
        retry_delay=pendulum.duration(seconds=0),
        **WAITS,
    )
    Sora2CreateVideoOperator(task_id="refused", prompt="refuse me")
    Sora2CreateVideoOperator(task_id="lost", prompt="lose me")
    Sora2CreateVideoOperator(task_id="failing", prompt="fail me", retries=0, **WAITS)
    Sora2CreateVideoOperator(task_id="no_prompt", prompt="{{{{ none }}}}")
    asked = Sora2CreateVideoOperator(task_id="asked", prompt="stutter")
    Sora2VideoSensor(task_id="waits", video_id=asked.output, poke_interval=1)
    Defers(task_id="in_the_triggerer")


@dag(**{{**FACTS, "schedule": [FILMS]}})
def of_the_alias():
    @task
    def look(**context):
        events = context.get("triggering_asset_events") or context["triggering_dataset_events"]
        return [event.extra for each in events.values() for event in each]

    look()


@dag(**{{**FACTS, "schedule": [CATS]}})
def of_the_asset():
    @task
    def look(**context):
        events = context.get("triggering_asset_events") or context["triggering_dataset_events"]
        return [event.extra for each in events.values() for event in each]

    look()


@dag(**{{**FACTS, "schedule": [Asset("file://{folder}/lamp.mp4")]}})
def of_the_file():
    @task
    def look():
        return "seen"

    look()


films()
troubles()
of_the_alias()
of_the_asset()
of_the_file()
"""

TRIGGER = """
from airflow.triggers.base import BaseTrigger, TriggerEvent

from sora2_provider import metrics
from sora2_provider.gateway.errors import RateLimited


class FailingTrigger(BaseTrigger):
    def serialize(self):
        return "failing_trigger.FailingTrigger", {}

    async def run(self):
        metrics.poll_failed(RateLimited("slow down"))
        yield TriggerEvent({})
"""

ENDS = {"success", "failed", "upstream_failed", "skipped"}


class World(NamedTuple):
    airflow: LocalAirflow
    gateway: Emulator
    statsd: StatsdServer
    folder: Path
    lineage: list[dict[str, Any]]

    def events_of(self, task: str, kind: str) -> list[dict[str, Any]]:
        """What OpenLineage was told of a task."""
        return [
            event
            for event in self.lineage
            if event.get("eventType") == kind and event.get("job", {}).get("name", "").endswith(f".{task}")
        ]


def told(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines() if line] if file.exists() else []


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Run the DAGs once; every test looks at what came of it."""
    folder = tmp_path_factory.mktemp("observed")
    dags, library, videos = folder / "dags", folder / "library", folder / "videos"
    for made in (dags, library, videos):
        made.mkdir()
    (videos / "blocked").write_text("a file where a folder should be")
    (library / "failing_trigger.py").write_text(TRIGGER)
    transport = {"type": "file", "log_file_path": str(folder / "lineage.json"), "append": True}
    with Emulator(canned=True, render_seconds=2) as gateway, statsd_server() as statsd:
        (dags / "observed.py").write_text(DAGS.format(folder=videos, image=f"{gateway.url}/images/sample.png"))
        gateway.fault(route="create", prompt_contains="refuse me", status=401, body={"error": {"message": "no"}})
        gateway.fault(route="create", prompt_contains="lose me", reset="after")
        gateway.fault(
            route="create", prompt_contains="fail me", rendering="failed", error_code="video_generation_failed"
        )
        gateway.fault(route="query", prompt_contains="stutter", status=503)
        environment = {
            "PYTHONPATH": str(library),
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(statsd.port),
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
            "AIRFLOW__OPENLINEAGE__NAMESPACE": "here",
            "AIRFLOW__SORA2__STATE_PATH": str(folder / "state"),
        }
        with LocalAirflow(dags_folder=dags, connection=gateway.connection(), environment=environment) as airflow:
            airflow.start()
            airflow.wait_until(
                lambda: all(
                    airflow.run("dags", "unpause", dag, "--yes").exit_code == 0
                    for dag in ("films", "troubles", "of_the_alias", "of_the_asset", "of_the_file")
                ),
                timeout=120,
                what="the DAGs to be known",
            )
            for dag in ("troubles", "films"):
                airflow.run("dags", "trigger", dag).check()
            for dag in ("troubles", "films", "of_the_alias", "of_the_asset", "of_the_file"):
                airflow.wait_until(lambda dag=dag: has_ended(airflow, dag), timeout=300, what=f"{dag} to end")
            made = World(airflow, gateway, statsd, videos, [])
            wanted = [("kettle", "COMPLETE"), ("store_lamp", "COMPLETE"), ("failing", "FAIL")]

            def all_told() -> bool:
                made.lineage[:] = told(folder / "lineage.json")
                return all(made.events_of(task, kind) for task, kind in wanted)

            airflow.wait_until(all_told, timeout=60, what="OpenLineage to be told")
            yield made


def has_ended(airflow: LocalAirflow, dag: str) -> bool:
    states = airflow.task_states(dag)
    return bool(states) and all(state in ENDS for state in states.values())


def described(world: World, path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"uri": f"file://{path}", "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


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


def test_a_dag_that_is_scheduled_on_an_asset_knows_the_video(world):
    (billed,) = [one for one in world.gateway.billed if one.request["prompt"] == "a kettle"]
    ((extra),) = world.airflow.xcoms("of_the_asset")["look", "return_value", -1]
    assert extra == {
        "video_id": billed.id,
        "model": "sora-2",
        "seconds": 15,
        "prompt_sha256": hashlib.sha256(b"a kettle").hexdigest(),
        **described(world, world.folder / "kettle #1.mp4"),
    }


def test_a_dag_that_is_scheduled_on_the_alias_knows_every_file(world):
    runs = world.airflow.query("SELECT run_id FROM dag_run WHERE dag_id = 'of_the_alias'")
    extras = [
        extra
        for (run,) in runs
        for extra in world.airflow.xcoms("of_the_alias", run).get(("look", "return_value", -1)) or []
    ]
    assert {extra["uri"] for extra in extras} <= {f"file://{world.folder}/{name}.mp4" for name in ("kettle #1", "lamp")}
    assert extras


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
        (f"file://{world.folder}/kettle %231.mp4", "kettle"),
        (f"file://{world.folder}/lamp.mp4", "store_lamp"),
    }
    lamp = stored[f"file://{world.folder}/lamp.mp4", "store_lamp"]
    assert lamp["prompt_sha256"] == hashlib.sha256(b"a lamp").hexdigest()
    assert lamp["seconds"] == 10
    assert world.airflow.xcoms("of_the_file")["look", "return_value", -1] == "seen"


def test_openlineage_is_told_of_images_and_file_and_not_of_the_prompt(world):
    (event,) = world.events_of("kettle", "COMPLETE")
    (image,) = event["inputs"]
    assert (image["namespace"], image["name"]) == (world.gateway.url, "/images/sample.png")
    named = {(each["namespace"], each["name"]): each for each in event["outputs"]}
    file = named["file", f"{world.folder}/kettle #1.mp4"]
    assert file["outputFacets"]["outputStatistics"]["size"] == (world.folder / "kettle #1.mp4").stat().st_size
    facet = event["run"]["facets"]["sora2_video"]
    (billed,) = [one for one in world.gateway.billed if one.request["prompt"] == "a kettle"]
    assert (facet["videoId"], facet["status"], facet["model"], facet["seconds"]) == (
        billed.id,
        "completed",
        "sora-2",
        15,
    )
    assert facet["totalTokens"] > 0
    assert facet["promptSha256"] == hashlib.sha256(b"a kettle").hexdigest()
    assert "prompt" not in facet
    assert "X-Signature" not in json.dumps([event["inputs"], event["outputs"], facet])


def test_openlineage_sees_the_way_from_the_create_to_the_file(world):
    (made,) = world.events_of("lamp", "COMPLETE")
    (stored,) = world.events_of("store_lamp", "COMPLETE")
    between = {(each["namespace"], each["name"]) for each in made["outputs"]}
    assert {(each["namespace"], each["name"]) for each in stored["inputs"]} == between
    assert ("file", f"{world.folder}/lamp.mp4") in {(each["namespace"], each["name"]) for each in stored["outputs"]}


def test_openlineage_is_told_of_failures(world):
    facet = world.events_of("failing", "FAIL")[-1]["run"]["facets"]["sora2_video"]
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
    sizes = sum(path.stat().st_size for path in world.folder.rglob("*.mp4"))
    assert statsd.total("airflow.sora2.bytes_stored") == sizes
    reasons = {name.rpartition(".")[2]: statsd.total(name) for name in statsd.kinds("airflow.sora2.failed.")}
    assert reasons == {"storage": 1, "authentication": 1, "rendering": 1, "invalid_parameter": 1}
    assert statsd.total("airflow.sora2.poll_errors.unavailable") == 1
    assert statsd.total("airflow.sora2.poll_errors.rate_limited") == 1, "from the triggerer's event loop"
    durations = [value for name, value, _ in statsd.received if name == "airflow.sora2.render_duration"]
    assert all(1500 <= value <= 60_000 for value in durations), "milliseconds"
