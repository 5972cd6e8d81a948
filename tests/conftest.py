"""Shields the tests from the Airflow configuration of the person who runs them, and deals them out to parallel workers."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

ForPeople = Callable[[], AbstractContextManager[None]]

for name in [name for name in os.environ if name.startswith(("AIRFLOW__", "AIRFLOW_CONN_", "AIRFLOW_VAR_"))]:
    del os.environ[name]

#: Files whose tests look at one and the same Airflow, which is started once if one worker has them all, and in this order.
ONE_AIRFLOW = (
    *("tests/integration/test_example_dags.py", "tests/integration/test_taskflow_on_airflow.py"),
    *("tests/integration/test_spending_caps.py", "tests/integration/test_commands_on_airflow.py"),
    "tests/integration/test_provider_listing.py",
)
#: Files whose tests share nothing, and take long.
EACH_BY_ITSELF = ("tests/integration/test_harness.py", "tests/histories/test_histories.py")


def part_of(test: str) -> str:
    """Return the name of what one worker runs: the tests of a file, unless the tables above say otherwise."""
    file = test.partition("::")[0]
    return test if file in EACH_BY_ITSELF else "one Airflow" if file in ONE_AIRFLOW else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deal the tests out by parts, in the order in which they are collected: what takes longest comes first there."""
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = part_of
    return scheduler


@pytest.fixture(scope="session")
def for_people(request: pytest.FixtureRequest) -> ForPeople:
    """What is printed in the block of ``with for_people():`` is seen, though pytest captures all else."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    @contextlib.contextmanager
    def shown() -> Iterator[None]:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            yield
        # To the standard error, because the standard output of a parallel worker is thrown away; at once, because the
        # other workers print too.
        with capture.global_and_fixture_disabled():
            sys.stderr.write(printed.getvalue())
            sys.stderr.flush()

    return shown
