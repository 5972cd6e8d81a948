"""The sensor against a gateway on loopback."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest

from sora2_provider.compat import AirflowFailException, AirflowSensorTimeout
from sora2_provider.exceptions import InvalidParameter
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.sensors import sensor_run
from sora2_provider.sensors.sora2 import Sora2VideoSensor


@pytest.fixture
def video_id(gateway, context):
    gateway.settings(render_seconds=100)
    return Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)


def sensor(video_id, **options):
    return Sora2VideoSensor(task_id="wait", video_id=video_id, **{"poke_interval": 0.01, **options})


def test_it_is_not_done_before_the_rendering_is(gateway, video_id, context):
    one = sensor(video_id)
    assert not one.poke(context)
    gateway.advance(100)
    assert one.poke(context).xcom_value["status"] == "completed"


def test_it_returns_the_video_as_a_dict(gateway, video_id, context):
    gateway.finish(video_id)
    returned = sensor(video_id).execute(context)
    assert returned["id"] == video_id
    assert returned["url"].startswith(gateway.url)
    assert "raw" not in returned


FAILING_POLLS = {
    "down": {"status": 503},
    "a page": {"html": True},
    "too many requests": {"status": 429},
    "unknown for a moment": {"status": 400, "body": {"code": "task_not_exist", "message": "task_not_exist"}},
    "the key refused for a moment": {"status": 401},
    "reset": {"reset": "before"},
}


@pytest.mark.parametrize("fault", FAILING_POLLS.values(), ids=FAILING_POLLS)
def test_questions_that_fail_are_ridden_out(gateway, video_id, context, fault, logged):
    gateway.finish(video_id)
    gateway.fault(route="query", times=3, **fault)
    assert sensor(video_id).execute(context)["status"] == "completed"
    assert logged().count("could not say how video") == 3


@pytest.fixture
def hurried(monkeypatch):
    """Between any two looks at the clock 100 s pass."""
    seconds = itertools.count(1_800_000_000, 100)
    monkeypatch.setattr(sensor_run, "time", SimpleNamespace(time=lambda: float(next(seconds))))


def test_questions_that_fail_for_minutes_end_the_wait(gateway, video_id, context, hurried):
    gateway.fault(route="query", status=401, body={"error": {"message": "invalid token"}}, times=None)
    with pytest.raises(AirflowFailException, match=r"for minutes.*invalid token.*API key field"):
        sensor(video_id).execute(context)


def test_in_reschedule_mode_questions_that_fail_for_minutes_leave_the_end_to_the_timeout(
    gateway, video_id, context, hurried
):
    gateway.fault(route="query", status=401, body={"error": {"message": "invalid token"}}, times=20)
    one = sensor(video_id, mode="reschedule")
    assert [one.poke(context).is_done for _ in range(20)] == [False] * 20
    gateway.finish(video_id)
    assert one.poke(context).is_done


def test_the_timeout_names_the_video_that_goes_on_rendering(gateway, video_id, context):
    with pytest.raises(AirflowSensorTimeout, match=f"Sora2VideoSensor\\(video_id='{video_id}'"):
        sensor(video_id, timeout=0.001).execute(context)


def test_an_earlier_task_that_returned_nothing_is_named(gateway, context):
    with pytest.raises(InvalidParameter, match="video_id=None"):
        sensor(None).execute(context)
    assert gateway.requests == ()
