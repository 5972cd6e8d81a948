"""The two places in which records are kept, filled with what an earlier or a newer release has written."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

from dev.upgrade_fixtures import StateStore, TaskInstance
from sora2_provider.submission.stores import STATE_KEY

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
    """In the task state store."""

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
    """In a file below ``[sora2] state_path``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def leave(self, record: Any, *, key: str = "", name: str) -> None:
        file = self._folder / name
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(record))

    def now(self) -> Any:
        (file,) = self._folder.rglob("*.json")
        return json.loads(file.read_text())

    def context(self, *, max_tries: int = TaskInstance.max_tries) -> Any:
        # The number of the run is a part of the file's name.
        return {"ti": _second_try(max_tries), "dag_run": SimpleNamespace(id=7)}


def _second_try(max_tries: int) -> TaskInstance:
    task_instance = TaskInstance()
    task_instance.max_tries, task_instance.try_number = max_tries, 2
    return task_instance
