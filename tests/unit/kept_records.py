"""A store of records in memory, and journals that write there."""

from __future__ import annotations

import logging
from typing import Any

from sora2_provider.submission.decision import Submit
from sora2_provider.submission.journal import SubmissionJournal
from sora2_provider.submission.record import Record
from sora2_provider.submission.task_try import TaskTry

LOG = logging.getLogger(__name__)
POLICIES = {"on_clear": "regenerate", "on_unknown": "fail"}


class Kept:
    """A store in memory, without a fence of its own: as a storage path has none."""

    where = "memory"

    def __init__(self) -> None:
        self.record: Record | None = None
        self.others: dict[int, Kept] = {}
        self.writes = 0
        #: Called once, between the next read and what follows it.
        self.after_read: Any = None

    def numbered(self, number: int) -> Kept:
        return self if number == 1 else self.others.setdefault(number, Kept())

    def read(self) -> Record | None:
        found, then, self.after_read = self.record, self.after_read, None
        if then is not None:
            then()
        return found

    def create(self, record: Record) -> bool:
        if self.record is not None:
            return False
        self.write(record)
        return True

    def write(self, record: Record) -> None:
        self.record = record
        self.writes += 1

    def remove(self) -> None:
        self.record = None


def journal(store: Kept, number: int = 1, *, epoch: int = 0) -> SubmissionJournal:
    return SubmissionJournal(store, TaskTry(epoch, number), log=LOG)


def intend(one: SubmissionJournal, digest: str = "a cat") -> SubmissionJournal:
    assert isinstance(one.decide(digest, **POLICIES), Submit)
    one.intend(digest, "sora2_default", {"prompt": digest})
    return one


def submit(one: SubmissionJournal, video_id: str, digest: str = "a cat") -> None:
    intend(one, digest).accepted(video_id)
