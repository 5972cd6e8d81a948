"""One whole Airflow on PostgreSQL with the emulator, and the example in which a person approves a video."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from dev.harness.airflow import LocalAirflow
from dev.harness.airflow_on_postgres import whole_airflow
from sora2_provider.emulator import Emulator
from tests.approval.approval_run import DAG_ID, EXAMPLE

#: The same DAG, which waits a second for an answer.
HASTY = f"{DAG_ID}_at_once"


class World(NamedTuple):
    airflow: LocalAirflow
    gateway: Emulator


def write_dags(folder: Path) -> None:
    folder.mkdir()
    text = EXAMPLE.read_text(encoding="utf-8")
    (folder / EXAMPLE.name).write_text(text, encoding="utf-8")
    hasty = text.replace("timedelta(days=1)", "timedelta(seconds=1)").replace(f"{DAG_ID}()", f"{HASTY}()")
    assert hasty.count("timedelta(seconds=1)") == 1
    assert hasty.count(HASTY) == 2
    (folder / f"{HASTY}.py").write_text(hasty, encoding="utf-8")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("airflow")
    write_dags(home / "dags")
    with (
        Emulator(canned=True) as gateway,
        whole_airflow(
            dags_folder=home / "dags",
            home=home,
            connection=gateway.connection("sk-approval-test-4711"),
            dag_ids={DAG_ID, HASTY},
            parallelism=3,
            environment={},
        ) as (airflow, _),
    ):
        yield World(airflow, gateway)
