"""Airflow's ``execution_timeout`` bounds the whole of a task, in the worker and in the triggerer, and keeps the video."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sora2_provider.compat import (
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferred,
)
from sora2_provider.exceptions import FinalError, LeftRendering, Sora2Error
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor
from sora2_provider.triggers import time_limits
from sora2_provider.triggers.events import TRIGGER_GRACE
from sora2_provider.triggers.sora2 import Sora2VideoTrigger
from tests.exact_errors import raises_exactly
from tests.unit.durable import failing

MINUTE = timedelta(minutes=1)
#: Of a task that began so long ago the minute is over.
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def slow(gateway):
    gateway.settings(render_seconds=1000)
    return gateway


def create(**options: Any) -> Sora2CreateVideoOperator:
    waits = {"wait_for_completion": True, "deferrable": True, "execution_timeout": MINUTE}
    return Sora2CreateVideoOperator(task_id="create", prompt="a cat", **{**waits, **options})


def sensor(video_id: str, **options: Any) -> Sora2VideoSensor:
    return Sora2VideoSensor(
        task_id="wait", video_id=video_id, **{"deferrable": True, "execution_timeout": MINUTE, **options}
    )


def deferred(operator: Any, context: dict[str, Any]) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        operator.execute(context)
    return caught.value


def fired(deferral: TaskDeferred) -> dict[str, Any]:
    """Return what a deferral comes back with, through the database and the triggerer."""
    trigger = Sora2VideoTrigger(**json.loads(json.dumps(deferral.trigger.serialize()[1])))

    async def events() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    (event,) = asyncio.run(events())
    return json.loads(json.dumps({**deferral.kwargs, "event": event}))


BOUNDS = {
    "execution_timeout is shorter": (timedelta(seconds=100), 1000, 60.0),
    "timeout is shorter": (timedelta(seconds=100), 30, None),
    "there is no execution_timeout": (None, 30, None),
}


@pytest.mark.parametrize(("allowed", "timeout", "left"), BOUNDS.values(), ids=BOUNDS)
def test_a_deferral_ends_with_the_shorter_of_the_two(slow, durable_context, ti, allowed, timeout, left):
    ti.start_date = datetime.now(UTC) - timedelta(seconds=40)
    made = Sora2CreateVideoOperator(task_id="made", prompt="a cat").execute({"ti": ti})
    ends = (ti.start_date + timedelta(seconds=100)).timestamp() if left else None
    for operator in (
        create(timeout=timeout, execution_timeout=allowed),
        sensor(made, timeout=timeout, execution_timeout=allowed),
    ):
        deferral = deferred(operator, durable_context)
        trigger = deferral.trigger
        assert trigger.deadline == (ends or trigger.started + timeout)
        assert deferral.timeout.total_seconds() <= (left or timeout) + TRIGGER_GRACE


def test_a_create_whose_time_is_over_says_so_and_the_retry_takes_the_video_up(slow, durable_context, ti):
    ti.start_date = LONG_AGO
    operator = create()
    came_back = fired(deferred(operator, durable_context))
    made = slow.billed[0].id
    with pytest.raises(LeftRendering) as caught:
        operator.resume_execution("execute_complete", came_back, durable_context)
    said = str(caught.value)
    assert f"The task's execution_timeout of 1 min was over before video {made} was delivered" in said
    assert "raise execution_timeout. Nothing is submitted again: a retry picks it up" in said
    slow.finish(made)
    assert create().execute(durable_context) == made
    assert len(slow.billed) == 1


def test_a_create_whose_own_timeout_is_over_does_not_blame_execution_timeout(slow, durable_context, ti):
    ti.start_date = datetime.now(UTC)
    operator = create(timeout=0.001)
    with pytest.raises(LeftRendering, match="raise timeout") as caught:
        operator.resume_execution("execute_complete", fired(deferred(operator, durable_context)), durable_context)
    assert "execution_timeout" not in str(caught.value)


def test_a_create_without_a_record_is_not_retried(slow, context, ti):
    ti.start_date = LONG_AGO
    operator = create()
    with pytest.raises(FinalError, match=r"execution_timeout of 1 min.*would submit, and pay for, a second one"):
        operator.resume_execution("execute_complete", fired(deferred(operator, context)), context)


def test_a_video_that_is_completed_in_time_is_delivered(gateway, durable_context, ti):
    gateway.settings(render_seconds=1000)
    ti.start_date = LONG_AGO
    operator = create()
    deferral = deferred(operator, durable_context)
    gateway.finish(gateway.billed[0].id)
    returned = operator.resume_execution("execute_complete", fired(deferral), durable_context)
    assert returned == gateway.billed[0].id


def test_a_sensor_whose_time_is_over_asks_again_in_a_retry(slow, context, ti):
    made = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    ti.start_date = LONG_AGO
    operator = sensor(made)
    came_back = fired(deferred(operator, context))
    with raises_exactly(Sora2Error) as caught:
        operator.resume_execution("execute_complete", came_back, context)
    said = str(caught.value)
    assert f"The task's execution_timeout of 1 min was over before video {made} was delivered" in said
    assert "goes on rendering and is paid for. A retry asks again, and pays for nothing." in said
    with pytest.raises(AirflowSkipException):
        sensor(made, soft_fail=True).resume_execution("execute_complete", came_back, context)


def test_a_worker_that_waits_says_the_same(slow, durable_context, monkeypatch):
    operator = create(deferrable=False)
    monkeypatch.setattr("sora2_provider.operators.create_run.await_outcome", failing(AirflowTaskTimeout("Timeout")))
    with pytest.raises(LeftRendering, match=r"execution_timeout of 1 min was over before video .* a retry picks it up"):
        operator.execute(durable_context)
    poking = sensor(slow.billed[0].id, deferrable=False)
    monkeypatch.setattr("sora2_provider.hooks.sora2.Sora2Hook.get_video", failing(AirflowTaskTimeout("Timeout")))
    with raises_exactly(Sora2Error, match=r"execution_timeout of 1 min was over before video .* A retry asks again"):
        poking.execute(durable_context)


#: How Airflow 2 brings a task back whose time is over: the trigger has fired, or the scheduler has given it up.
COMES_BACK = {
    "the trigger fired": lambda came_back: came_back,
    "the scheduler gave it up": lambda _: {"error": "timeout"},
}


@pytest.mark.parametrize("kept", COMES_BACK.values(), ids=COMES_BACK)
@pytest.mark.parametrize(("durable", "raised"), [(True, LeftRendering), (False, FinalError)])
def test_airflow_2_which_runs_no_code_of_a_task_that_comes_back_late_pays_for_no_second_video(
    slow, durable_context, ti, monkeypatch, kept, durable, raised
):
    ti.start_date = LONG_AGO
    came_back = fired(deferred(create(durable=durable), durable_context))
    made = slow.billed[0].id
    ti.next_method, ti.next_kwargs = "execute_complete", kept(came_back)
    late, waiting = create(durable=durable), sensor(made)
    for operator, exception in ((late, raised), (waiting, Sora2Error)):
        monkeypatch.setattr(time_limits, "running_context", lambda task=operator: {**durable_context, "task": task})
        with pytest.raises(exception, match=f"execution_timeout of 1 min was over before video {made}"):
            operator.on_kill()


def test_a_task_that_is_stopped_before_it_has_begun_or_in_time_says_nothing_of_it(durable_context, ti, monkeypatch):
    operator = create()
    operator.on_kill()
    sensor("video_1").on_kill()
    ti.start_date, ti.next_method = datetime.now(UTC), "execute_complete"
    monkeypatch.setattr(time_limits, "running_context", lambda: {**durable_context, "task": operator})
    operator.on_kill()
