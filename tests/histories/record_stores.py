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
from tests.histories.processes import STORE_CHANGES, running

#: What a store may be like for a while.
MOODS = ("healthy", "cannot read", *STORE_CHANGES)
GARBAGE = '{"version": 99}'


class StoreAway(OSError):
    """A store that did not serve a call."""


class Store:
    """The records of one task instance, seen from outside."""

    #: Whether a process may be suspended between what it reads and what it writes.
    compares: bool

    def __init__(self) -> None:
        self._whole: dict[Any, str] = {}

    def texts(self) -> dict[Any, str]:
        """Return the records as they stand, the first one first."""
        raise NotImplementedError

    def put(self, place: Any, text: str) -> None:
        raise NotImplementedError

    def context(self, owner: Callable[[], int]) -> dict[str, Any]:
        return {}

    def damage(self, which: int) -> None:
        """Damage a record.

        :param which: -1 for the last one.
        """
        whole = [(place, text) for place, text in self.texts().items() if text != GARBAGE]
        if whole:
            place, text = whole[which]
            self._whole[place] = text
            self.put(place, GARBAGE)

    def repair(self) -> None:
        """Put the records back as they were, if nothing was written over the damage."""
        for place, text in self.texts().items():
            if text == GARBAGE and place in self._whole:
                self.put(place, self._whole[place])

    def operate(self, kind: str, act: Callable[[], Any], written: str | None = None) -> Any:
        """Do one operation of a process, with all that may befall it."""
        process, reads = running(), kind == "read"
        world, judge = process.world, process.task.judge
        # Between a comparison and its write.
        at_once = not self.compares and kind != "create"
        process.step(
            f"record {kind}", at_once=at_once and bool(process.compared or not reads), fail=lambda: StoreAway("away")
        )
        if process.compared is not None:
            process.compared += reads
        if world.store_mood == "away" or world.store_mood == ("cannot read" if reads else "cannot write"):
            raise StoreAway(world.store_mood)
        result = act()
        if written is not None:
            judge.record_taken(process, json.loads(written))
        elif kind == "remove":
            judge.record_removed()
        process.step(
            f"record {kind}", "after", at_once=at_once and reads, fail=lambda: StoreAway("the answer was lost")
        )
        if world.store_mood == "writes and says it failed" and not reads:
            raise StoreAway(world.store_mood)
        return result


class TaskStateStore(Store):
    """Airflow 3.3's: it refuses a process whose task instance was given to another try."""

    compares = True

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}

    def texts(self) -> dict[Any, str]:
        return {key: self.values[key] for key in sorted(self.values)}

    def put(self, place: Any, text: str) -> None:
        self.values[place] = text

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
    """The option ``[sora2] state_path``: nobody refuses an old process, and two deployments have the same files.

    A storage knows no "write this if that is still there". So a process that is suspended in the milliseconds between
    the two, and goes on when another has written, writes over it; the histories leave that out.

    :param names: a pattern for the files of the task instance.
    """

    compares = False

    def __init__(self, folder: Path, names: str) -> None:
        super().__init__()
        self._folder, self._names = folder, names

    def texts(self) -> dict[Any, str]:
        files = sorted(self._folder.rglob(self._names), key=lambda file: (len(file.name), file.name))
        return {file: file.read_text() for file in files}

    def put(self, place: Any, text: str) -> None:
        place.write_text(text)


class Stepped:
    """Stands for ``storage.Target``, whose file operations are steps of a process here."""

    def __init__(self, target: Target) -> None:
        self._target, self.uri = target, target.uri

    @classmethod
    def parse(cls, path: Any, *, video_id: str | None) -> Self:
        return cls(Target.parse(path, video_id=video_id))


class SteppedTarget(Stepped):
    """The target in ``stores``."""

    def content(self) -> bytes | None:
        content: bytes | None = self._operate("read", self._target.content)
        return content

    def create(self, content: bytes) -> None:
        self._operate("create", lambda: self._target.create(content), content.decode())

    def write(self, fill: Callable[[Any], Any]) -> None:
        """Write a record over the one that is there."""
        file = io.BytesIO()
        fill(file)
        self._operate("write", lambda: self._target.write(fill), file.getvalue().decode())

    def remove(self) -> None:
        self._operate("remove", self._target.remove)

    def _operate(self, kind: str, *operation: Any) -> Any:
        return running().task.store.operate(kind, *operation)


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
