"""The DAGs of the system tests; how many videos they make is told by the environment."""

from __future__ import annotations

import os
from datetime import timedelta

import pendulum
from airflow.sdk import dag, task

from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor

FACTS = {
    "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"),
    "catchup": False,
    "max_active_tasks": int(os.environ["SYSTEM_PARALLELISM"]),
}

# A try that fails must be seen to pay for nothing again, so there are further tries.
WAITS = {
    "task_id": "create",
    "wait_for_completion": True,
    "poll_interval": float(os.environ["SYSTEM_POLL_INTERVAL"]),
    "timeout": float(os.environ["SYSTEM_TIMEOUT"]),
    "retries": 2,
    "retry_delay": timedelta(seconds=1),
}


def prompts(count: str) -> list[str]:
    return [f"video {number}" for number in range(int(os.environ[count]))]


@dag(schedule=None, **FACTS)
def deferred():
    Sora2CreateVideoOperator.partial(deferrable=True, **WAITS).expand(prompt=prompts("SYSTEM_VIDEOS"))


@dag(schedule=None, **FACTS)
def waiting_worker():
    Sora2CreateVideoOperator.partial(deferrable=False, **WAITS).expand(prompt=prompts("SYSTEM_WAITING_VIDEOS"))


@dag(schedule=None, **FACTS)
def watched():
    # Ahead of the tasks of other DAGs that wait for a worker.
    first = {"priority_weight": 1000, "weight_rule": "absolute"}

    @task(**first)
    def ids(params=None):
        return params["video_ids"]

    Sora2VideoSensor.partial(
        task_id="wait", deferrable=True, poke_interval=WAITS["poll_interval"], timeout=WAITS["timeout"], **first
    ).expand(video_id=ids())


deferred()
waiting_worker()
watched()
