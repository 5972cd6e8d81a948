"""Makes DAGs that make the videos of a list, which a test writes, and may change before it clears the run."""

from __future__ import annotations

import json
from datetime import timedelta

import pendulum
from airflow.sdk import DAG, dag, task
from strikes import StruckVideoOperator, shared_folder


def videos_of_a_list(dag_id: str, *, retries: int, retry_delay: float) -> DAG:
    @dag(dag_id, schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False)
    def definition():
        @task
        def wanted(params=None):
            return json.loads((shared_folder() / params["list"]).read_text())

        StruckVideoOperator.partial(
            task_id="create",
            wait_for_completion=True,
            poll_interval=0.5,
            retries=retries,
            retry_delay=timedelta(seconds=retry_delay),
        ).expand_kwargs(wanted())

    return definition()
