"""Every outcome in every way of waiting ends as the table in docs/waiting.md says, with the same message.

Time is made up: each wait moves one clock, which the emulator follows.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import random
import sys
from collections.abc import Callable
from typing import Any

import pytest

from sora2_provider.compat import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
)
from sora2_provider.emulator import Emulator
from sora2_provider.hooks import sora2 as hook_module
from sora2_provider.operators import creating, submitting
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.outcomes import RenderingFailed
from sora2_provider.sensors import sora2 as sensor_module
from sora2_provider.sensors.sora2 import Sora2VideoSensor
from sora2_provider.triggers import sora2 as trigger_module

RENDER_SECONDS = 200
TIMEOUT = 1800
NOT_KNOWN = {"status": 400, "body": {"code": "task_not_exist", "message": "task_not_exist", "data": None}}
WRONG_KEY = {"status": 401, "body": {"error": {"message": "invalid token", "code": ""}}}


class MadeUpTime:
    """One clock for all that waits. It starts now, because the emulator's does."""

    def __init__(self, gateway: Emulator) -> None:
        self._gateway = gateway
        self.now = datetime.datetime.now(datetime.UTC).timestamp()
        self.started = self.now

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self._gateway.advance(seconds)

    async def async_sleep(self, seconds: float) -> None:
        self.sleep(seconds)


class SleepOfAsyncio:
    """Stands for the module asyncio where only its sleep is used."""

    def __init__(self, clock: MadeUpTime) -> None:
        self.sleep = clock.async_sleep


@pytest.fixture
def clock(gateway: Emulator, monkeypatch: pytest.MonkeyPatch) -> MadeUpTime:
    gateway.settings(render_seconds=RENDER_SECONDS)
    random.seed(1)
    made_up = MadeUpTime(gateway)
    for module in (hook_module, creating, submitting, sensor_module, trigger_module):
        monkeypatch.setattr(module, "time", made_up)
    monkeypatch.setattr(trigger_module, "asyncio", SleepOfAsyncio(made_up))
    base = vars(sys.modules[BaseSensorOperator.__module__])
    monkeypatch.setitem(base, "time", made_up)
    monkeypatch.setitem(base, "timezone", UtcNow(made_up, base["timezone"]))
    return made_up


class UtcNow:
    """Airflow's timezone module with a made-up now, which sensors in reschedule mode measure with."""

    def __init__(self, clock: MadeUpTime, real: Any) -> None:
        self._clock = clock
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def utcnow(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self._clock.now, datetime.UTC)


def resumed(operator: Any, context: dict, start: Callable[[], Any]) -> Any:
    """Run an operator that may defer as Airflow does: through the database, the trigger, and a new process."""
    from airflow.providers.common.compat.sdk import TaskDeferred

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


def deferred_operator(context: dict, clock: MadeUpTime, video_id: str | None, **options: Any) -> Any:
    return in_operator(context, clock, video_id, deferrable=True, **options)


def poke(context: dict, clock: MadeUpTime, video_id: str | None, **options: Any) -> Any:
    sensor = Sora2VideoSensor(task_id="wait", video_id=video_id, timeout=TIMEOUT, **options)
    return resumed(sensor, context, lambda: sensor.execute(context))


def deferred_sensor(context: dict, clock: MadeUpTime, video_id: str | None, **options: Any) -> Any:
    return poke(context, clock, video_id, deferrable=True, **options)


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


MODES = {
    "in the operator": in_operator,
    "deferred operator": deferred_operator,
    "poke": poke,
    "reschedule": reschedule,
    "deferred sensor": deferred_sensor,
}
OPERATORS = ("in the operator", "deferred operator")


class Case:
    """What the gateway does, and what comes of it for operators and sensors."""

    def __init__(self, said: str, operator: type | None, sensor: type | None, reschedule: type | None = None, **faults):
        self.said = said
        self.ends = {"operator": operator, "sensor": sensor, "reschedule": reschedule or sensor}
        self.rendering = faults.get("rendering")
        self.query = faults.get("query")


