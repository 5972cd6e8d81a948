"""The two places for a record, made to fail and to stop: a model of Airflow's task state store, and the storage path.

The storage path is the provider's own ``StorageRecords`` on a real disk; only its file operations are steps here. So is
the count of a connection's creates, where the histories have a cap.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from sora2_provider.storage import Target
from sora2_provider.submission.stores import STATE_KEY
from tests.histories.judge import Judge
from tests.histories.processes import STORE_CHANGES, running

#: What a store may be like for a while.
MOODS = ("healthy", "cannot read", *STORE_CHANGES)
GARBAGE = '{"version": 99}'


class StoreAway(OSError):
    """A store that did not serve a call."""


class Store:
    """One task instance's record, seen from outside.

    :param judge: told of each record that was written or removed.
    """

    #: Whether a process may be suspended between what it reads and what it writes.
    compares: bool

    def __init__(self, judge: Judge) -> None:
        self.mood = "healthy"
        self._judge = judge
        self._whole: str | None = None

    @property
    def text(self) -> str | None:
        """The record as it stands; ``None`` where there is none."""
        raise NotImplementedError

    @text.setter
    def text(self, value: str) -> None:
        raise NotImplementedError

    def context(self, owner: Callable[[], int]) -> dict[str, Any]:
        return {}

    def damage(self) -> None:
        if self.text not in (None, GARBAGE):
            self._whole, self.text = self.text, GARBAGE

    def repair(self) -> None:
        """Put the record back as it was, if nothing was written over the damage."""
        if self.text == GARBAGE and self._whole is not None:
            self.text = self._whole

    def operate(self, kind: str, act: Callable[[], Any], written: str | None = None) -> Any:
        """Do one operation of a process, with all that may befall it."""
        process, reads = running(), kind == "read"
        at_once = not self.compares and kind != "create"
        process.step(f"record {kind}", at_once=at_once and not reads, fail=lambda: StoreAway("away"))
        if self.mood == "away" or self.mood == ("cannot read" if reads else "cannot write"):
            raise StoreAway(self.mood)
        result = act()
        if written is not None:
            self._judge.record_taken(process, json.loads(written))
        elif kind == "remove":
            self._judge.record_removed()
        process.step(
            f"record {kind}", "after", at_once=at_once and reads, fail=lambda: StoreAway("the answer was lost")
        )
        if self.mood == "writes and says it failed" and not reads:
            raise StoreAway(self.mood)
        return result


class TaskStateStore(Store):
    """Airflow 3.3's: it refuses a process whose task instance was given to another try."""

    compares = True

    def __init__(self, judge: Judge) -> None:
        super().__init__(judge)
        self.values: dict[str, str] = {}

    @property
    def text(self) -> str | None:
        return self.values.get(STATE_KEY)

    @text.setter
    def text(self, value: str) -> None:
        self.values[STATE_KEY] = value

    def context(self, owner: Callable[[], int]) -> dict[str, Any]:
        return {"task_state_store": Accessor(self, owner)}


class Accessor:
    """``context["task_state_store"]``."""

    def __init__(self, store: TaskStateStore, owner: Callable[[], int]) -> None:
        self._store, self._owner = store, owner

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value; an old process is told that there is none."""

        def read() -> Any:
            text = self._store.values.get(key) if running().ti_id == self._owner() else None
            return default if text is None else json.loads(text)

        return self._store.operate("read", read)

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        text = json.dumps(value, allow_nan=False)
        self._store.operate("write", lambda: self._own().__setitem__(key, text), text)

    def delete(self, key: str) -> None:
        self._store.operate("remove", lambda: self._own().pop(key, None))

    def _own(self) -> dict[str, str]:
        if running().ti_id != self._owner():
            raise StoreAway("404 not found")
        return self._store.values


class StateFolder(Store):
    """The option ``[sora2] state_path``: nobody refuses an old process.

    A storage knows no "write this if that is still there". So a process that is suspended in the milliseconds between
    the two, and goes on when another has written, writes over it; the histories leave that out.
    """

    compares = False

    def __init__(self, judge: Judge, folder: Path) -> None:
        super().__init__(judge)
        self._folder = folder

    @property
    def _file(self) -> Path | None:
        return next(self._folder.rglob("create-*.json"), None)

    @property
    def text(self) -> str | None:
        return self._file.read_text() if self._file else None

    @text.setter
    def text(self, value: str) -> None:
        assert self._file is not None
        self._file.write_text(value)


class Stepped:
    """Stands for ``storage.Target``, whose file operations are steps of a process here."""

    def __init__(self, target: Target) -> None:
        self._target, self.uri = target, target.uri

    @classmethod
    def parse(cls, path: Any, *, video_id: str | None) -> Self:
        return cls(Target.parse(path, video_id=video_id))


class SteppedTarget(Stepped):
    """The target in ``stores``.

    :param store: set for each history.
    """

    store: StateFolder

    def content(self) -> bytes | None:
        content: bytes | None = self.store.operate("read", self._target.content)
        return content

    def create(self, content: bytes) -> None:
        self.store.operate("create", lambda: self._target.create(content), content.decode())

    def write(self, fill: Callable[[Any], Any]) -> None:
        """Write a record over the one that is there."""
        file = io.BytesIO()
        fill(file)
        self.store.operate("write", lambda: self._target.write(fill), file.getvalue().decode())

    def remove(self) -> None:
        self.store.operate("remove", self._target.remove)


class SteppedSlot(Stepped):
    """The target in ``spending.counter``."""

    def small_content(self) -> bytes | None:
        running().step("slot look", fail=lambda: StoreAway("away"))
        return self._target.small_content()

    def create(self, content: bytes) -> None:
        process = running()
        process.step("slot add", fail=lambda: StoreAway("away"))
        self._target.create(content)
        window, _, entry = self.uri.rpartition("/")
        process.world.slots[window, entry.partition("-")[0]] += 1
        process.step("slot add", "after", fail=lambda: StoreAway("the answer was lost"))
