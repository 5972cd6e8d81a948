"""Where a task instance's submission record is kept: in Airflow's task state store, or under a storage path.

Both raise :class:`RecordUnavailable` for whatever keeps a record from being read or written, and
:class:`~sora2_provider.submission.record.UnreadableRecord` for one that is there and makes no sense.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from sora2_provider.compat import Context, airflow_version, clear_forgets_task_state, conf, never_expire
from sora2_provider.storage import Target, files_in
from sora2_provider.submission.record import Record, UnreadableRecord
from sora2_provider.submission.record_names import earlier_name, names_from_airflow_2, record_name

#: The first record's key in the task state store; Airflow's UI shows it on the task instance.
STATE_KEY = "sora2_submission"


class RecordUnavailable(OSError):
    """The store could not be asked, or did not take a record."""


class TaskStateRecords:
    """In Airflow's task state store (3.3 and later), which survives retries and kills, and before 3.4 clears, too.

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
    :param name: the file's path below it, see :func:`~sora2_provider.submission.record_names.record_name`.
    :param earlier: yields where else the n-th record may be, the likeliest place first. One that is found there moves here.
    """

    def __init__(self, folder: str, name: str, earlier: Callable[[int], Iterable[RecordStore]] | None = None) -> None:
        self._folder, self._name = folder, name
        self._earlier, self._number = earlier, 1
        try:
            self._target = Target.parse(f"{folder.rstrip('/')}/{name}", video_id=None)
        except (ValueError, OSError) as error:
            raise RecordUnavailable(f"[sora2] state_path: {error}") from error
        self.where = self._target.uri

    def numbered(self, number: int) -> StorageRecords:
        """Return the store of the task instance's n-th record; this one is the first."""
        if number == 1:
            return self
        store = StorageRecords(self._folder, f"{self._name.removesuffix('.json')}.{number}.json", self._earlier)
        store._number = number
        return store

    def read(self) -> Record | None:
        """Return the record."""
        record = self._read()
        return self._moved_here() if record is None else record

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
        """Remove the record, and first what a process that was killed while it moved the record here has left."""
        for place in self._earlier_places():
            place.remove()
        with _failures(f"{self.where} cannot be removed"), contextlib.suppress(FileNotFoundError):
            self._target.remove()

    def _earlier_places(self) -> Iterable[RecordStore]:
        return () if self._earlier is None else self._earlier(self._number)

    def _read(self) -> Record | None:
        with _failures(f"{self.where} cannot be read"):
            content = self._target.content()
        if content is None:
            return None
        try:
            value = json.loads(content)
        except ValueError:
            raise UnreadableRecord(f"it is no JSON: {content[:200]!r}") from None
        return Record.from_json(value)

    def _moved_here(self) -> Record | None:
        """Return the record of an earlier place, once it is here. A process that is killed meanwhile leaves it in both."""
        for place in self._earlier_places():
            try:
                record = place.read()
            except UnreadableRecord as error:
                raise UnreadableRecord(f"in {place.where}: {error}") from None
            if record is not None:
                if not self.create(record):
                    return self._read()
                with contextlib.suppress(RecordUnavailable):
                    place.remove()
                return record
        return None


RecordStore = TaskStateRecords | StorageRecords


def store_of(context: Context) -> RecordStore | None:
    """Return the store for the task instance of a context; ``None`` where there is none to be had.

    The option ``[sora2] state_path`` comes first, then Airflow's task state store.

    :raises RecordUnavailable: the path of the option cannot be used.
    """
    folder = conf.get("sora2", "state_path", fallback="").strip()
    accessor = context.get("task_state_store")
    in_state = None if accessor is None else TaskStateRecords(accessor)
    if not folder:
        return in_state

    def earlier(number: int) -> Iterator[RecordStore]:
        if number == 1:
            yield StorageRecords(folder, earlier_name(context))
        if getattr(context["ti"], "try_number", None) == 1:
            # No other try has written a record, on Airflow 2 or before the option was set.
            return
        if number == 1 and getattr(context.get("dag_run"), "id", None) is None:
            run_folder = f"{folder.rstrip('/')}/{PurePosixPath(record_name(context)).parent}"
            with _failures(f"{run_folder} cannot be read"):
                names = names_from_airflow_2(context, files_in(run_folder))
            yield from (StorageRecords(folder, name) for name in names)
        if in_state is not None:
            yield in_state.numbered(number)

    return StorageRecords(folder, record_name(context), earlier)


def storage_warning(store: RecordStore | None) -> str | None:
    """Return what a person must know of where records are kept, and what to do; ``None`` where nothing is amiss."""
    if store is None:
        return (
            "What this task submits is written down nowhere, so a crash between submit and success can pay twice. "
            "Set the option [sora2] state_path, or use Airflow 3.3 or later."
        )
    if isinstance(store, TaskStateRecords) and clear_forgets_task_state():
        return (
            f"Airflow {airflow_version()} forgets what this task has submitted when a person clears it, so a clear pays "
            "again. Set the option [sora2] state_path, or keep the task state when you clear the task."
        )
    return None


def _content(record: Record) -> bytes:
    return json.dumps(record.to_json(), indent=1).encode()


@contextlib.contextmanager
def _failures(what: str) -> Iterator[None]:
    """Give all that can go wrong with a store one name: the stores' own errors are as many as there are stores."""
    try:
        yield
    except Exception as error:
        raise RecordUnavailable(f"{what}: {type(error).__name__}: {error}") from error
