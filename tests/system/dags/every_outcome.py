"""One task for each outcome and way of waiting; the environment tells which, and each video's prompt is its task's id."""

from __future__ import annotations

import json
import os
from contextlib import closing
from datetime import timedelta

import pendulum
from airflow.sdk import dag, task

from sora2_provider.gateway.models import VideoRequest
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor

#: By task id: mode, timeout, poll_interval, priority.
TASKS = json.loads(os.environ["SYSTEM_OUTCOMES"])

OPERATORS = {"in the operator": {"deferrable": False}, "deferred operator": {"deferrable": True}}
SENSORS = {
    "poke": {"deferrable": False},
    "reschedule": {"deferrable": False, "mode": "reschedule"},
    "deferred sensor": {"deferrable": True},
}


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_tasks=len(TASKS),
    default_args={"weight_rule": "absolute"},
)
def every_outcome():
    @task(multiple_outputs=True, priority_weight=1000)
    def videos(prompts):
        with closing(Sora2Hook()) as hook:
            return {prompt: hook.create_video(VideoRequest(prompt=prompt)).id for prompt in prompts}

    made = videos([task_id for task_id, facts in TASKS.items() if facts["mode"] in SENSORS])
    for task_id, facts in TASKS.items():
        options = {
            "task_id": task_id,
            "timeout": facts["timeout"],
            "priority_weight": facts["priority"],
            "retries": 1,
            "retry_delay": timedelta(seconds=1),
        }
        if facts["mode"] in SENSORS:
            Sora2VideoSensor(
                video_id=made[task_id], poke_interval=facts["poll_interval"], **SENSORS[facts["mode"]], **options
            )
        else:
            Sora2CreateVideoOperator(
                prompt=task_id,
                wait_for_completion=True,
                poll_interval=facts["poll_interval"],
                **OPERATORS[facts["mode"]],
                **options,
            )


every_outcome()
