"""What Airflow makes of a table's rows on its way to the gateway: which it renders as templates, and which files they name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sora2_provider.emulator import Emulator
from tests.integration.command_console import Console

KEY = "sk-of-another-connection"
HEAD = """
import pendulum
try:
    from airflow.sdk import dag, task, task_group
    from airflow.sdk.definitions.template import literal
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task, task_group
    from airflow.utils.template import literal
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor

FACTS = {"schedule": None, "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"), "catchup": False}
WAITS = {"wait_for_completion": True, "poll_interval": 1, "retries": 0}


@task
def strings(*texts):
    return list(texts)


@task
def string(text):
    return text
"""
TEMPLATES = """
TEMPLATE = "{{ conn.vault.password }}"


@task
def table(way):
    return [{"prompt": f"{way} {TEMPLATE}", "extra": {"subtitle": f"{way} {TEMPLATE}"}}]


@task
def column(way):
    return [f"{way} {TEMPLATE}"]


@task
def prompt(way):
    return f"{way} {TEMPLATE}"


def as_written(row):
    return {name: literal(value) for name, value in row.items()}


@dag(**FACTS)
def templates():
    create = Sora2CreateVideoOperator.partial
    create(task_id="kwargs").expand_kwargs(table("rendered kwargs"))
    create(task_id="literals").expand_kwargs(table("literals").map(as_written))
    create(task_id="mapped").expand(prompt=column("a column"))
    Sora2CreateVideoOperator(task_id="xcom", prompt=prompt("an XCom"))

    @task_group
    def group(prompt, extra):
        Sora2CreateVideoOperator(task_id="create", prompt=prompt, extra=extra)

    @task.sora2_video
    def function(row):
        return row

    @task.sora2_video
    def function_of_columns(prompt, extra):
        return {"prompt": prompt, "extra": extra}

    group.expand_kwargs(table("a group"))
    function.expand(row=table("a function"))
    function_of_columns.expand_kwargs(table("rendered arguments"))


templates()
"""
FILES = """
@dag(**FACTS, template_searchpath=FOLDER + "/texts")
def files():
    prompts = strings("cat.prompt", "../secret.prompt", FOLDER + "/secret.prompt", "dog.prompt")
    Sora2CreateVideoOperator.partial(task_id="create", retries=0).expand(prompt=prompts)
    Sora2CreateVideoOperator(task_id="literal", prompt="cat.prompt", size="large")


files()
"""
PATHS = """
@dag(**FACTS, params={"name": "films"})
def paths():
    prompts = strings("a cat", "a dog")
    create = Sora2CreateVideoOperator.partial
    create(task_id="constant", output_path=FOLDER + "/constant.mp4", **WAITS).expand(prompt=prompts)
    create(task_id="of_the_run", output_path=FOLDER + "/{{ params.name }}/{{ ds }}.mp4", **WAITS).expand(prompt=prompts)
    create(task_id="of_an_xcom", output_path=string(FOLDER + "/xcom.mp4"), **WAITS).expand(prompt=prompts)
    create(task_id="folder", output_path=FOLDER + "/folder/", **WAITS).expand(prompt=prompts)
    create(task_id="index", output_path=FOLDER + "/index/{{ ti.map_index }}.mp4", **WAITS).expand(prompt=prompts)
    create(task_id="row", prompt="a cat", **WAITS).expand(output_path=strings(FOLDER + "/row/1.mp4", FOLDER + "/row/2.mp4"))

    @task.sora2_video(output_path=FOLDER + "/function.mp4", **WAITS)
    def function(what):
        return what

    @task_group
    def group(prompt, path):
        Sora2CreateVideoOperator(task_id="same", prompt=prompt, output_path=FOLDER + "/group.mp4", **WAITS)
        stored = Sora2CreateVideoOperator(task_id="own", prompt=prompt, output_path=path, **WAITS)
        Sora2DownloadVideoOperator(task_id="again", video_id=stored.output, path=FOLDER + "/again.mp4", retries=0)

    function.expand(what=prompts)
    group.expand_kwargs([{"prompt": "a cow", "path": FOLDER + "/own/1.mp4"}, {"prompt": "a hen", "path": FOLDER + "/own/2.mp4"}])


paths()
"""

NATIVE = """
@dag(**FACTS, render_template_as_native_obj=True, params={"year": "1984", "json": '{"scene": "a fox"}'})
def native():
    create = Sora2CreateVideoOperator
    create(task_id="number", prompt="{{ params.year }}", extra={"year": "1984"})
    create(task_id="literal", prompt="1984", size="{{ 'large' }}")
    create(task_id="json", prompt="{{ params.json }}")
    create.partial(task_id="rows").expand_kwargs([{"prompt": "1985"}, {"prompt": "1_986"}])


native()
"""
SEVERAL = """
@dag(**FACTS, default_args={"retries": 0}, render_template_as_native_obj=NATIVELY)
def several():
    @task
    def each(text):
        return text

    many = each.expand(text=strings("a", "b"))
    of_template = "{{ ti.xcom_pull('each') }}"
    Sora2CreateVideoOperator(task_id="prompt", prompt=many)
    Sora2CreateVideoOperator(task_id="size", prompt="a cat", size=many)
    Sora2CreateVideoOperator(task_id="connection", prompt="a cat", sora2_conn_id=many)
    many >> Sora2CreateVideoOperator(task_id="prompt_of_template", prompt=of_template)
    Sora2VideoSensor(task_id="video_id", video_id=many)
    Sora2DownloadVideoOperator(task_id="path", video_id="video_1", path=many)
    Sora2CreateVideoOperator(task_id="output_path", prompt="a cat", output_path=many, wait_for_completion=True)
    many >> Sora2DownloadVideoOperator(task_id="video_id_of_template", video_id=of_template, path="/films/")


