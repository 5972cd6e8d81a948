"""Several creates in one task instance, on a real Airflow: which operators are told apart, and what is paid."""

from __future__ import annotations

from pathlib import Path

from sora2_provider.emulator import Emulator
from tests.integration.command_console import Console

DAGS = """
from pathlib import Path

import pendulum
try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task

from sora2_provider.operators.sora2 import Sora2CreateVideoOperator

TWICE = {{"retries": 1, "retry_delay": pendulum.duration(seconds=0)}}


def breaks_the_first_try(ti):
    if ti.try_number == 1:
        raise RuntimeError("as planned")


def film(context, prompt, **options):
    return Sora2CreateVideoOperator(task_id="film", prompt=prompt, **options).execute(context)


class Pair(Sora2CreateVideoOperator):
    def execute(self, context):
        made = []
        for colour in ("red", "blue"):
            self.prompt = f"a {{colour}} pair"
            made.append(super().execute(context))
        breaks_the_first_try(context["ti"])
        return made


class Trio(Sora2CreateVideoOperator):
    def execute(self, context):
        made = super().execute(context)
        breaks_the_first_try(context["ti"])
        return made


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False)
def creates():
    @task(**TWICE)
    def loop(**context):
        wanted = ["a cat", "a dog"] if context["ti"].try_number == 1 else ["a fox", "a dog", "a cat"]
        made = [film(context, prompt) for prompt in wanted]
        breaks_the_first_try(context["ti"])
        return made

    @task
    def defers(**context):
        try:
            film(context, "deferred", wait_for_completion=True, deferrable=True)
        except Exception as error:
            return str(error)

    loop()
    defers()
    Pair(task_id="pair", prompt="{{{{ run_id }}}}", **TWICE)
    Trio.partial(task_id="mapped", wait_for_completion=True, deferrable=False, poll_interval=1, **TWICE).expand(
        prompt=["one", "two"]
    )
    Sora2CreateVideoOperator.partial(
        task_id="deferred", wait_for_completion=True, deferrable=True, poll_interval=1
    ).expand(prompt=["three", "four"])


creates()
"""


def test_each_create_is_paid_once_wherever_it_stands(console: Console, gateway: Emulator, tmp_path: Path) -> None:
    console.write_dags("creates.py", DAGS.format())
    release = tuple(int(part) for part in console.airflow.installation.version.split(".")[:2])
    environment = {} if release >= (3, 3) else {"AIRFLOW__SORA2__STATE_PATH": f"{tmp_path}/state"}
    gateway.settings(render_seconds=0)
    output = console.dags_test("creates", AIRFLOW_CONN_SORA2_DEFAULT=gateway.connection(), **environment)

    assert set(console.airflow.task_states("creates").values()) == {"success"}, output[-6000:]
    billed = {one.request["prompt"]: one.id for one in gateway.billed}
    prompts = ["a cat", "a dog", "a fox", "a red pair", "a blue pair", "one", "two", "three", "four"]
    assert sorted(one.request["prompt"] for one in gateway.billed) == sorted(prompts)
    xcoms = console.airflow.xcoms("creates")
    assert xcoms["loop", "return_value", -1] == [billed["a fox"], billed["a dog"], billed["a cat"]]
    assert xcoms["pair", "return_value", -1] == [billed["a red pair"], billed["a blue pair"]]
    assert [xcoms["mapped", "return_value", index] for index in range(2)] == [billed["one"], billed["two"]]
    assert [xcoms["deferred", "return_value", index] for index in range(2)] == [billed["three"], billed["four"]]
    assert "Nothing was sent" in xcoms["defers", "return_value", -1]
