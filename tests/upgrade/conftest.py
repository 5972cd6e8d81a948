"""A gateway on loopback, and where records are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sora2_provider.emulator import Emulator
from tests.upgrade.keeping import RUNS, InStateStore, Keeping, UnderStatePath


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An emulator, with ``sora2_default`` pointing at it."""
    with Emulator(canned=True) as emulator:
        monkeypatch.setenv("AIRFLOW_CONN_SORA2_DEFAULT", emulator.connection())
        yield emulator


@pytest.fixture(params=["task state store", *RUNS])
def keeping(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keeping:
    """One of the places in which records are kept."""
    if request.param == "task state store":
        return InStateStore()
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path))
    return UnderStatePath(tmp_path, RUNS[request.param])
