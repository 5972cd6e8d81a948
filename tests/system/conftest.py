"""One whole Airflow on PostgreSQL with the emulator, and the runs that the tests of this folder look at."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.harness.airflow_on_postgres import whole_airflow
from sora2_provider.emulator import Emulator
from tests import triggerer_stalls
from tests.system import approval_run, outcome_runs, trouble_run
from tests.system.outcome_runs import OutcomeRun, run_outcomes
from tests.system.trouble_run import TroubleRun, run_in_trouble
from tests.system.waiting_runs import (
    KEY,
    PARALLELISM,
    POLL_INTERVAL,
    TIMEOUT,
    WATCHED_VIDEOS,
    HeldRun,
    Run,
    World,
    run_held,
    run_to_end,
)

#: Videos that wait together in the triggerer.
VIDEOS = int(os.environ.get("SYSTEM_VIDEOS", "100"))
#: Videos that workers wait for: two rounds of all workers.
WAITING_VIDEOS = 2 * PARALLELISM

#: Videos that wait in each of four troubles.
WAITS = int(os.environ.get("SYSTEM_WAITS", "200"))

DAG_IDS = {
    *("deferred", "waiting_worker", "watched"),
    *(outcome_runs.DAG_ID, approval_run.DAG_ID, approval_run.HASTY, trouble_run.DAG_ID),
}


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    dags = shutil.copytree(Path(__file__).with_name("dags"), tmp_path_factory.mktemp("copied") / "dags")
    approval_run.write_dags(dags)
    hanging = tmp_path_factory.mktemp("hanging")
    with (
        Emulator(canned=True, balance=None) as emulator,
        whole_airflow(
            dags_folder=dags,
            home=tmp_path_factory.mktemp("airflow"),
            connection=emulator.connection(KEY),
            dag_ids=DAG_IDS,
            parallelism=outcome_runs.WORKERS,
            environment={
                "SYSTEM_OUTCOMES": outcome_runs.tasks(),
                "SYSTEM_PARALLELISM": str(PARALLELISM),
                "SYSTEM_VIDEOS": str(VIDEOS),
                "SYSTEM_WAITING_VIDEOS": str(WAITING_VIDEOS),
                "SYSTEM_POLL_INTERVAL": str(POLL_INTERVAL),
                "SYSTEM_TIMEOUT": str(TIMEOUT),
                **trouble_run.environment(WAITS, hanging, emulator.connection(KEY)),
                **triggerer_stalls.ENVIRONMENT,
            },
        ) as (airflow, postgres),
    ):
        yield World(airflow, postgres, emulator, VIDEOS, WAITING_VIDEOS, hanging)


@pytest.fixture(scope="session")
def outcome_run(world: World) -> OutcomeRun:
    """A run in which every outcome happens in every mode."""
    return run_outcomes(world)


@pytest.fixture(scope="session")
def waiting_run(world: World) -> Run:
    """A run whose workers wait."""
    return run_to_end(world, "waiting_worker")


@pytest.fixture(scope="session")
def held_run(world: World) -> HeldRun:
    """A run whose videos wait in the triggerer, which is killed in mid-wait."""
    return run_held(world, watched=WATCHED_VIDEOS)


@pytest.fixture(scope="session")
def trouble_run_of_all(world: World, tmp_path_factory: pytest.TempPathFactory) -> TroubleRun:
    """A run in which videos wait in each trouble, all at the same time."""
    return run_in_trouble(world, WAITS, tmp_path_factory.mktemp("troubles"))
