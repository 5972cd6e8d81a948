"""A DAG on a real Airflow that wants more creates than its connection may send."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from pathlib import Path

from sora2_provider.emulator import Emulator
from tests.integration.command_console import Console

DAG = """
import pendulum
try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag

from sora2_provider.operators.sora2 import Sora2CreateVideoOperator


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False)
def batch():
    prompts = ["one", "two", "three", "four", "five"]
    Sora2CreateVideoOperator.partial(task_id="create", retries=0).expand(prompt=prompts)


batch()
"""


def today() -> str:
    return f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"


def test_of_five_mapped_creates_a_cap_lets_three_pass(console: Console, tmp_path: Path) -> None:
    console.write_dags("batch.py", DAG)
    day = ""
    while day != today():
        # Once more where the day ended in the middle, and with it the cap.
        day = today()
        with Emulator(canned=True) as gateway:
            connection = json.loads(gateway.connection())
            connection["extra"] = {"max_creates_per_day": 3, "min_balance": "1"}
            output = console.dags_test(
                "batch",
                AIRFLOW_CONN_SORA2_DEFAULT=json.dumps(connection),
                AIRFLOW__SORA2__SPENDING_PATH=str(tmp_path / f"spending-{day}"),
            )
    assert len(gateway.billed) == 3, output[-6000:]
    assert Counter(console.airflow.task_states("batch").values()) == {"success": 3, "failed": 2}
    assert output.count(f"3 of 3 creates are used this day (UTC, {day})") >= 2, output[-6000:]
    for words in (
        "on connection 'sora2_default'. Nothing was sent",
        "The next one is possible at",
        "max_creates_per_day",
    ):
        # Airflow 3.0 breaks long lines of its log.
        assert words in " ".join(output.split())
    assert len(list((tmp_path / f"spending-{day}").rglob("claim-*"))) == 3
