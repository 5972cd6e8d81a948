"""One run of the batch for all tests of this folder."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from tests.fleet.batch_run import FleetRun, run_batch
from tests.fleet.fleet import run_fleet


@pytest.fixture(scope="session")
def fleet_run(tmp_path_factory: pytest.TempPathFactory) -> FleetRun:
    if sys.platform != "linux":
        pytest.fail("needs Linux: only there a process can adopt orphans")
    if find_spec("airflow.providers.celery") is None:
        pytest.fail("needs apache-airflow-providers-celery: run it with make system-celery")
    with run_fleet(tmp_path_factory.mktemp("airflow")) as fleet:
        return run_batch(fleet)
