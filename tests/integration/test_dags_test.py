"""What ``airflow dags test`` says of tasks that defer: it runs their triggers itself, and loses what they keep (3.3)."""

from __future__ import annotations

import re

from sora2_provider.emulator import Emulator
from tests.integration.command_console import Console

DAGS = """
import pendulum
try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False, default_args={"retries": 0})
def waits():
    waits = {"deferrable": True, "timeout": "{{ 6 / 2 }}"}
    Sora2CreateVideoOperator(task_id="late", prompt="late", wait_for_completion=True, poll_interval=1, **waits)
    create = Sora2CreateVideoOperator(task_id="create", prompt="a cat")
    Sora2VideoSensor(task_id="wait", video_id=create.output, poke_interval=1, **waits)


waits()
"""


def test_a_wait_that_was_too_short_says_how_long_it_was(console: Console) -> None:
    console.write_dags("waits.py", DAGS)
    with Emulator(canned=True, render_seconds=1000) as gateway:
        output = console.dags_test("waits", AIRFLOW_CONN_SORA2_DEFAULT=gateway.connection())
    said = " ".join(output.split())
    spans = re.findall(r"was not completed after (\d+) s", said)
    assert len(spans) >= 2, output[-6000:]
    assert all(3 <= int(span) < 30 for span in spans), spans
