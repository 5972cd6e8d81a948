"""Shared by the tests that need no Airflow process: a gateway on loopback, and a task instance that keeps its XComs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sora2_provider.emulator import Emulator
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from tests.unit.link_hosts import FILE_BYTES, FakeNetwork

KEY = "sk-secret-of-the-tests-4711"


class KeptXComs:
    """Stands for a task instance: keeps what is pushed, as JSON, which is what a database would get."""

    dag_id, run_id, task_id = "dag", "manual__1", "create"
    map_index = -1
    max_tries = 2

    def __init__(self) -> None:
        self.xcoms: dict[str, Any] = {}

    def xcom_pull(self, key: str, **_: Any) -> Any:
        return self.xcoms.get(key)

    def xcom_push(self, key: str, value: Any, **_: Any) -> None:
        self.xcoms[key] = json.loads(json.dumps(value, allow_nan=False))


@pytest.fixture
def ti() -> KeptXComs:
    return KeptXComs()


class KeptState:
    """Stands for the task state store of Airflow 3.3, as ``context["task_state_store"]``."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def get(self, key: str, default: Any = None) -> Any:
        return json.loads(self.values[key]) if key in self.values else default

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        self.values[key] = json.dumps(value, allow_nan=False)

    def delete(self, key: str) -> None:
        self.values.pop(key, None)


@pytest.fixture(autouse=True)
def no_pause_before_a_resend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sora2_provider.gateway.resend._PAUSES", (0.0, 0.0))


@pytest.fixture(autouse=True)
def no_pause_before_an_end_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sora2_provider.gateway.polling.wait.CONFIRMED_AFTER", 0.0)


@pytest.fixture
def state() -> KeptState:
    return KeptState()


@pytest.fixture
def durable_context(ti: KeptXComs, state: KeptState) -> dict[str, Any]:
    """The context of a task on Airflow 3.3, whose state outlives its tries."""
    return {"ti": ti, "task_state_store": state}


@pytest.fixture
def context(ti: KeptXComs) -> dict[str, Any]:
    return {"ti": ti}


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Point ``sora2_default`` at an address; keywords go into the connection's extra.

    The API is named, so that nothing is asked but by what is tested.
    """

    def set_connection(host: str, *, password: str = KEY, conn_id: str = "sora2_default", **extra: Any) -> None:
        named = {"dialect": "unified", **extra}
        connection = {"conn_type": "sora2", "host": host, "password": password, "extra": named}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))

    return set_connection


@pytest.fixture
def gateway(connect: Callable[..., None]) -> Any:
    """An emulator that serves a canned clip, with ``sora2_default`` pointing at it."""
    with Emulator(canned=True) as emulator:
        connect(emulator.url)
        yield emulator


@pytest.fixture
def big(connect: Callable[..., None]) -> Iterator[Emulator]:
    """A gateway whose files have a size worth cutting."""
    with Emulator(canned=True, file_bytes=FILE_BYTES) as emulator:
        connect(emulator.url)
        yield emulator


@pytest.fixture
def video_id(big: Emulator, context: dict[str, Any]) -> str:
    """A completed video of that gateway."""
    return Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)


@pytest.fixture
def fetch(video_id: str, context: dict[str, Any], tmp_path: Path) -> Callable[[], bytes]:
    """Store that video's file as ``cat.mp4``, as a task does, and return its bytes."""

    def stored() -> bytes:
        path = tmp_path / "cat.mp4"
        Sora2DownloadVideoOperator(task_id="download", video_id=video_id, path=str(path)).execute(context)
        return path.read_bytes()

    return stored


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses of a download, none of which takes any time."""
    made: list[float] = []

    class NoWaiting:
        time = staticmethod(time.time)
        sleep = staticmethod(made.append)

    monkeypatch.setattr("sora2_provider.hooks.operations.time", NoWaiting)
    return made


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> FakeNetwork:
    """A network in which the gateway and one other host are public, and names are what the test says."""
    made = FakeNetwork()
    made.install(monkeypatch)
    return made


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """What was logged so far, wherever this Airflow sends a task's log."""
    caplog.set_level("DEBUG")

    def text() -> str:
        out, err = capsys.readouterr()
        shown = f"{out}{err}"
        # Airflow 2 shows a task's log on the console and hands it to pytest as well: nothing shall count twice.
        hidden = [f"{one.name} {one.getMessage()}" for one in caplog.records if one.getMessage() not in shown]
        caplog.clear()
        return "\n".join([shown, *hidden])

    return text
