"""Every outcome in every way of waiting ends as the table in docs/waiting.md says, with the same message.

Time is made up: each wait moves one clock, which the emulator follows.
"""

from __future__ import annotations

import asyncio
import datetime
import functools
import json
import random
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sora2_provider import compat, exceptions
from sora2_provider.compat import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    TaskDeferred,
)
from sora2_provider.emulator import Emulator
from sora2_provider.exceptions import Sora2Error
from sora2_provider.gateway.polling import poller as polling
from sora2_provider.hooks import operations
from sora2_provider.operators import create_run as creating
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.sensors import sensor_run
from sora2_provider.sensors.sora2 import Sora2VideoSensor
from sora2_provider.submission import submitter as submitting
from sora2_provider.triggers import sora2 as trigger_module
from tests.exact_errors import raises_exactly
from tests.outcome_cases import CASES, Case
from tests.outcome_table import MODES, OPERATORS, PAGE, SENSORS, TABLE, Retry, read_table
from tests.unit.made_up_time import AsyncioOfMadeUpTime, MadeUpTime, UtcNow

RENDER_SECONDS = 200
TIMEOUT = 1800


@pytest.fixture
def clock(gateway: Emulator, monkeypatch: pytest.MonkeyPatch) -> MadeUpTime:
    gateway.settings(render_seconds=RENDER_SECONDS)
    random.seed(1)
    made_up = MadeUpTime(gateway)
    for module in (operations, creating, submitting, sensor_run, trigger_module, polling):
        monkeypatch.setattr(module, "time", made_up)
    monkeypatch.setattr(polling, "asyncio", AsyncioOfMadeUpTime(made_up))
    base = vars(sys.modules[BaseSensorOperator.__module__])
    monkeypatch.setitem(base, "time", made_up)
    monkeypatch.setitem(base, "timezone", UtcNow(made_up, base["timezone"]))
    return made_up


def resumed(operator: Any, context: dict, start: Callable[[], Any]) -> Any:
    """Run an operator that may defer as Airflow does: through the database, the trigger, and a new process."""
    try:
        return start()
    except TaskDeferred as deferred:
        path, facts = deferred.trigger.serialize()
        kept = json.loads(json.dumps({"facts": facts, "kwargs": deferred.kwargs or {}}))
        assert path.endswith("Sora2VideoTrigger")
        trigger = trigger_module.Sora2VideoTrigger(**kept["facts"])

        async def fired() -> Any:
            return [event.payload async for event in trigger.run()]

        (event,) = asyncio.run(fired())
        kwargs = {**kept["kwargs"], "event": json.loads(json.dumps(event))}
        return operator.resume_execution(deferred.method_name, kwargs, context)


def in_operator(context: dict, clock: MadeUpTime, video_id: str | None, **options: Any) -> Any:
    operator = Sora2CreateVideoOperator(
        task_id="create", prompt="a cat", wait_for_completion=True, timeout=TIMEOUT, **options
    )
    return resumed(operator, context, lambda: operator.execute(context))


def poke(context: dict, clock: MadeUpTime, video_id: str | None, **options: Any) -> Any:
    sensor = Sora2VideoSensor(task_id="wait", video_id=video_id, timeout=TIMEOUT, **options)
    return resumed(sensor, context, lambda: sensor.execute(context))


def reschedule(context: dict, clock: MadeUpTime, video_id: str | None, **options: Any) -> Any:
    """Each poke in a new sensor, which remembers nothing."""
    first = datetime.datetime.fromtimestamp(clock.now, datetime.UTC)
    context["ti"].get_first_reschedule_date = lambda _: first
    context["ti"].max_tries = 0
    patched = vars(sys.modules[BaseSensorOperator.__module__])
    if "_orig_start_date" in patched:  # Airflow 2 reads the first date from its database
        patched["_orig_start_date"] = lambda **_: first
        patched["_is_metadatabase_mysql"] = lambda: False
        vars(context["ti"]).update(dag_id="d", task_id="wait", run_id="r", map_index=-1)
    while True:
        sensor = Sora2VideoSensor(task_id="wait", video_id=video_id, mode="reschedule", timeout=TIMEOUT, **options)
        try:
            return sensor.execute(context)
        except Exception as error:
            if type(error).__name__ != "AirflowRescheduleException":
                raise
            clock.sleep(error.reschedule_date.timestamp() - clock.now)


