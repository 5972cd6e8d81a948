"""The DAG of the waits in trouble. No worker ever runs its task: see defer_waits.py."""

from __future__ import annotations

import os

import pendulum
from airflow.sdk import dag

from sora2_provider.sensors.sora2 import Sora2VideoSensor


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False)
def in_trouble():
    count = int(os.environ["SYSTEM_WAITS_IN_ALL"])
    Sora2VideoSensor.partial(task_id="wait", deferrable=True, pool="no_slots").expand(
        video_id=[f"video {number}" for number in range(count)]
    )


in_trouble()
