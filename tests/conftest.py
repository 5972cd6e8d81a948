"""Shields the tests from the Airflow configuration of the person who runs them, and says what they ran with."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
from collections.abc import Callable

import pytest

from dev.matrix_results import VERSION_OF

for name in [name for name in os.environ if name.startswith(("AIRFLOW__", "AIRFLOW_CONN_", "AIRFLOW_VAR_"))]:
    del os.environ[name]

#: Whose versions stand in a JUnit report: what the provider needs, and what Airflow's own start depends on.
PACKAGES = (
    "apache-airflow",
    "aiohttp",
    "fastapi",
    "pendulum",
    "pydantic",
    "requests",
    "sqlalchemy",
    "universal-pathlib",
)


@pytest.fixture(scope="session", autouse=True)
def versions_in_the_report(record_testsuite_property: Callable[[str, object], None]) -> None:
    record_testsuite_property("python", platform.python_version())
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            record_testsuite_property(f"{VERSION_OF}{package}", importlib.metadata.version(package))
