"""What the tests on a real Airflow share. The harness itself is ``dev/harness/airflow.py``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dev.harness.airflow import LocalAirflow
from dev.matrix_results import TASKS_OF
from tests.s3_server import s3_server


@pytest.fixture(scope="session", autouse=True)
def executed_tasks_in_the_report(record_testsuite_property: Callable[[str, object], None]) -> Iterator[None]:
    """Put into the JUnit report how many task instances succeeded on real Airflows: imports alone prove nothing."""
    succeeded: Counter[str] = Counter()

    def count(airflow: LocalAirflow) -> None:
        succeeded.update(airflow.executed_tasks())

    LocalAirflow.on_leave.append(count)
    yield
    LocalAirflow.on_leave.remove(count)
    for dag_id, tasks in sorted(succeeded.items()):
        record_testsuite_property(f"{TASKS_OF}{dag_id}", tasks)


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The URL of an S3-compatible server: one for all tests, because Airflow keeps what it knows of a connection."""
    with s3_server() as url:
        yield url


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
