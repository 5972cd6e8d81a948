"""Counts the creates of one hour or day on a storage, where all workers see it: exactly, and without a lock.

A tally is two logs, *claims* and *returns*, in a folder. A log is a row of small files 0, 1, 2, ... that are only ever
added, each by one process, because the storage creates a file exclusively. Invariants:

* a file is added at the first free place, so a log has no holes: its length is found in a few looks (a search by
  halves: 13 for 4,000 creates), and nothing is ever listed;
* a create may be claimed at place n only while n is less than the cap plus the length of the returns. Returns only grow, so
  what is held can never exceed the cap, whoever reads what late;
* nothing is ever removed or written over while its hour or day lasts: a request that the storage's client repeats, or that
  arrives late, cannot free what another process has claimed since.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from sora2_provider.storage import Target


class TallyUnavailable(OSError):
    """The storage could not be asked, or did not take an entry."""


class Tally:
    """The creates of one hour or day.

    :param folder: URI for ``ObjectStoragePath`` or an absolute path.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder.rstrip("/")
        self._claims = _Log(f"{self.folder}/claim")
        self._returns = _Log(f"{self.folder}/return")

    def used(self, cap: int) -> int:
        """Return how many creates are held, those that were given back left out; exact where it is ``cap`` or more.

        :raises TallyUnavailable: that could not be seen.
        """
        claimed = self._claims.length(guess=cap)
        return claimed - self._returns.length() if claimed >= cap else claimed

    def claim(self, cap: int, entry: dict[str, Any]) -> int | None:
        """Hold one more create, and return its place in the row; ``None`` where all are held.

        :param entry: what is written down for it, with a ``token`` that no other claim has.
        :raises TallyUnavailable: that could not be written. It may have been written all the same, and is then lost
            until the hour or day is over.
        """
        while True:
            place = self._claims.length(guess=cap)
            if place >= cap and place - self._returns.length() >= cap:
                return None
            if self._claims.add(place, entry):
                return place

    def give_back(self, entry: dict[str, Any]) -> None:
        """Give a claim back, once. Not to be tried again where it fails: it may have been done.

        :param entry: the claim's.
        :raises TallyUnavailable: that could not be written.
        """
        while not self._returns.add(self._returns.length(), entry):
            pass


class _Log:
    """Files 0, 1, 2, ... without a hole.

    :param stem: the beginning of their names.
    """

    def __init__(self, stem: str) -> None:
        self._stem = stem
        # So many are there for certain: files never go.
        self._known = 0

    def length(self, *, guess: int = 1) -> int:
        """Return how many there are.

        :param guess: the first look is at the last of so many.
        """
        look, ahead = guess - 1 if self._known == 0 else self._known, 1
        while self._holds(look):
            look, ahead = self._known + ahead - 1, ahead * 2
        while self._known < look:
            middle = (self._known + look) // 2
            if not self._holds(middle):
                look = middle
        return self._known

    def add(self, place: int, entry: dict[str, Any]) -> bool:
        """Add the file at the first free place; ``False`` where another process was faster."""
        content = json.dumps(entry).encode()
        target = self._target(place)
        with _failures(target):
            try:
                target.create(content)
                added = True
            except FileExistsError:
                # It may be our own: a storage's client repeats a request whose answer was lost.
                added = target.small_content() == content
        self._known = max(self._known, place + 1)
        return added

    def _holds(self, place: int) -> bool:
        target = self._target(place)
        with _failures(target):
            is_there = target.small_content() is not None
        if is_there:
            self._known = max(self._known, place + 1)
        return is_there

    def _target(self, place: int) -> Target:
        path = f"{self._stem}-{place:06}.json"
        with _failures(path):
            return Target.parse(path, video_id=None)


@contextlib.contextmanager
def _failures(target: Target | str) -> Iterator[None]:
    """Give all that can go wrong with a storage one name: the storages' own errors are as many as there are storages."""
    try:
        yield
    except Exception as error:
        where = target if isinstance(target, str) else target.uri
        raise TallyUnavailable(f"{where}: {type(error).__name__}: {error}") from error
