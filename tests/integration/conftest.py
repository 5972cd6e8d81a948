"""What the tests on a real Airflow share. The harness itself is ``dev/harness/airflow.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dev.harness.airflow import LocalAirflow
from sora2_provider.emulator import Emulator
from tests.integration.command_console import Console, running_console
from tests.s3_server import s3_server


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The URL of an S3-compatible server: one for all tests, because Airflow keeps what it knows of a connection."""
    with s3_server() as url:
        yield url


@pytest.fixture
def gateway() -> Iterator[Emulator]:
    with Emulator(canned=True) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A process for the commands of all tests, on one home, of which no component runs; `write_dags` gives it DAGs."""
    dags = tmp_path_factory.mktemp("console") / "dags"
    dags.mkdir()
    with LocalAirflow(dags_folder=dags) as airflow, running_console(airflow) as console:
        yield console


@pytest.fixture
def make_airflow(tmp_path: Path) -> Iterator[Callable[..., LocalAirflow]]:
    """Make throw-away Airflows; all of them are stopped at the end of the test.

    The keywords are those of `LocalAirflow`; DAGs lie in ``tmp_path / "dags"`` unless said otherwise.
    """
    with ExitStack() as stack:

        def make(**options: Any) -> LocalAirflow:
            dags_folder = options.pop("dags_folder", tmp_path / "dags")
            dags_folder.mkdir(exist_ok=True)
            return stack.enter_context(LocalAirflow(dags_folder=dags_folder, **options))

        yield make
