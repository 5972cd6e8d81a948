"""Every command of docs/after-a-crash.md does on a real Airflow what the page says, and so does what follows a mark."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from sora2_provider.emulator import Emulator
from tests.integration.command_console import Console

PAGE = (Path(__file__).parents[2] / "docs" / "after-a-crash.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line)[1:]
    for block in re.findall(r"```shell\n(.*?)```", PAGE, re.DOTALL)
    for line in block.strip().splitlines()
]
HEAD = """
import pendulum
try:
    from airflow.sdk import Param, dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task
    from airflow.models.param import Param
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor

FACTS = {"start_date": pendulum.datetime(2026, 11, 20, tz="UTC"), "catchup": False, "default_args": {"retries": 0}}
"""
FILMS = """
@dag(schedule="@daily", **FACTS)
def films_from_csv():
    @task
    def rows():
        return ["a cat", "a dog"]

    @task
    def count(films):
        return len(films)

    film = Sora2CreateVideoOperator.partial(task_id="film").expand(prompt=rows())
    count(film.output)


films_from_csv()
"""
MARKED = """
@dag(schedule=None, **FACTS)
def marked():
    create = Sora2CreateVideoOperator(task_id="create", prompt="a cat")
    Sora2VideoSensor(task_id="wait", video_id=create.output)
    Sora2DownloadVideoOperator(task_id="store", video_id="{{ ti.xcom_pull('create') }}", path="/films/")


marked()
"""


def run_of_page(console: Console, *begins: str, more: tuple[str, ...] = ()) -> str:
    """Run the one command of the page that begins so, and return what it prints."""
    [command] = [words for words in COMMANDS if words[: len(begins)] == list(begins)]
    result = console.run(*command, *more)
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def load(console: Console, name: str, dag: str) -> None:
    console.write_dags(name, HEAD + dag)
    assert console.run("dags", "reserialize").returncode == 0


def test_these_tests_run_every_command_of_the_page() -> None:
    assert sorted(words[:2] for words in COMMANDS) == [["dags", "trigger"], ["tasks", "clear"]]


def test_the_bulk_clear_clears_what_failed_in_these_hours_and_what_follows_it(console: Console) -> None:
    load(console, "films.py", FILMS)
    with Emulator(canned=True) as gateway:
        gateway.fault(route="create", prompt_contains="a dog", status=401, times=None)
        for moment in ("2026-11-22T13:00", "2026-11-22T15:00"):
            console.run(
                "dags",
                "test",
                "films_from_csv",
                moment,
                environment={"AIRFLOW_CONN_SORA2_DEFAULT": gateway.connection()},
            )
    runs = console.airflow.query("SELECT run_id FROM dag_run WHERE dag_id = 'films_from_csv' ORDER BY id")
    before = {("rows", -1): "success", ("film", 0): "success", ("film", 1): "failed", ("count", -1): "upstream_failed"}
    states = [console.airflow.task_states("films_from_csv", run_id) for (run_id,) in runs]
    assert states == [before, before]
    run_of_page(console, "tasks", "clear", more=("--yes",))
    states = [console.airflow.task_states("films_from_csv", run_id) for (run_id,) in runs]
    assert states == [before, {**before, ("film", 1): None, ("count", -1): None}]


def test_the_dag_that_picks_a_video_up_can_be_triggered_with_its_id(console: Console) -> None:
    [block] = [one for one in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "def pick_up_a_video" in one]
    load(console, "pick_up.py", block.replace("from airflow.sdk import Param, dag\n", ""))
    printed = run_of_page(console, "dags", "trigger", "pick_up_a_video", more=("--output", "json"))
    assert "video_123456" in printed
    [(state,)] = console.airflow.query("SELECT state FROM dag_run WHERE dag_id = 'pick_up_a_video'")
    assert state == "queued"


def test_what_follows_a_create_task_that_was_marked_as_success_says_what_to_do(console: Console) -> None:
    load(console, "marked.py", MARKED)
    result = console.run("dags", "test", "--mark-success-pattern", "^create$", "marked")
    said = " ".join((result.stdout + result.stderr).split())
    assert console.airflow.task_states("marked") == {
        ("create", -1): "success",
        ("wait", -1): "failed",
        ("store", -1): "failed",
    }
    for video_id in ("None", "'None'"):
        assert re.search(
            rf"video_id={video_id}: it must be .{{,200}} A create task that a person marked as success", said
        )
