"""The records of one task instance: one for each of its creates, numbered from 1, in one store each."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

from sora2_provider.submission.record import Record
from sora2_provider.submission.stores import RecordStore


class RecordChanged(RuntimeError):
    """The store holds another record than this try has read.

    :param now: what it holds.
    """

    def __init__(self, now: Record | None) -> None:
        super().__init__("the record is gone" if now is None else "the record has changed")
        self.now = now


class TaskRecords:
    """The records of one task instance. Each method raises what the stores raise.

    :param first: the store of the first record.
    """

    def __init__(self, first: RecordStore) -> None:
        self._first = first
        self.where = first.where

    def all(self) -> Iterator[tuple[int, Record]]:
        """Yield the records with their numbers.

        One may be missing among them: two processes can remove a record and write the one that follows at the same time.
        """
        missing = 0
        for number in itertools.count(1):
            record = self._first.numbered(number).read()
            missing = missing + 1 if record is None else 0
            if record is not None:
                yield number, record
            elif missing > 1:
                return

    def of_video(self, video_id: str) -> tuple[int, Record] | None:
        """Return the record of a video, and its number."""
        return next((found for found in self.all() if found[1].video_id == video_id), None)

    def is_free(self, number: int) -> bool:
        """Whether no record has this number."""
        return self._first.numbered(number).read() is None

    def replace(self, number: int, expected: Record | None, new: Record | None) -> Record | None:
        """Write a record, or remove it, if its store still holds the expected one. The only place that writes.

        :returns: what the store holds now.
        :raises RecordChanged: it holds another one.
        """
        store = self._first.numbered(number)
        if expected is None:
            # The store compares by itself. A record that is there may be this one: a storage's client repeats a request
            # whose answer was lost.
            if new is not None and not store.create(new) and (now := store.read()) != new:
                raise RecordChanged(now)
            return new
        if (now := store.read()) != expected:
            raise RecordChanged(now)
        if new is None and not self.is_free(number + 1):
            # Behind a gap, the records that follow would be out of reach.
            new = dataclasses.replace(expected, ended=True)
        if new is None:
            store.remove()
        elif new != expected:
            store.write(new)
        return new
