"""One whole Airflow on PostgreSQL with the emulator, and the runs that the tests of this folder look at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import outcome_runs
import pytest
from local_airflow import LocalAirflow
from outcome_runs import OutcomeRun, run_outcomes
from postgres import Postgres
from processes import wait_until
from waiting_runs import PARALLELISM, POLL_INTERVAL, TIMEOUT, HeldRun, Run, World, run_held, run_to_end

from sora2_provider.emulator import Emulator

KEY = "sk-system-test-5f4e3d2c1b0a"

#: Videos that wait together in the triggerer.
VIDEOS = int(os.environ.get("SYSTEM_VIDEOS", "100"))
#: Videos that workers wait for: two rounds of all workers.
WAITING_VIDEOS = 2 * PARALLELISM
#: Videos that sensors wait for too.
WATCHED_VIDEOS = 10

DAG_IDS = {"deferred", "waiting_worker", "watched", outcome_runs.DAG_ID}


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if find_spec("psycopg2") is None or find_spec("asyncpg") is None:
        pytest.fail("needs psycopg2 and asyncpg: run make system")
    with (
        Emulator(canned=True, balance=None) as emulator,
        Postgres() as postgres,
        LocalAirflow(
            dags_folder=Path(__file__).with_name("dags"),
            home=tmp_path_factory.mktemp("airflow"),
            connection=emulator.connection(KEY),
            environment={
                **postgres.airflow_environment,
                "AIRFLOW__CORE__PARALLELISM": str(outcome_runs.WORKERS),
                # A supervisor that misses the end of its task process by a hair notices it this much later; 5 by default,
                # which half of the tasks here would add to the second that they take.
                "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
                # Parsing the same files over and over would take a fifth of a processor from the tasks.
                "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
                # A new triggerer takes what a dead one had when that has been silent for so long.
                "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
                "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
                "SYSTEM_OUTCOMES": outcome_runs.tasks(),
                "SYSTEM_PARALLELISM": str(PARALLELISM),
                "SYSTEM_VIDEOS": str(VIDEOS),
                "SYSTEM_WAITING_VIDEOS": str(WAITING_VIDEOS),
                "SYSTEM_POLL_INTERVAL": str(POLL_INTERVAL),
                "SYSTEM_TIMEOUT": str(TIMEOUT),
            },
        ) as airflow,
    ):
        airflow.start(timeout=300)
        rest = airflow.rest
        known = lambda: {each["dag_id"] for each in rest.get("/dags")["dags"]}  # noqa: E731
        wait_until(lambda: known() == DAG_IDS, timeout=120, what="the DAGs to be parsed")
        yield World(airflow, postgres, emulator, VIDEOS, WAITING_VIDEOS)


@pytest.fixture(scope="session")
def outcome_run(world: World) -> OutcomeRun:
    """A run in which every outcome happens in every mode."""
    return run_outcomes(world)


@pytest.fixture(scope="session")
def waiting_run(world: World) -> Run:
    """A run whose workers wait."""
    return run_to_end(world, "waiting_worker")


@pytest.fixture(scope="session")
def deferred_run(world: World) -> Run:
    """A run whose videos wait in the triggerer."""
    return run_to_end(world, "deferred")


@pytest.fixture(scope="session")
def held_run(world: World) -> HeldRun:
    """The same, and the triggerer is killed in mid-wait."""
    return run_held(world, watched=WATCHED_VIDEOS)
