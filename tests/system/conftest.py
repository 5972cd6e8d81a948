"""One whole Airflow on PostgreSQL with the emulator, and the runs that the tests of this folder look at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting_runs import PARALLELISM, POLL_INTERVAL, TIMEOUT, HeldRun, Run, World, run_held, run_to_end
from whole_airflow import whole_airflow

from sora2_provider.emulator import Emulator

KEY = "sk-system-test-5f4e3d2c1b0a"

#: Videos that wait together in the triggerer.
VIDEOS = int(os.environ.get("SYSTEM_VIDEOS", "100"))
#: Videos that workers wait for: two rounds of all workers.
WAITING_VIDEOS = 2 * PARALLELISM
#: Videos that sensors wait for too.
WATCHED_VIDEOS = 10

DAG_IDS = {"deferred", "waiting_worker", "watched"}


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with (
        Emulator(canned=True, balance=None) as emulator,
        whole_airflow(
            dags_folder=Path(__file__).with_name("dags"),
            home=tmp_path_factory.mktemp("airflow"),
            connection=emulator.connection(KEY),
            dag_ids=DAG_IDS,
            parallelism=PARALLELISM,
            environment={
                "SYSTEM_VIDEOS": str(VIDEOS),
                "SYSTEM_WAITING_VIDEOS": str(WAITING_VIDEOS),
                "SYSTEM_POLL_INTERVAL": str(POLL_INTERVAL),
                "SYSTEM_TIMEOUT": str(TIMEOUT),
            },
        ) as (airflow, postgres),
    ):
        yield World(airflow, postgres, emulator, VIDEOS, WAITING_VIDEOS)


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
