"""How long to wait, in every form in which an author or a template may give a number."""

from __future__ import annotations

from datetime import timedelta

import pendulum
import pytest

from sora2_provider.compat import TaskDeferred
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow.models.dag import DAG

START = pendulum.datetime(2026, 1, 1, tz="UTC")

SECONDS = {
    "a number": 30,
    "a float": 30.0,
    "a timedelta": timedelta(seconds=30),
    "a text": "30",
    "a text of a float": "30.0",
    "a quotient": "{{ params.minute / 2 }}",
    "a parameter": "{{ params.half }}",
}


@pytest.mark.parametrize("native", [True, False], ids=["native", "usual"])
@pytest.mark.parametrize("seconds", SECONDS.values(), ids=SECONDS)
def test_seconds_are_understood_in_every_form_that_means_a_number(gateway, durable_context, seconds, native):
    params = {"minute": 60, "half": "30"}
    with DAG("films", schedule=None, start_date=START, render_template_as_native_obj=native):
        waits = {"deferrable": True, "timeout": seconds}
        create = Sora2CreateVideoOperator(
            task_id="create", prompt="a cat", wait_for_completion=True, poll_interval=seconds, **waits
        )
        sensor = Sora2VideoSensor(task_id="wait", video_id="video_1", poke_interval=seconds, **waits)
    for operator in (create, sensor):
        operator.render_template_fields({**durable_context, "params": params})
        with pytest.raises(TaskDeferred) as deferred:
            operator.execute(durable_context)
        trigger = deferred.value.trigger
        assert (trigger.deadline - trigger.started, trigger.poll_interval) == (30, 30)


def test_the_hook_waits_for_a_timedelta_and_a_text(gateway, context):
    gateway.settings(render_seconds=0)
    made = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    for seconds in (timedelta(seconds=30), "30.0"):
        assert Sora2Hook().wait_for_video(made, timeout=seconds, poll_interval=seconds).id == made


@pytest.mark.parametrize("options", [{"timeout": 0}, {"poke_interval": 0}])
def test_what_airflow_allows_its_sensors_stays_allowed(options):
    Sora2VideoSensor(task_id="wait", video_id="video_1", **options)
