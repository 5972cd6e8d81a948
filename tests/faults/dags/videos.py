"""One DAG for all fault tests: it makes the videos of a list, which a test writes, and may change before a clear."""

from __future__ import annotations

import json
from datetime import timedelta

import pendulum
from airflow.sdk import dag, task
from strikes import StruckVideoOperator, shared_folder


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False)
def videos():
    @task
    def wanted(params=None):
        return json.loads((shared_folder() / params["list"]).read_text())

    StruckVideoOperator.partial(
        task_id="create",
        wait_for_completion=True,
        poll_interval=0.5,
        retries=2,
        retry_delay=timedelta(seconds=1),
    ).expand_kwargs(wanted())


videos()
