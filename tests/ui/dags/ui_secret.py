"""A video that only those see who may read this DAG."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from sora2_provider.operators.sora2 import Sora2CreateVideoOperator


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False)
def ui_secret():
    Sora2CreateVideoOperator(
        task_id="unreleased",
        prompt="The unreleased product on a turntable",
        wait_for_completion=True,
        deferrable=False,
        poll_interval=0.5,
        retries=2,
        retry_delay=timedelta(seconds=1),
    )


ui_secret()
