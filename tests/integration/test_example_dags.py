"""Every example DAG runs to its end on a real Airflow, against the emulator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dev.harness.airflow import LocalAirflow
from sora2_provider.emulator import Emulator
from tests.integration.command_console import Console

EXAMPLES = Path(__file__).parents[2] / "example_dags"


@pytest.fixture(scope="module", autouse=True)
def examples(console: Console) -> None:
    for example in EXAMPLES.glob("*.py"):
        console.write_dags(example.name, example.read_text(encoding="utf-8"))


@pytest.fixture
def run(gateway: Emulator, console: Console) -> Callable[..., LocalAirflow]:
    """Run one DAG; fail with its log unless it succeeds."""

    def run_dag(dag_id: str, **params: Any) -> LocalAirflow:
        output = console.dags_test(dag_id, conf=params, AIRFLOW_CONN_SORA2_DEFAULT=gateway.connection())
        assert set(console.airflow.task_states(dag_id).values()) == {"success"}, output[-6000:]
        return console.airflow

    return run_dag


def test_text_to_video_stores_a_file_named_after_the_id(run, gateway, tmp_path):
    airflow = run("sora2_text_to_video", prompt="A paper boat", folder=f"{tmp_path}/videos/")
    (billed,) = gateway.billed
    assert billed.request["prompt"] == "A paper boat"
    assert billed.request["images"] == []
    video = airflow.xcoms("sora2_text_to_video")["create_video", "video", -1]
    assert video["id"] == billed.id
    assert video["stored_uri"] == f"file://{tmp_path}/videos/{billed.id}.mp4"
    assert (tmp_path / "videos" / f"{billed.id}.mp4").stat().st_size > 1000


def test_image_to_video_downloads_in_a_task_of_its_own(run, gateway, tmp_path):
    path = tmp_path / "cat.mp4"
    airflow = run("sora2_image_to_video", image_url=f"{gateway.url}/images/sample.png", output_path=str(path))
    (billed,) = gateway.billed
    assert billed.request["images"] == [f"{gateway.url}/images/sample.png"]
    assert (billed.request["duration"], billed.request["size"]) == (15, "large")
    xcoms = airflow.xcoms("sora2_image_to_video")
    assert xcoms["create_video", "return_value", -1] == billed.id
    assert xcoms["download", "return_value", -1] == f"file://{path}"
    assert xcoms["download", "size", -1] == path.stat().st_size


def test_the_batch_makes_one_video_for_each_product(run, gateway, tmp_path):
    airflow = run("sora2_batch", folder=str(tmp_path))
    assert len(gateway.billed) == 3
    assert len({billed.request["prompt"] for billed in gateway.billed}) == 3
    assert sorted(path.name for path in tmp_path.glob("*.mp4")) == ["boot-12.mp4", "kettle-01.mp4", "lamp-07.mp4"]
    xcoms = airflow.xcoms("sora2_batch")
    ids = [xcoms["film.create_video", "return_value", index] for index in range(3)]
    assert ids == [xcoms["film.wait_for_video", "return_value", index]["id"] for index in range(3)]
    assert set(ids) == {billed.id for billed in gateway.billed}


def test_a_refused_row_of_the_batch_does_not_hold_up_the_others(gateway, console, tmp_path):
    gateway.fault(
        route="create",
        prompt_contains="brass desk lamp",
        status=400,
        body={"error": {"message": "request blocked", "code": "prompt_blocked"}},
    )
    conf = {"folder": str(tmp_path)}
    console.dags_test("sora2_batch", conf=conf, AIRFLOW_CONN_SORA2_DEFAULT=gateway.connection())
    states = console.airflow.task_states("sora2_batch")
    assert states["film.create_video", 1] == "failed"
    assert [states["film.store", index] for index in range(3)] == ["success", "upstream_failed", "success"]
    assert sorted(path.name for path in tmp_path.glob("*.mp4")) == ["boot-12.mp4", "kettle-01.mp4"]


DEFERRED = """
import pendulum
try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag

from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False)
def deferred():
    create = Sora2CreateVideoOperator(
        task_id="create", prompt="a cat", wait_for_completion=True, deferrable=True, poll_interval=1,
        output_path="{path}",
    )
    Sora2VideoSensor(task_id="wait", video_id=create.output, deferrable=True, poke_interval=1)


deferred()
"""


def test_waiting_in_the_triggerer_works_in_dags_test_too(run, gateway, console, tmp_path):
    gateway.settings(render_seconds=2)
    console.write_dags("deferred.py", DEFERRED.replace("{path}", f"{tmp_path}/cat.mp4"))
    airflow = run("deferred")
    assert len(gateway.billed) == 1
    assert (tmp_path / "cat.mp4").stat().st_size > 1000
    xcoms = airflow.xcoms("deferred")
    assert xcoms["create", "return_value", -1] == xcoms["wait", "return_value", -1]["id"] == gateway.billed[0].id


def test_a_later_task_uses_the_id(run, gateway):
    airflow = run("sora2_use_the_id")
    (billed,) = gateway.billed
    xcoms = airflow.xcoms("sora2_use_the_id")
    assert xcoms["pull_by_hand", "return_value", -1] == billed.id
    assert xcoms["look_at", "return_value", -1]["id"] == billed.id


def test_functions_say_what_to_render(run, gateway, tmp_path):
    airflow = run("sora2_taskflow", place="A mill", folder=str(tmp_path))
    requests = {billed.request["prompt"]: billed.request for billed in gateway.billed}
    trailer = "A mill: calm, low sun, then waves over the pier, dark clouds, aerial shot"
    assert set(requests) == {trailer, "A mill, calm, low sun", "A mill, waves over the pier, dark clouds"}
    assert requests[trailer]["orientation"] == "landscape"
    storm = requests["A mill, waves over the pier, dark clouds"]
    assert (storm["size"], storm["duration"]) == ("large", 15)
    assert (tmp_path / "trailer.mp4").stat().st_size > 1000
    assert set(airflow.xcoms("sora2_taskflow")["report", "return_value", -1]) == {one.id for one in gateway.billed}


def test_the_approval_renders_nothing_on_an_airflow_that_cannot_ask_people(gateway, console):
    example = (EXAMPLES / "sora2_approve_then_publish.py").read_text(encoding="utf-8")
    # The Airflow at hand may be able to: this one cannot.
    without_people = example.replace("airflow.providers.standard.operators.hitl", "no_such_package.hitl")
    console.write_dags("approval.py", without_people.replace("sora2_approve_then_publish()", "nobody_to_ask()"))
    output = console.dags_test("nobody_to_ask", AIRFLOW_CONN_SORA2_DEFAULT=gateway.connection())
    assert console.airflow.task_states("nobody_to_ask") == {("needs_airflow_3_1", -1): "failed"}
    assert "which needs Airflow 3.1 or later" in output + console.airflow.task_log("nobody_to_ask")
    assert gateway.requests == ()


def test_every_example_is_run_here():
    tests = Path(__file__).read_text(encoding="utf-8")
    assert [example.stem for example in EXAMPLES.glob("*.py") if f'"{example.stem}' not in tests] == []
