"""The batch of the fleet test: many videos, deferred, each stored in a bucket under its own id."""

from __future__ import annotations

import os
from datetime import timedelta

import pendulum
from airflow.sdk import dag

from sora2_provider.operators.sora2 import Sora2CreateVideoOperator


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    # Of tasks that run; those that are deferred do not count.
    max_active_tasks=int(os.environ["FLEET_PARALLELISM"]),
)
def batch():
    Sora2CreateVideoOperator.partial(
        task_id="create",
        wait_for_completion=True,
        deferrable=True,
        output_path=os.environ["FLEET_FOLDER"] + "/{{ run_id }}/",
        pool=os.environ["FLEET_POOL"],
        retries=3,
        retry_delay=timedelta(seconds=5),
    ).expand(prompt=[f"video {number}" for number in range(int(os.environ["FLEET_VIDEOS"]))])


batch()