several()
"""


class Ran(NamedTuple):
    """What came of a run."""

    output: str
    requests: list[dict[str, Any]]
    states: dict[tuple[str, int], str]


@pytest.fixture
def run(console: Console, gateway: Emulator, tmp_path: Path) -> Callable[[str, str], Ran]:
    """Run a DAG whose ``FOLDER`` is the test's."""

    def run_dag(dag_id: str, text: str) -> Ran:
        console.write_dags(f"{dag_id}.py", f"{HEAD}\nFOLDER = {str(tmp_path)!r}\n{text}")
        output = console.dags_test(
            dag_id,
            AIRFLOW_CONN_SORA2_DEFAULT=gateway.connection(),
            AIRFLOW_CONN_VAULT=json.dumps({"conn_type": "http", "password": KEY}),
            AIRFLOW__SORA2__STATE_PATH=f"{tmp_path}/state",
        )
        states = console.airflow.task_states(dag_id)
        return Ran(output, [billed.request for billed in gateway.billed], states)

    return run_dag


def test_only_the_columns_of_expand_kwargs_are_rendered_as_templates(run):
    output, requests, states = run("templates", TEMPLATES)
    assert set(states.values()) == {"success"}, output[-6000:]
    ways = {
        request["prompt"].rpartition(" " if KEY in request["prompt"] else " {{")[0]: request for request in requests
    }
    assert set(ways) == {
        "rendered kwargs",
        "rendered arguments",
        "literals",
        "a column",
        "an XCom",
        "a group",
        "a function",
    }
    for way, request in ways.items():
        sent = [text for name, text in request.items() if name in ("prompt", "subtitle")]
        wanted = f"{way} {KEY}" if way.startswith("rendered") else f"{way} {{{{ conn.vault.password }}}}"
        assert set(sent) == {wanted}, "docs/batch.md says which ways render"


def test_a_prompt_file_that_an_xcom_names_is_read_as_one_in_the_dag_file_is(run, tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "cat.prompt").write_text("A cat in {{ run_id.partition('__')[0] }}")
    (tmp_path / "secret.prompt").write_text("a secret")
    output, requests, states = run("files", FILES)
    assert states["create", 0] == states["literal", -1] == "success", output[-6000:]
    assert [states["create", index] for index in (1, 2, 3)] == ["failed"] * 3
    assert [request["prompt"] for request in requests] == ["A cat in manual"] * 2
    assert " ".join(output.split()).count("there is no such file beside the DAG file or in template_searchpath") >= 3


def test_mapped_tasks_that_would_all_write_one_file_are_refused_before_they_pay(run, tmp_path):
    output, requests, states = run("paths", PATHS)
    refused = {task_id for (task_id, _), state in states.items() if state == "failed"}
    assert refused == {"constant", "of_the_run", "of_an_xcom", "function", "group.same", "group.again"}, output[-6000:]
    assert sorted(path.relative_to(tmp_path).parent.name for path in tmp_path.rglob("*.mp4")) == [
        *["folder"] * 2,
        *["index"] * 2,
        *["own"] * 2,
        *["row"] * 2,
    ]
    assert len(requests) == 8, "two rows of each of the other four"


def test_a_dag_with_native_rendering_sends_the_texts_that_were_written(run):
    output, requests, states = run("native", NATIVE)
    assert set(states.values()) == {"success"}, output[-6000:]
    sent = sorted(request["prompt"] for request in requests)
    assert sent == ["1984", "1984", "1985", "1_986", '{"scene": "a fox"}']
    assert [request["year"] for request in requests if "year" in request] == ["1984"]


@pytest.mark.parametrize("natively", [True, False], ids=["native", "usual"])
def test_the_output_of_a_mapped_task_where_one_value_is_wanted_is_told_with_the_line_to_write(run, natively):
    output, requests, states = run("several", SEVERAL.replace("NATIVELY", str(natively)))
    del states["strings", -1], states["each", 0], states["each", 1]
    assert set(states.values()) == {"failed"}, output[-6000:]
    assert requests == []
    said = " ".join(output.split())
    for name, maps in {
        "prompt": "Sora2CreateVideoOperator.partial(task_id=..., ...).expand(prompt=rows.output)",
        "size": "Sora2CreateVideoOperator.partial(task_id=..., ...).expand(size=rows.output)",
        "sora2_conn_id": "Sora2CreateVideoOperator.partial(task_id=..., ...).expand(sora2_conn_id=rows.output)",
        "path": "Sora2DownloadVideoOperator.partial(task_id=..., ...).expand(path=paths.output)",
        "output_path": "Sora2CreateVideoOperator.partial(task_id=..., ...).expand(output_path=paths.output)",
        "video_id": "Sora2VideoSensor.partial(task_id=..., ...).expand(video_id=create.output)",
    }.items():
        assert f"{name}=" in said
        assert maps in said, name
    assert natively or said.count("map this task, too, with expand") >= 2
