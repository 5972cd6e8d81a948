"""``@task.sora2_video`` on a real Airflow: what is sent, and how often the function is called."""

from __future__ import annotations

import importlib.metadata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.harness.airflow import LocalAirflow
from sora2_provider.emulator import Emulator

DAGS = """
from pathlib import Path

import pendulum
try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task

FACTS = {{"schedule": None, "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"), "catchup": False}}


def note(name):
    with Path("{folder}/calls").open("a") as calls:
        print(name, file=calls)


@dag(**FACTS, default_args={{"size": "large"}})
def many():
    @task
    def subject():
        return "a cat"

    @task.sora2_video(duration="{{{{ params.seconds }}}}", params={{"seconds": 15}})
    def string(what, run_id=None):
        return f"{{what}} in {{run_id.partition('__')[0]}}"

    @task.sora2_video
    def a_dict(what) -> dict:
        return {{"prompt": f"{{what}} as a dict", "orientation": "landscape", "extra": {{"watermark": False}}}}

    @task.sora2_video
    def braces():
        return "{{{{ run_id }}}} {{% raw"

    @task.sora2_video(wait_for_completion=True, deferrable=True, poll_interval=1)
    def mapped(what, colour):
        note(colour)
        return f"{{what}} in {{colour}}"

    @task
    def collect(ids):
        return list(ids)

    what = subject()
    string(what)
    a_dict.override(task_id="renamed")(what)
    braces()
    collect(mapped.partial(what=what).expand(colour=["red", "blue"]))


@dag(**FACTS)
def retried():
    @task.sora2_video(
        wait_for_completion=True,
        poll_interval=1,
        output_path="{folder}/{{{{ 'blocked' if ti.try_number == 1 else 'free' }}}}/cat.mp4",
        retries=2,
        retry_delay=pendulum.duration(seconds=0),
    )
    def film():
        note("film")
        return "a cat"

    film()


@dag(**FACTS)
def returns_nothing():
    @task.sora2_video(retries=2, retry_delay=pendulum.duration(seconds=0))
    def film():
        note("nothing")

    film()


many()
retried()
returns_nothing()
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalAirflow, Emulator, Path]]:
    folder = tmp_path_factory.mktemp("taskflow")
    (folder / "blocked").write_text("a file where a folder should be")
    (folder / "calls").touch()
    dags = folder / "dags"
    dags.mkdir()
    (dags / "films.py").write_text(DAGS.format(folder=folder))
    release = tuple(int(part) for part in importlib.metadata.version("apache-airflow").split(".")[:2])
    environment = {} if release >= (3, 3) else {"AIRFLOW__SORA2__STATE_PATH": f"{folder}/state"}
    with Emulator(canned=True) as gateway:
        with LocalAirflow(dags_folder=dags, connection=gateway.connection(), environment=environment) as airflow:
            yield airflow, gateway, folder


@pytest.fixture
def run(world) -> Callable[[str], Any]:
    """Run a DAG; return its log, what it was billed, and which functions it has called how often."""
    airflow, gateway, folder = world

    def run_dag(dag_id: str):
        (folder / "calls").write_text("")
        before = len(gateway.billed)
        result = airflow.dags_test(dag_id)
        calls = Counter((folder / "calls").read_text().split())
        return result.output, [billed.request for billed in gateway.billed[before:]], calls

    return run_dag


def test_strings_dicts_templates_and_mapped_functions(run, world):
    airflow, *_ = world
    output, requests, calls = run("many")
    assert set(airflow.task_states("many").values()) == {"success"}, output[-6000:]
    sent = {request["prompt"]: request for request in requests}
    assert set(sent) == {"a cat in manual", "a cat as a dict", "{{ run_id }} {% raw", "a cat in red", "a cat in blue"}
    assert sent["a cat in manual"]["duration"] == 15
    assert {request["size"] for request in requests} == {"large"}, "default_args reach the decorated operator"
    assert sent["a cat as a dict"]["orientation"] == "landscape"
    assert sent["a cat as a dict"]["watermark"] is False
    assert calls == {"red": 1, "blue": 1}, "the end of a deferral calls nothing"
    xcoms = airflow.xcoms("many")
    ids = [xcoms["mapped", "return_value", index] for index in range(2)]
    assert xcoms["collect", "return_value", -1] == ids
    assert all(isinstance(one, str) for one in ids)
    assert isinstance(xcoms["renamed", "return_value", -1], str), "one output, whatever the annotation says"


def test_a_retry_that_takes_the_video_up_does_not_call_the_function(run, world):
    airflow, _, folder = world
    output, requests, calls = run("retried")
    assert airflow.task_states("retried") == {("film", -1): "success"}, output[-6000:]
    assert "its file could not be stored" in output
    assert "of an earlier try is taken up again" in output
    assert calls == {"film": 1}
    assert len(requests) == 1
    assert (folder / "free" / "cat.mp4").stat().st_size > 1000


def test_a_bad_return_value_fails_at_once_and_pays_for_nothing(run, world):
    airflow, *_ = world
    output, requests, calls = run("returns_nothing")
    assert airflow.task_states("returns_nothing") == {("film", -1): "failed"}
    assert "film() returned nothing. It must return the prompt" in output
    assert calls == {"nothing": 1}, "no retry"
    assert requests == []
