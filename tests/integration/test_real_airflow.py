"""A whole Airflow (scheduler, API server, triggerer) at DEBUG runs mapped, templated and failing tasks; then everything
that it wrote is searched for the API key."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.harness.airflow import LocalAirflow
from dev.harness.processes import descendants, living, wait_until
from sora2_provider.compat import never_expire
from sora2_provider.emulator import Emulator
from tests.process_tree import listening_addresses, processes_of_home

KEY = "sk-leak-test-0a1b2c3d4e5f"
HEADER = "header-secret-9f8e7d"

DAGS = """
import pendulum
try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task

from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor

FACTS = {{"schedule": None, "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"), "catchup": False}}
# A scheduler that is busy takes a task that comes back a second after it went to sleep for one that has died.
COMES_BACK = {{"retries": 3, "retry_delay": pendulum.duration(seconds=1)}}


@dag(**FACTS)
def mapped():
    @task
    def rows():
        return [
            {{"prompt": "first", "duration": "15", "images": ["{image}"]}},
            {{"prompt": "second", "duration": 10, "images": []}},
        ]

    @task
    def links():
        return ["{image}", "{image}?2"]

    from_rows = Sora2CreateVideoOperator.partial(task_id="from_rows", size="large").expand_kwargs(rows())
    Sora2CreateVideoOperator.partial(task_id="from_prompts", images=links()).expand(prompt=["third", "fourth"])
    done = Sora2VideoSensor.partial(task_id="wait", mode="reschedule", poke_interval=1, **COMES_BACK).expand(
        video_id=from_rows.output
    )
    Sora2DownloadVideoOperator.partial(task_id="store", path="{folder}/").expand(video_id=done.output)


@dag(**FACTS)
def templated():
    Sora2CreateVideoOperator(
        task_id="create",
        prompt="cat.prompt",
        images="{{{{ params.images | tojson }}}}",
        duration="{{{{ params.seconds }}}}",
        sora2_conn_id="{{{{ params.connection }}}}",
        params={{"images": ["{image}"], "seconds": 15, "connection": "sora2_default", "animal": "cat"}},
    )


@dag(**FACTS)
def renders_to_none():
    @task
    def nothing():
        return None

    Sora2CreateVideoOperator(task_id="create", prompt=nothing(), retries=3)
    Sora2CreateVideoOperator.partial(task_id="mapped_create", retries=3).expand(duration=[12], prompt=["a cat"])


@dag(**FACTS)
def refused():
    Sora2CreateVideoOperator(task_id="wrong_key", prompt="refuse me: wrong key", retries=3)
    Sora2CreateVideoOperator(task_id="lost_answer", prompt="lose my answer", retries=3)
    Sora2CreateVideoOperator(task_id="redirected", prompt="redirect me", retries=3)

    @task
    def raises():
        hook = Sora2Hook()
        client = hook.get_conn()
        hook.log.debug("The client %r with the settings %r", client, client.settings)
        raise RuntimeError(f"an exception that shows {{client.settings!r}} and {{vars(hook)}}")

    raises()


@dag(**FACTS)
def waits():
    Sora2CreateVideoOperator(
        task_id="deferred",
        prompt="wait for me",
        wait_for_completion=True,
        deferrable=True,
        poll_interval=1,
        output_path="{folder}/deferred.mp4",
        **COMES_BACK,
    )
    Sora2CreateVideoOperator(task_id="busy_at_first", prompt="busy", wait_for_completion=True, poll_interval=1)


@dag(**FACTS)
def out_of_time():
    Sora2CreateVideoOperator(
        task_id="create",
        prompt="take your time",
        wait_for_completion=True,
        deferrable=True,
        poll_interval=1,
        execution_timeout=pendulum.duration(seconds=8),
        **{{**COMES_BACK, "retries": 20}},
    )


@dag(**FACTS)
def marked():
    create = Sora2CreateVideoOperator(
        task_id="create", prompt="mark me", wait_for_completion=True, poll_interval=1, timeout=2, retries=0
    )
    Sora2DownloadVideoOperator(task_id="store", video_id=create.output, path="{folder}/marked.mp4", retries=0)


