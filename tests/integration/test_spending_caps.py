"""A DAG on a real Airflow that wants more creates than its connection may send."""

from __future__ import annotations

import datetime
import json
from collections import Counter

from dev.harness.airflow import LocalAirflow
from sora2_provider.emulator import Emulator

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


def test_of_five_mapped_creates_a_cap_lets_three_pass(make_airflow, tmp_path):
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "batch.py").write_text(DAG)
    day = ""
    while day != today():
        # Once more where the day ended in the middle, and with it the cap.
        day = today()
        with Emulator(canned=True) as gateway:
            connection = json.loads(gateway.connection())
            connection["extra"] = {"max_creates_per_day": 3, "min_balance": "1"}
            airflow: LocalAirflow = make_airflow(
                connection=json.dumps(connection),
                environment={"AIRFLOW__SORA2__SPENDING_PATH": str(tmp_path / f"spending-{day}")},
            )
            result = airflow.dags_test("batch")
    assert len(gateway.billed) == 3, result.output[-6000:]
    assert Counter(airflow.task_states("batch").values()) == {"success": 3, "failed": 2}
    assert result.output.count(f"3 of 3 creates are used this day (UTC, {day})") >= 2, result.output[-6000:]
    for words in (
        "on connection 'sora2_default'. Nothing was sent",
        "The next one is possible at",
        "max_creates_per_day",
    ):
        # Airflow 3.0 breaks long lines of its log.
        assert words in " ".join(result.output.split())
    assert len(list((tmp_path / f"spending-{day}").rglob("claim-*"))) == 3
