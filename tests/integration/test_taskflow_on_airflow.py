"""``@task.sora2_video`` on a real Airflow: what is sent, and how often the function is called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sora2_provider.emulator import Emulator
from tests.integration.command_console import Console

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


class Ran(NamedTuple):
    """What came of a run: what it printed and was billed, and how often it has called each function."""

    output: str
    requests: list[dict[str, Any]]
    calls: Counter[str]


@pytest.fixture
def run(console: Console, gateway: Emulator, tmp_path: Path) -> Callable[[str], Ran]:
    """Run a DAG; the place of its files is the test's folder."""
    (tmp_path / "blocked").write_text("a file where a folder should be")
    (tmp_path / "calls").touch()
    console.write_dags("films.py", DAGS.format(folder=tmp_path))
    release = tuple(int(part) for part in console.airflow.installation.version.split(".")[:2])
    environment = {} if release >= (3, 3) else {"AIRFLOW__SORA2__STATE_PATH": f"{tmp_path}/state"}

    def run_dag(dag_id: str) -> Ran:
        output = console.dags_test(dag_id, AIRFLOW_CONN_SORA2_DEFAULT=gateway.connection(), **environment)
        calls = Counter((tmp_path / "calls").read_text().split())
        return Ran(output, [billed.request for billed in gateway.billed], calls)

    return run_dag


def test_strings_dicts_templates_and_mapped_functions(run, console):
    airflow = console.airflow
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


def test_a_retry_that_takes_the_video_up_does_not_call_the_function(run, console, tmp_path):
    output, requests, calls = run("retried")
    assert console.airflow.task_states("retried") == {("film", -1): "success"}, output[-6000:]
    # Airflow 3.0 breaks long lines of its log.
    said = " ".join(output.split())
    assert re.search(r"The file of video \S+ could not be stored", said)
    assert "of an earlier try is taken up again" in said
    assert calls == {"film": 1}
    assert len(requests) == 1
    assert (tmp_path / "free" / "cat.mp4").stat().st_size > 1000


def test_a_bad_return_value_fails_at_once_and_pays_for_nothing(run, console):
    output, requests, calls = run("returns_nothing")
    assert console.airflow.task_states("returns_nothing") == {("film", -1): "failed"}
    said = " ".join(output.split())
    assert "film() returned nothing." in said
    assert "It must return the prompt" in said
    assert calls == {"nothing": 1}, "no retry"
    assert requests == []