CASES = {
    "completed": Case("", None, None),
    "failed": Case(
        "worker crashed",
        RenderingFailed,
        AirflowFailException,
        rendering={"rendering": "failed", "error_message": "worker crashed"},
    ),
    "moderated": Case(
        "not retried",
        AirflowFailException,
        AirflowFailException,
        rendering={"rendering": "failed", "error_code": "content_policy_violation", "error_message": "a real person"},
    ),
    "cancelled": Case("cancelled", RenderingFailed, AirflowFailException, rendering={"rendering": "cancelled"}),
    "unknown word": Case(
        "goes on rendering", AirflowFailException, AirflowSensorTimeout, rendering={"rendering": "pondering"}
    ),
    "timeout": Case("goes on rendering", AirflowFailException, AirflowSensorTimeout, rendering={"rendering": "stuck"}),
    "gateway down for a minute": Case("", None, None, query={"status": 503, "times": 4}),
    "gateway down for long": Case(
        "for minutes",
        AirflowFailException,
        AirflowException,
        AirflowSensorTimeout,
        query={"status": 503, "times": None},
    ),
    "wrong key": Case(
        "for minutes",
        AirflowFailException,
        AirflowFailException,
        AirflowSensorTimeout,
        query={**WRONG_KEY, "times": None},
    ),
    "id unknown": Case(
        "for minutes",
        AirflowFailException,
        AirflowFailException,
        AirflowSensorTimeout,
        query={**NOT_KNOWN, "times": None},
    ),
    "id unknown at first": Case("", None, None, query={**NOT_KNOWN, "times": 3}),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", CASES)
def test_every_outcome_in_every_mode(gateway, clock, context, ti, mode, case):
    told = CASES[case]
    role = "operator" if mode in OPERATORS else "reschedule" if mode == "reschedule" else "sensor"
    if told.rendering:
        gateway.fault(route="create", **told.rendering)
    video_id = None
    if role != "operator":
        video_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    if told.query:
        gateway.fault(route="query", **told.query)
    kind = told.ends[role]
    if kind is None:
        returned = MODES[mode](context, clock, video_id)
        made = gateway.billed[0].id
        assert (returned if role == "operator" else returned["id"]) == made
        assert RENDER_SECONDS <= clock.now - clock.started < RENDER_SECONDS + 120
    else:
        with pytest.raises(kind) as caught:
            MODES[mode](context, clock, video_id)
        assert type(caught.value) is kind
        message = str(caught.value)
        assert ("goes on rendering" if kind is AirflowSensorTimeout else told.said) in message
        assert gateway.billed[0].id in message
        if kind is AirflowSensorTimeout:
            assert clock.now - clock.started == pytest.approx(TIMEOUT, abs=60)
    assert len(gateway.billed) == 1
    if role == "operator":
        assert ti.xcoms["video"]["id"] == gateway.billed[0].id


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode not in OPERATORS])
@pytest.mark.parametrize("case", ["failed", "wrong key", "timeout"])
def test_soft_fail_skips_in_every_mode(gateway, clock, context, mode, case):
    told = CASES[case]
    if told.rendering:
        gateway.fault(route="create", **told.rendering)
    video_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    if told.query:
        gateway.fault(route="query", **told.query)
    with pytest.raises(AirflowSkipException):
        MODES[mode](context, clock, video_id, soft_fail=True)


@pytest.mark.parametrize("event", [None, "completed", {"version": 99}, {"version": 1, "video_id": "another"}])
def test_an_event_that_cannot_be_read_never_counts_as_success(gateway, context, event):
    video_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    operator = Sora2CreateVideoOperator(task_id="create", prompt="a cat", wait_for_completion=True, deferrable=True)
    record = {"video_id": video_id, "conn_id": "sora2_default", "request": {}, "started": 0.0}
    with pytest.raises(AirflowFailException, match=video_id):
        operator.execute_complete(context, event, record=record)
    with pytest.raises(AirflowException, match="event"):
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
    deferred_operator(context, clock, None, output_path=f"{tmp_path}/cat.mp4")
    assert ti.xcoms["video"]["stored_uri"] == f"file://{tmp_path}/cat.mp4"
    assert (tmp_path / "cat.mp4").exists()


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
