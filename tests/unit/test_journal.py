"""The journal's one guarded write: what a process that wakes late may still change, and what it may not."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import pytest

from sora2_provider.exceptions import FinalError, Sora2Error
from sora2_provider.submission.decision import Resume, Submit
from sora2_provider.submission.journal import SubmissionJournal
from sora2_provider.submission.record import Record
from sora2_provider.submission.stores import RecordUnavailable
from sora2_provider.submission.task_try import TaskTry
from tests.exact_errors import raises_exactly

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


@pytest.fixture
def store() -> Kept:
    return Kept()


def journal(store: Kept, number: int = 1, *, epoch: int = 0) -> SubmissionJournal:
    return SubmissionJournal(store, TaskTry(epoch, number), log=LOG)


def intend(one: SubmissionJournal, digest: str = "a cat") -> SubmissionJournal:
    assert isinstance(one.decide(digest, **POLICIES), Submit)
    one.intend(digest, "sora2_default", {"prompt": digest})
    return one


def submit(one: SubmissionJournal, video_id: str, digest: str = "a cat") -> None:
    intend(one, digest).accepted(video_id)


def test_a_try_that_wakes_late_does_not_write_over_what_its_successor_has_submitted(store):
    """It read the record and slept, was given up, and its successor was cleared for another request."""
    submit(journal(store, 1), "video_1")
    sleeper = journal(store, 2, epoch=1)
    decision = sleeper.decide("a cat", **POLICIES)
    assert isinstance(decision, Resume)

    submit(journal(store, 3, epoch=2), "video_2", "a dog")

    sleeper.adopt(decision.record)
    sleeper.delivered("video_1")
    assert store.numbered(2).record.video_id == "video_2"
    again = journal(store, 4, epoch=2).decide("a dog", **POLICIES)
    assert isinstance(again, Resume), "a retry pays for no third video"
    assert again.record.video_id == "video_2"


@pytest.mark.parametrize(
    "late",
    [
        lambda one: one.delivered("video_1"),
        lambda one: one.ended("video_1"),
        lambda one: one.mark_lost("video_1", RuntimeError("lost")),
        lambda one: one.mark_outcome_unknown(RuntimeError("unknown")),
        lambda one: one.refused(),
    ],
    ids=["delivered", "ended", "lost", "unknown", "refused"],
)
def test_nothing_that_a_late_process_notes_reaches_another_submission(store, late):
    old = journal(store, 1)
    submit(old, "video_1")
    submit(journal(store, 2, epoch=1), "video_2", "a dog")
    kept = store.numbered(2).record
    late(old)
    assert store.numbered(2).record == kept


def test_a_change_is_made_to_what_others_have_noted_meanwhile(store):
    first = journal(store, 1)
    submit(first, "video_1")
    journal(store, 1).delivered("video_1")
    noted = store.record
    first.mark_lost("video_1", RuntimeError("lost"))
    assert store.record.delivered_at == noted.delivered_at
    assert store.record.unknown_reported


def test_an_id_that_arrives_late_is_written_over_the_report_that_it_is_unknown(store):
    slow = intend(journal(store, 1))
    successor = journal(store, 2)
    successor.decide("a cat", **POLICIES)
    successor.mark_outcome_unknown(RuntimeError("unknown"))
    assert store.record.unknown_reported
    slow.accepted("video_1")
    assert (store.record.video_id, store.record.unknown_reported) == ("video_1", False)


def test_an_id_that_arrives_late_is_written_where_the_record_is_gone_and_named_where_another_video_is_recorded(store):
    slow = intend(journal(store, 1))
    store.remove()
    slow.accepted("video_1")
    assert store.record.video_id == "video_1"
    store.remove()
    submit(journal(store, 2), "video_2")
    with pytest.raises(FinalError, match="video_1.*has submitted video video_2"):
        slow.accepted("video_1")
    assert store.record.video_id == "video_2"


def test_a_rendering_that_has_ended_removes_the_record_of_no_other_video(store):
    one = journal(store)
    submit(one, "video_1")
    one.ended("video_of_another")
    assert store.record.video_id == "video_1"
    one.ended("video_1")
    assert store.record is None


def test_a_video_that_was_thought_lost_and_is_adopted_is_not_lost_any_more(store):
    """The next clear must not be taken for the decision to submit another one."""
    submit(journal(store), "video_1")
    lost = dataclasses.replace(store.record, unknown_reported=True)
    store.write(lost)
    later = journal(store, 2)
    assert later.decide("a cat", **POLICIES) == Resume(lost, changed=False)
    later.adopt(lost)
    assert store.record.unknown_reported is False


def test_of_two_that_found_no_record_one_submits(store):
    one, other = journal(store, 1), journal(store, 1)
    for each in (one, other):
        assert isinstance(each.decide("a cat", **POLICIES), Submit)
    one.intend("a cat", "sora2_default", {})
    with raises_exactly(Sora2Error, match="This one sent nothing"):
        other.intend("a cat", "sora2_default", {})


def test_a_first_record_that_was_written_twice_by_the_storage_is_ones_own(store):
    """A storage's client repeats a request whose answer was lost, and is told that there is a file."""

    class Repeats(Kept):
        def create(self, record: Record) -> bool:
            super().create(record)
            return super().create(record)

    kept = Repeats()
    intend(journal(kept))
    assert kept.record.digest == "a cat"


def test_a_write_that_fails_and_happened_all_the_same_is_not_made_twice(store, monkeypatch):
    monkeypatch.setattr("sora2_provider.submission.journal._PAUSE", 0.0)

    class Fails(Kept):
        failed = False

        def write(self, record: Record) -> None:
            super().write(record)
            if record.video_id and not self.failed:
                self.failed = True
                raise RecordUnavailable("the answer was lost")

    kept = Fails()
    submit(journal(kept), "video_1")
    assert kept.record.video_id == "video_1"
    assert kept.writes == 2, "the intent and the id"


def test_a_change_of_nothing_writes_nothing(store):
    submit(journal(store, 1), "video_1")
    before = store.writes
    journal(store, 1).mark_outcome_unknown(RuntimeError("unknown"))
    assert store.writes == before, "the id is known"


def test_what_is_changed_between_read_and_comparison_is_seen(store):
    submit(journal(store, 1), "video_1")
    store.after_read = lambda: store.write(dataclasses.replace(store.record, token="another", video_id="video_2"))
    journal(store, 1).delivered("video_1")
    assert store.record.delivered_at is None
