"""A DAG to be backfilled: each day has one video for each of the policies for a clear."""

from __future__ import annotations

import pendulum
from airflow.sdk import dag
from strikes import StruckVideoOperator

DAYS = [pendulum.datetime(2026, 1, day, tz="UTC") for day in (1, 2)]


@dag(schedule="@daily", start_date=DAYS[0], end_date=DAYS[-1], catchup=False)
def daily():
    StruckVideoOperator.partial(task_id="create", wait_for_completion=True, poll_interval=0.5).expand_kwargs(
        [{"prompt": f"{{{{ ds }}}}, {policy}", "on_clear": policy} for policy in ("regenerate", "reuse")]
    )


daily()