RUN = {
    "in the operator": in_operator,
    "deferred operator": functools.partial(in_operator, deferrable=True),
    "poke": poke,
    "reschedule": reschedule,
    "deferred sensor": functools.partial(poke, deferrable=True),
}


def exception(name: str) -> type[Exception]:
    """Return the class that the docs call so."""
    return getattr(exceptions, name, None) or getattr(compat, name)


def set_up(gateway: Emulator, case: Case, *, mode: str, context: dict) -> str | None:
    """Have the gateway play a case; return the id of the video for modes that wait for one of another task."""
    if case.rendering != "completed":
        ending = {"error_code": case.error_code, "error_message": case.error_message}
        gateway.fault(route="create", rendering=case.rendering, **ending)
    video_id = None
    if mode in SENSORS:
        video_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    if case.refusal:
        gateway.fault(case.refuse())
    return video_id


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", CASES)
def test_every_outcome_in_every_mode(gateway, clock, durable_context, ti, mode, case):
    context = durable_context
    told = CASES[case].told(mode)
    video_id = set_up(gateway, CASES[case], mode=mode, context=context)
    if told.exception is None:
        returned = RUN[mode](context, clock, video_id)
        made = gateway.billed[0].id
        assert (returned if mode in OPERATORS else returned["id"]) == made
        assert RENDER_SECONDS <= clock.now - clock.started < RENDER_SECONDS + 120
    else:
        with pytest.raises(exception(told.exception)) as caught:
            RUN[mode](context, clock, video_id)
        assert type(caught.value).__name__ == told.exception
        for part in (*told.message, CASES[case].said, gateway.billed[0].id):
            assert part in str(caught.value)
        if told.row == "timeout":
            assert clock.now - clock.started == pytest.approx(TIMEOUT, abs=60)
    assert len(gateway.billed) == 1
    assert bool(CASES[case].refusal) == any(request.status != 200 for request in gateway.requests)
    if mode in OPERATORS:
        assert ti.xcoms["video"]["id"] == gateway.billed[0].id


def test_every_outcome_of_the_docs_is_tried():
    assert {case.outcome for case in CASES.values()} == set(TABLE)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("outcome", TABLE)
def test_what_the_docs_say_of_retries_is_what_airflow_makes_of_the_exception(outcome, mode):
    told = TABLE[outcome][mode]
    if told.exception is not None:
        final = issubclass(exception(told.exception), (AirflowFailException, AirflowSensorTimeout))
        assert final == (told.retry is Retry.NONE)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("| returns the id |", "| returns something |", "returns something"),
        ("`AirflowSensorTimeout`: no retry", "`AirflowSensorTimeout`: no second try", "no second try"),
        ("| cancelled |", "| timeout |", "twice"),
        ("| waits | the same | |", "| waits |", "3 cells"),
        ("| returns the id | returns the video |", "| returns the video | returns the id |", "returns the video"),
        ("| outcome |", "| result |", "no table"),
    ],
)
def test_a_table_that_cannot_be_read_to_its_last_word_is_refused(before, after, says):
    text = PAGE.read_text(encoding="utf-8")
    assert before in text
    with pytest.raises(ValueError, match=says):
        read_table(text.replace(before, after))


