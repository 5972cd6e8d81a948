"""Counts the creates of one hour or day on a storage that all workers share: exactly, and without a lock.

A count is two append-only logs, *increments* and *refunds*, in a folder. A log is a series of small files 0, 1, 2, ...,
each added by one process, because the storage creates a file exclusively. Invariants:

* a file is added at the first free number, so a log has no gaps: a binary search finds its length (13 requests for 4,000
  creates), and nothing is ever listed;
* increment n may be added only while n is less than the cap plus the number of refunds. Refunds are only ever added, so
  however late a process reads them, the count never exceeds the cap;
* nothing is removed or overwritten while its hour or day lasts: a request that the storage's client repeats, or that
  arrives late, cannot release what another process has reserved since.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from sora2_provider.storage import Target


class CounterUnavailable(OSError):
    """The storage of a count could not be read or written."""


class CreateCounter:
    """The creates of one hour or day.

    :param folder: URI for ``ObjectStoragePath`` or an absolute path.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder.rstrip("/")
        # The names of the files are those that 0.1.0 has written: an upgrade within the hour goes on with its count.
        self._increments = _Log(f"{self.folder}/claim")
        self._refunds = _Log(f"{self.folder}/return")

    def used(self, cap: int) -> int:
        """Return the number of creates that are counted and not refunded; exact where it is ``cap`` or more.

        :raises CounterUnavailable: it could not be read.
        """
        added = self._increments.length(guess=cap)
        return added - self._refunds.length() if added >= cap else added

    def increment(self, cap: int, entry: dict[str, Any]) -> int | None:
        """Count one more create, and return the number of its file; ``None`` where the cap is reached.

        :param entry: the content of that file, with a ``token`` that no other increment has.
        :raises CounterUnavailable: it could not be written. If it was written all the same, it counts until the hour
            or day is over.
        """
        while True:
            number = self._increments.length(guess=cap)
            if number >= cap and number - self._refunds.length() >= cap:
                return None
            if self._increments.add(number, entry):
                return number

    def refund(self, entry: dict[str, Any]) -> None:
        """Take one increment back. Not to be repeated where it fails, because it may have been written.

        :param entry: the increment's.
        :raises CounterUnavailable: it could not be written.
        """
        while not self._refunds.add(self._refunds.length(), entry):
            pass


class _Log:
    """Files 0, 1, 2, ... without a gap."""

    def __init__(self, stem: str) -> None:
        self._stem = stem
        # At least so many exist: files are never removed.
        self._known = 0

    def length(self, *, guess: int = 1) -> int:
        """Return how many there are.

        :param guess: the first look is at the last of so many.
        """
        look, ahead = guess - 1 if self._known == 0 else self._known, 1
        while self._has(look):
            look, ahead = self._known + ahead - 1, ahead * 2
        while self._known < look:
            middle = (self._known + look) // 2
            if not self._has(middle):
                look = middle
        return self._known

    def add(self, number: int, entry: dict[str, Any]) -> bool:
        """Add the file at the first free number; ``False`` where another process was faster."""
        content = json.dumps(entry).encode()
        with self._file(number) as file:
            try:
                file.create(content)
                added = True
            except FileExistsError:
                # It may be our own: a storage's client repeats a request whose answer was lost.
                added = file.small_content() == content
        self._known = max(self._known, number + 1)
        return added

    def _has(self, number: int) -> bool:
        with self._file(number) as file:
            exists = file.small_content() is not None
        if exists:
            self._known = max(self._known, number + 1)
        return exists

    @contextlib.contextmanager
    def _file(self, number: int) -> Iterator[Target]:
        """Yield a file. Each storage raises errors of its own, and all of them become :class:`CounterUnavailable`."""
        path = f"{self._stem}-{number:06}.json"
        try:
            yield Target.parse(path, video_id=None)
        except Exception as error:
            raise CounterUnavailable(f"{path}: {type(error).__name__}: {error}") from error
