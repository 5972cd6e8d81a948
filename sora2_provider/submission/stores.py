"""Where a task instance's submission record is kept: in Airflow's task state store, or under a storage path.

Both raise :class:`RecordUnavailable` for whatever keeps a record from being read or written, and
:class:`~sora2_provider.submission.record.UnreadableRecord` for one that is there and makes no sense.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from sora2_provider.compat import Context, conf, never_expire
from sora2_provider.storage import Target
from sora2_provider.submission.record import Record, UnreadableRecord

#: The first record's key in the task state store; Airflow's UI shows it on the task instance.
STATE_KEY = "sora2_submission"


class RecordUnavailable(OSError):
    """The store could not be asked, or did not take a record."""


class TaskStateRecords:
    """In Airflow's task state store (3.3 and later), which survives retries, kills and clears.

    The store itself refuses a process whose task instance Airflow has given to another try.

    :param accessor: ``context["task_state_store"]``.
    :param key: the record's.
    """

    def __init__(self, accessor: Any, key: str = STATE_KEY) -> None:
        self._accessor = accessor
        self._key = key
        self.where = f"the task state store, key {key!r}"

    def numbered(self, number: int) -> TaskStateRecords:
        """Return the store of the task instance's n-th record; this one is the first."""
        return self if number == 1 else TaskStateRecords(self._accessor, f"{STATE_KEY}_{number}")

    def read(self) -> Record | None:
        """Return the record."""
        with _failures(f"{self.where} cannot be read"):
            value = self._accessor.get(self._key)
        return None if value is None else Record.from_json(value)

    def create(self, record: Record) -> bool:
        """Write the first record, if there is none. Two processes cannot do so at once: see the class."""
        if self.read() is not None:
            return False
        self.write(record)
        return True

    def write(self, record: Record) -> None:
        """Write a record. It lives as long as its DAG run: to forget it sooner could mean to pay twice."""
        with _failures(f"{self.where} cannot be written"):
            self._accessor.set(self._key, record.to_json(), retention=never_expire())

    def remove(self) -> None:
        """Remove the record."""
        with _failures(f"{self.where} cannot be written"):
            self._accessor.delete(self._key)


class StorageRecords:
    """In one small JSON file under the path of the option ``[sora2] state_path``.

    Files are created exclusively on disks, and on object stores that can do so (S3 does).

    :param folder: URI for ``ObjectStoragePath`` or an absolute path.
    :param name: the file's path below it, see :func:`record_name`.
    """

    def __init__(self, folder: str, name: str) -> None:
        self._folder, self._name = folder, name
        try:
            self._target = Target.parse(f"{folder.rstrip('/')}/{name}", video_id=None)
        except (ValueError, OSError) as error:
            raise RecordUnavailable(f"[sora2] state_path: {error}") from error
        self.where = self._target.uri

    def numbered(self, number: int) -> StorageRecords:
        """Return the store of the task instance's n-th record; this one is the first."""
        return (
            self if number == 1 else StorageRecords(self._folder, f"{self._name.removesuffix('.json')}.{number}.json")
        )

    def read(self) -> Record | None:
        """Return the record."""
        with _failures(f"{self.where} cannot be read"):
            try:
                content = b"".join(self._target.read())
            except FileNotFoundError:
                return None
        try:
            value = json.loads(content)
        except ValueError:
            raise UnreadableRecord(f"it is no JSON: {content[:200]!r}") from None
        return Record.from_json(value)

    def create(self, record: Record) -> bool:
        """Write the first record, if there is none: one of several processes only."""
        with _failures(f"{self.where} cannot be written"):
            try:
                self._target.create(_content(record))
            except FileExistsError:
                return False
        return True

    def write(self, record: Record) -> None:
        """Write a record over the one that is there, whole or not at all."""
        with _failures(f"{self.where} cannot be written"):
            self._target.write(lambda file: file.write(_content(record)))

    def remove(self) -> None:
        """Remove the record."""
        with _failures(f"{self.where} cannot be removed"), contextlib.suppress(FileNotFoundError):
            self._target.remove()


RecordStore = TaskStateRecords | StorageRecords


def store_of(context: Context) -> RecordStore | None:
    """Return the store for the task instance of a context; ``None`` where there is none to be had.

    The option ``[sora2] state_path`` comes first, then Airflow's task state store.

    :raises RecordUnavailable: the path of the option cannot be used.
    """
    folder = conf.get("sora2", "state_path", fallback="").strip()
    if folder:
        return StorageRecords(folder, record_name(context))
    accessor = context.get("task_state_store")
    return None if accessor is None else TaskStateRecords(accessor)


def record_name(context: Context) -> str:
    """Return ``<dag>/<run>/<task>-<map index>-<digest>.json``: one name for one task instance, in all its tries.

    A run id may come back when a run was deleted and made again; the run's own number (Airflow 2) or the time from
    which it could run (Airflow 3) keeps such runs apart, as far as Airflow tells them apart.
    """
    task_instance, run = context["ti"], context.get("dag_run")
    dag_id, run_id, task_id = (str(getattr(task_instance, name)) for name in ("dag_id", "run_id", "task_id"))
    map_index = getattr(task_instance, "map_index", -1)
    unique = getattr(run, "id", None) or getattr(run, "run_after", None)
    exact = json.dumps([dag_id, run_id, task_id, map_index, str(unique)])
    digest = hashlib.sha256(exact.encode()).hexdigest()[:20]
    readable = [re.sub(r"[^A-Za-z0-9._-]+", "_", part).strip("._")[:80] or "_" for part in (dag_id, run_id, task_id)]
    mapped = f"-{map_index}" if isinstance(map_index, int) and map_index >= 0 else ""
    return f"{readable[0]}/{readable[1]}/{readable[2]}{mapped}-{digest}.json"


def _content(record: Record) -> bytes:
    return json.dumps(record.to_json(), indent=1).encode()


@contextlib.contextmanager
def _failures(what: str) -> Iterator[None]:
    """Give all that can go wrong with a store one name: the stores' own errors are as many as there are stores."""
    try:
        yield
    except Exception as error:
        raise RecordUnavailable(f"{what}: {type(error).__name__}: {error}") from error