@pytest.mark.parametrize("mode", SENSORS)
@pytest.mark.parametrize("case", ["failed", "wrong key", "timeout"])
def test_soft_fail_skips_in_every_mode(gateway, clock, context, mode, case):
    video_id = set_up(gateway, CASES[case], mode=mode, context=context)
    with pytest.raises(AirflowSkipException):
        RUN[mode](context, clock, video_id, soft_fail=True)


@pytest.mark.parametrize("event", [None, "completed", {"version": 99}, {"version": 1, "video_id": "another"}])
def test_an_event_that_cannot_be_read_never_counts_as_success(gateway, context, event):
    video_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    operator = Sora2CreateVideoOperator(task_id="create", prompt="a cat", wait_for_completion=True, deferrable=True)
    record = {"video_id": video_id, "conn_id": "sora2_default", "request": {}, "started": 0.0}
    with pytest.raises(AirflowFailException, match=video_id):
        operator.execute_complete(context, event, record=record)
    with raises_exactly(Sora2Error, match="event"):
        Sora2VideoSensor(task_id="wait", video_id=video_id).execute_complete(context, event, video_id=video_id)
    assert len(gateway.billed) == 1


def test_deferrable_without_a_wait_is_warned_about_and_does_nothing(gateway, context):
    with pytest.warns(UserWarning, match="wait_for_completion"):
        operator = Sora2CreateVideoOperator(task_id="create", prompt="a cat", deferrable=True)
    assert operator.execute(context) == gateway.billed[0].id


def test_the_default_comes_from_airflows_configuration(monkeypatch):
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    assert Sora2CreateVideoOperator(task_id="a", prompt="a cat", wait_for_completion=True).deferrable is True
    assert Sora2CreateVideoOperator(task_id="a", prompt="a cat").deferrable is False
    assert Sora2VideoSensor(task_id="a", video_id="x").deferrable is True
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "False")
    assert Sora2VideoSensor(task_id="a", video_id="x").deferrable is False


def test_the_file_is_stored_by_the_worker_after_the_resume(gateway, clock, context, ti, tmp_path):
    in_operator(context, clock, None, deferrable=True, output_path=f"{tmp_path}/cat.mp4")
    assert ti.xcoms["video"]["stored_uri"] == f"file://{tmp_path}/cat.mp4"
    assert (tmp_path / "cat.mp4").exists()


@pytest.mark.parametrize("late", [0, 5000], ids=["at once", "after its deadline"])
@pytest.mark.parametrize("run", [in_operator, poke])
def test_airflow_gives_a_deferral_up_ten_minutes_after_its_deadline(gateway, clock, context, monkeypatch, run, late):
    video_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    if run is in_operator:
        monkeypatch.setattr(creating, "time", SimpleNamespace(time=lambda: clock.now + late))
    monkeypatch.setattr(sys.modules[__name__], "resumed", lambda _operator, _context, start: start())
    with pytest.raises(TaskDeferred) as deferred:
        run(context, clock, video_id, deferrable=True)
    assert deferred.value.trigger.deadline == clock.now + TIMEOUT
    seconds = 600 if late and run is in_operator else TIMEOUT + 600
    assert deferred.value.timeout == datetime.timedelta(seconds=seconds)


@pytest.mark.parametrize("xcom", ["there", "gone"])
@pytest.mark.parametrize("next_kwargs", [{"error": "Trigger timeout"}, None])
def test_a_deferral_that_airflow_gives_up_is_never_retried_into_a_second_bill(gateway, context, ti, xcom, next_kwargs):
    operator = Sora2CreateVideoOperator(task_id="create", prompt="a cat", wait_for_completion=True, deferrable=True)
    Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    if xcom == "gone":
        ti.xcoms.clear()
    with pytest.raises(AirflowFailException) as caught:
        operator.resume_execution("__fail__", next_kwargs, context)
    assert (gateway.billed[0].id if xcom == "there" else "this task's log") in str(caught.value)
    with pytest.raises(AirflowFailException):
        operator.resume_execution("execute_complete", {"event": None}, context)
    assert len(gateway.billed) == 1
