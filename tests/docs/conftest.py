"""Shared by the tests of the documentation, which want Airflow 3.3: that is what the pages are written for."""

from __future__ import annotations

from collections import Counter
from unittest.mock import MagicMock

import pytest

from sora2_provider.emulator import Emulator
from tests.docs.blocks import all_blocks
from tests.docs.kinds import kind_of


@pytest.fixture
def gateway(monkeypatch):
    """An emulator that the connection ``sora2_default`` points at."""
    with Emulator(canned=True) as emulator:
        monkeypatch.setenv("AIRFLOW_CONN_SORA2_DEFAULT", emulator.connection())
        yield emulator


@pytest.fixture
def ti():
    """What a task needs of its task instance."""
    return MagicMock(max_tries=0, try_number=1, map_index=-1)


def pytest_terminal_summary(terminalreporter):
    """Say what became of the code blocks, and why some are not run."""
    blocks = all_blocks()
    terminalreporter.section("code blocks of the documentation")
    for kind, count in Counter(kind_of(block) for block in blocks).most_common():
        terminalreporter.write_line(f"{count:4d}  {kind}")
    for block in blocks:
        if block.reason:
            terminalreporter.write_line(f"      {block}: not run: {block.reason}")
