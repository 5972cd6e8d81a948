"""What earlier releases have left, as ``dev/upgrade_fixtures.py`` recorded it, and the two places in which records are kept."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

from dev.upgrade_fixtures import StateStore, TaskInstance
from sora2_provider.submission.stores import STATE_KEY

FIXTURES = Path(__file__).with_name("fixtures")
VERSIONS = sorted(folder.name for folder in FIXTURES.iterdir() if folder.is_dir())


def kept_by(version: str, name: str) -> Any:
    return json.loads((FIXTURES / version / f"{name}.json").read_text(encoding="utf-8"))


def about(document: Any, video_id: str) -> Any:
    """Return a document with another video's id wherever it has its own: gateways give ids, fixtures cannot."""
    return _replaced(document, _id_in(document), video_id)


def _id_in(document: Any) -> str:
    ids = {value for name, value in _pairs(document) if name in ("video_id", "id") and isinstance(value, str)}
    (only,) = ids
    return only


def _pairs(document: Any) -> list[tuple[str, Any]]:
    if not isinstance(document, dict):
        return []
    return [*document.items(), *(pair for value in document.values() for pair in _pairs(value))]


def _replaced(document: Any, old: str, new: str) -> Any:
    if isinstance(document, dict):
        return {name: _replaced(value, old, new) for name, value in document.items()}
    return new if document == old else document


#: Airflow's ``max_tries`` of the recorded task instance after a clear.
CLEARED = TaskInstance.max_tries + 3


class Keeping(Protocol):
    """Where one task instance's record is."""

    def leave(self, record: Any, *, key: str, name: str) -> None:
        """Write what another release has written, where it has written it."""

    def now(self) -> Any:
        """Return what is there now."""

    def context(self, *, max_tries: int = TaskInstance.max_tries) -> Any:
        """Return the context of the task instance's second try."""


class InStateStore:
    def __init__(self) -> None:
        self._store = StateStore()

    def leave(self, record: Any, *, key: str = STATE_KEY, name: str = "") -> None:
        self._store.set(key, record)

    def now(self) -> Any:
        (value,) = self._store.values.values()
        return value

    def context(self, *, max_tries: int = TaskInstance.max_tries) -> Any:
        return {"ti": _second_try(max_tries), "task_state_store": self._store}


class UnderStatePath:
    """In a file below ``[sora2] state_path``.

    :param run: what Airflow tells a task of its DAG run: its number on Airflow 2, which was recorded.
    """

    def __init__(self, folder: Path, run: Any) -> None:
        self._folder, self._run = folder, run

    def leave(self, record: Any, *, key: str = "", name: str) -> None:
        file = self._folder / name
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(record))

    def now(self) -> Any:
        (file,) = self._folder.rglob("*.json")
        return json.loads(file.read_text())

    def context(self, *, max_tries: int = TaskInstance.max_tries) -> Any:
        return {"ti": _second_try(max_tries), "dag_run": self._run}


#: The DAG run of the fixtures as 0.1.0 has seen it on Airflow 2, and as it goes on after an upgrade to Airflow 3.
RUNS = {
    "state_path": SimpleNamespace(id=7),
    "state_path, Airflow 2 to 3": SimpleNamespace(run_after="2026-01-01 00:00:00+00:00"),
}


def _second_try(max_tries: int) -> TaskInstance:
    task_instance = TaskInstance()
    task_instance.max_tries, task_instance.try_number = max_tries, 2
    return task_instance