marked()
out_of_time()
mapped()
templated()
renders_to_none()
refused()
waits()
"""

RUNS = {
    "waits": "success",
    "out_of_time": "success",
    "mapped": "success",
    "templated": "success",
    "renders_to_none": "failed",
    "refused": "failed",
    "marked": "failed",
}


#: The prompts of videos that are rendered until a test ends them.
SLOW = ("take your time", "mark me")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalAirflow, Emulator, Emulator, Path]]:
    """Run all the DAGs once, on one Airflow; every test looks at what came of it."""
    folder = tmp_path_factory.mktemp("real")
    dags, videos = folder / "dags", folder / "videos"
    dags.mkdir()
    with Emulator(canned=True) as gateway, Emulator(canned=True) as foreign:
        (dags / "all_dags.py").write_text(DAGS.format(image=f"{gateway.url}/images/sample.png", folder=videos))
        (dags / "cat.prompt").write_text("A {{ params.animal }} on a fence\n")
        unauthorized = {"error": {"message": f"无效的令牌 {KEY} (request id: r2)", "type": "new_api_error", "code": ""}}
        gateway.fault(route="create", prompt_contains="wrong key", status=401, body=unauthorized, times=None)
        gateway.fault(route="create", prompt_contains="lose my answer", reset="after", times=None)
        gateway.fault(route="create", prompt_contains="redirect me", redirect=f"{foreign.url}/x", times=None)
        echo = {"error": {"message": f"busy, and the key was {KEY}"}}
        gateway.fault(route="create", prompt_contains="busy", status=429, body=echo)
        for prompt in SLOW:
            gateway.fault(route="create", prompt_contains=prompt, rendering="stuck")
        gateway.fault(route="query", status=401, body=unauthorized, times=2)
        gateway.fault(route="query", status=502, html=True, times=2)
        extra = textwrap.dedent(
            f"""{{"conn_type": "sora2", "host": "{gateway.url}", "password": "{KEY}",
            "extra": {{"dialect": "unified", "extra_headers": "{{\\"X-Proxy-Login\\": \\"{HEADER}\\"}}"}}}}"""
        )
        home = folder / "home"
        environment = {"AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG"}
        if never_expire() is None:
            environment["AIRFLOW__SORA2__STATE_PATH"] = str(home / "records")
        with LocalAirflow(dags_folder=dags, connection=extra, home=home, environment=environment) as airflow:
            airflow.start()
            processes = {each for one in airflow.components.values() for each in descendants(one.keeper_pid)}
            assert listening_addresses(processes) == {("127.0.0.1", airflow.port)}
            known = lambda: {each["dag_id"] for each in airflow.rest.get("/dags")["dags"]}  # noqa: E731
            wait_until(lambda: known() >= RUNS.keys(), timeout=120, what="the DAGs to be known")
            for dag in RUNS:
                airflow.rest.trigger(dag, {"animal": "lynx"} if dag == "templated" else None)
            over = lambda: "was over before video" in airflow.task_log("out_of_time")  # noqa: E731
            wait_until(over, timeout=120, what="the execution_timeout to be over")
            gateway.finish(made_of(gateway, "take your time"))
            for dag in RUNS:
                wait_until(lambda dag=dag: ended(airflow, dag), timeout=300, what=f"{dag} to end", every=1)
            yield airflow, gateway, foreign, videos
            processes |= {each for one in airflow.components.values() for each in descendants(one.keeper_pid)}
            airflow.stop()
            assert not living(processes)
            assert processes_of_home(airflow.home) == set()


def made_of(gateway: Emulator, prompt: str) -> str:
    return next(billed.id for billed in gateway.billed if billed.request["prompt"] == prompt)


def ended(airflow: LocalAirflow, dag: str) -> bool:
    states = airflow.task_states(dag)
    return bool(states) and all(
        state in ("success", "failed", "upstream_failed", "skipped", "removed") for state in states.values()
    )


@pytest.mark.parametrize(("dag", "state"), RUNS.items())
def test_each_run_ends_as_it_should(world, dag, state):
    airflow, *_ = world
    states = airflow.task_states(dag)
    assert ("failed" in states.values()) is (state == "failed"), f"{states}\n{airflow.task_log(dag)[-4000:]}"


def test_mapped_tasks_make_one_video_each(world):
    _, gateway, _, videos = world
    made = {billed.request["prompt"]: billed.request for billed in gateway.billed}
    assert {"first", "second", "third", "fourth"} <= set(made)
    assert (made["first"]["duration"], made["first"]["size"]) == (15, "large")
    assert made["second"]["images"] == []
    assert len(made["third"]["images"]) == 2, "an XComArg is a list of images"
    assert len([video for video in videos.glob("*.mp4") if video.name != "deferred.mp4"]) == 2


def test_templates_and_prompt_files_are_rendered(world):
    _, gateway, *_ = world
    request = next(billed.request for billed in gateway.billed if "lynx" in billed.request["prompt"])
    assert request["prompt"] == "A lynx on a fence"
    assert request["images"] == [f"{gateway.url}/images/sample.png"]
    assert request["duration"] == 15


def test_bad_input_of_a_run_fails_without_a_retry_and_without_a_request(world):
    airflow, gateway, *_ = world
    log = airflow.task_log("renders_to_none")
    assert "prompt=None" in log
    assert "the earlier task returned nothing" in log
    assert "duration=12" in log
    assert not any(billed.request["prompt"] == "a cat" for billed in gateway.billed)


def test_nothing_is_sent_twice(world):
    _, gateway, *_ = world
    prompts = [request.body["prompt"] for request in gateway.requests if request.route == "create"]
    assert Counter(prompts) == {**dict.fromkeys(prompts, 1), "busy": 2}, "refused once, and sent again"
    assert {"refuse me: wrong key", "lose my answer", "redirect me"} <= set(prompts)


def test_an_execution_timeout_ends_a_deferral_and_the_retry_takes_the_video_up(world):
    airflow, gateway, *_ = world
    made = made_of(gateway, "take your time")
    log = airflow.task_log("out_of_time")
    assert f"The task's execution_timeout of 8 s was over before video {made} was delivered" in log
    assert "Nothing is submitted again: a retry picks it up" in log
    assert airflow.xcoms("out_of_time")["create", "return_value", -1] == made


def test_a_create_task_that_was_marked_as_success_is_given_its_id_as_the_docs_say(world):
    airflow, gateway, _, videos = world
    made = made_of(gateway, "mark me")
    gateway.finish(made)
    [run] = airflow.rest.get("/dags/marked/dagRuns")["dag_runs"]
    create = f"/dags/marked/dagRuns/{run['dag_run_id']}/taskInstances/create"
    of_2 = {"dry_run": False} if airflow.installation.is_airflow_2 else {}
    airflow.rest.patch(create, {"new_state": "success", **of_2})
    clear = {"dag_run_id": run["dag_run_id"], "task_ids": ["store"], "dry_run": False, "only_failed": False}
    airflow.rest.post("/dags/marked/clearTaskInstances", clear)

    def has_failed() -> bool:
        # The log is written after the state.
        told = f"The XCom 'video' of task 'create' names {made}." in " ".join(airflow.task_log("marked").split())
        return told and airflow.task_states("marked")["store", -1] == "failed"

    airflow.wait_until(has_failed, timeout=120, what="the download to fail and to say why")
    if of_2:
        return
    airflow.rest.post(f"{create}/xcomEntries", {"key": "return_value", "value": made, "map_index": -1})
    airflow.rest.post("/dags/marked/clearTaskInstances", clear)
    airflow.wait_until((videos / "marked.mp4").exists, timeout=120, what="the file")


def test_messages_say_what_to_do(world):
    airflow, *_ = world
    log = airflow.task_log("refused")
    assert "Put a valid API key into the API key field (password)" in log
    assert "a video may be rendering, and billed" in log
    assert "Redirects are not followed" in log


def test_the_key_is_nowhere_in_what_airflow_wrote(world):
    airflow, gateway, *_ = world
    assert gateway.requests[0].headers.get("x-proxy-login") == HEADER, "the search must search for what was used"
    searched, found = 0, []
    for path in sorted(airflow.home.rglob("*")):
        if path.is_file():
            searched += 1
            content = path.read_bytes()
            found += [f"{secret} in {path}" for secret in (KEY, HEADER) if secret.encode() in content]
    assert searched > 20
    assert "an exception that shows" in airflow.task_log("refused"), "the task that tries to show it has run"
    in_database = b"sora2_submission" in (airflow.home / "airflow.db").read_bytes()
    assert in_database or list(airflow.home.glob("records/**/*.json")), "the records are searched too"
    assert found == []


def test_the_key_went_to_no_other_host(world):
    _, _, foreign, _ = world
    assert foreign.requests == ()
