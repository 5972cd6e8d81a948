"""One whole Airflow for all fault tests; its processes are killed, frozen and started again."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.harness.airflow_on_postgres import whole_airflow
from sora2_provider.emulator import Emulator
from tests.faults.fault_world import World

DAGS = Path(__file__).with_name("dags")

#: Task processes at a time: enough for those that are held, and for all that would go on meanwhile.
PARALLELISM = 12


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if sys.platform != "linux":
        pytest.skip("looks into /proc for the processes to kill")
    folder = tmp_path_factory.mktemp("faults")
    # A copy: one test edits a DAG file.
    dags = shutil.copytree(DAGS, tmp_path_factory.mktemp("copied") / "dags")
    with (
        Emulator(canned=True, balance=None, render_seconds=2) as emulator,
        whole_airflow(
            dags_folder=dags,
            home=tmp_path_factory.mktemp("airflow"),
            connection=emulator.connection("sk-fault-test-0a1b2c3d"),
            dag_ids={file.stem for file in DAGS.glob("*.py")} - {"__init__", "strikes", "videos_of_a_list"},
            parallelism=PARALLELISM,
            environment={
                "FAULTS_FOLDER": str(folder),
                # Otherwise an edit within 30 s of the first parsing is not taken over before the next one, in an hour.
                "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
                # A supervisor that does not answer is given up after this time (seconds; 300 by default) ...
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "5",
                # ... and the tasks that a dead scheduler had queued are looked for so often. It counts as dead after 30 s,
                # and must: with less, a scheduler on a busy machine takes itself for dead, and its tasks from itself.
                "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "2",
                "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
            },
        ) as (airflow, _),
    ):
        yield World(airflow, emulator, folder)


@pytest.fixture(autouse=True)
def gateway_in_order(world: World) -> None:
    world.emulator.clear_faults()
