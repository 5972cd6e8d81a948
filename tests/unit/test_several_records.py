"""The journals of several creates of one try: each writes a record of its own, without a gap in the numbers."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from sora2_provider.exceptions import Sora2Error
from sora2_provider.submission.decision import Resume, Submit
from sora2_provider.submission.journal import SubmissionJournal
from sora2_provider.submission.record import Record, RunIdentity
from sora2_provider.submission.records import RecordChanged, TaskRecords
from sora2_provider.submission.task_try import TaskTry
from tests.exact_errors import raises_exactly
from tests.unit.kept_records import LOG, POLICIES, Kept, intend, submit

STARTED = "2026-11-27T12:00:00+00:00"


@pytest.fixture
def store() -> Kept:
    return Kept()


@pytest.fixture
def task_try() -> TaskTry:
    return TaskTry(0, 1, run=RunIdentity(STARTED, 0))


@pytest.fixture
def two(store: Kept, task_try: TaskTry) -> tuple[SubmissionJournal, SubmissionJournal]:
    """Two creates of one try, each of which has a number."""
    both = tuple(SubmissionJournal(store, task_try, log=LOG) for _ in range(2))
    for one, digest in zip(both, ("a cat", "a dog"), strict=True):
        assert one.decide(digest, **POLICIES) == Submit()
    return both


def requests(store: Kept) -> list[str | None]:
    """What the records are of, in the order of their numbers."""
    return [record and record.digest for record in (store.record, store.numbered(2).record)]


def write(one: SubmissionJournal, digest: str) -> None:
    one.intend(digest, "sora2_default", {"prompt": digest})


def test_creates_that_write_in_another_order_than_they_were_begun_leave_no_gap(store, two):
    cat, dog = two
    write(dog, "a dog")
    assert requests(store) == ["a dog", None]
    write(cat, "a cat")
    assert requests(store) == ["a dog", "a cat"]


def test_a_create_whose_number_lies_behind_a_gap_by_now_takes_the_one_before(store, two):
    cat, dog = two
    write(cat, "a cat")
    store.remove()
    write(dog, "a dog")
    assert requests(store) == ["a dog", None]


def test_a_create_does_not_write_behind_the_record_of_a_later_try(store, two):
    later = SubmissionJournal(store, TaskTry(0, 2, run=RunIdentity(STARTED, 0)), log=LOG)
    submit(later, "video_of_later", "a fox")
    with raises_exactly(
        Sora2Error,
        match=r"Another process of this task instance is submitting its video now \(the record has changed\)",
    ):
        write(two[1], "a dog")
    assert requests(store) == ["a fox", None]


def test_a_create_that_may_be_repeated_is_written_over_its_own_record(store, two, task_try):
    for one, digest in zip(two, ("a cat", "a dog"), strict=True):
        write(one, digest)
    store.write(dataclasses.replace(store.record, video_id="video_cat"))
    before = store.numbered(2).record
    again = SubmissionJournal(store, TaskTry(0, 1, run=task_try.run), log=LOG)
    assert again.decide("a dog", on_clear="regenerate", on_unknown="resubmit") == Submit(unknown=True)
    write(again, "a dog")
    assert requests(store) == ["a cat", "a dog"]
    assert store.numbered(2).record.token != before.token


def test_a_record_that_another_deployment_has_written_over_is_not_passed_by(store, task_try):
    intend(SubmissionJournal(store, task_try, log=LOG))
    again = SubmissionJournal(store, TaskTry(0, 1, run=task_try.run), log=LOG)
    assert again.decide("a cat", on_clear="regenerate", on_unknown="resubmit") == Submit(unknown=True)
    elsewhere = {"token": "elsewhere", "run_started": "2026-11-20T12:00:00+00:00", "try_number": 9, "noted_at": 0.0}
    store.write(dataclasses.replace(store.record, **elsewhere))
    with raises_exactly(Sora2Error, match="Another process"):
        write(again, "a cat")
    assert requests(store) == ["a cat", None]


def test_a_record_that_was_there_for_a_moment_stops_the_create(task_try):
    class Flickers(Kept):
        def create(self, record: Record) -> bool:
            return False

    kept = Flickers()
    with raises_exactly(Sora2Error, match="the record is gone"):
        intend(SubmissionJournal(kept, task_try, log=LOG))
    assert kept.record is None


def test_a_refused_create_keeps_its_number_while_another_one_is_on_its_way(store, two):
    cat, dog = two
    write(cat, "a cat")
    cat.refused()
    assert store.record.ended is True
    write(dog, "a dog")
    assert requests(store) == ["a cat", "a dog"]


@pytest.mark.parametrize("note", ["delivered", "ended"])
def test_a_create_notes_nothing_in_the_record_of_another_one(store, two, note):
    for one, digest, video_id in zip(two, ("a cat", "a dog"), ("video_cat", "video_dog"), strict=True):
        write(one, digest)
        one.accepted(video_id)
    before = store.numbered(2).record
    getattr(two[0], note)("video_dog")
    assert store.numbered(2).record == before
    getattr(two[0], note)("video_cat")
    assert store.record.delivered_at if note == "delivered" else store.record.ended


def test_a_journal_that_has_chosen_no_record_takes_none_back(store):
    intend(SubmissionJournal(store, TaskTry(), log=LOG))
    before: Any = store.record
    SubmissionJournal(store, TaskTry(), log=LOG).refused()
    assert store.record == before


def test_a_late_process_does_not_note_that_its_video_is_delivered_once_a_later_try_has_it(store, task_try):
    one = SubmissionJournal(store, task_try, log=LOG)
    submit(one, "video_1")
    later = SubmissionJournal(store, TaskTry(3, 2, run=task_try.run), log=LOG)
    found = store.record
    assert later.decide("a cat", **POLICIES) == Resume(found, changed=False)
    later.adopt(found)
    one.delivered("video_1")
    assert store.record.delivered_at is None
    later.delivered("video_1")
    assert store.record.delivered_at is not None


def test_a_record_that_others_follow_is_ended_and_not_removed():
    kept = Kept()
    records = TaskRecords(kept)
    first, second = (Record(digest, "c", 0, 1.0, "t") for digest in ("a cat", "a dog"))
    assert records.replace(1, None, None) is None
    assert kept.writes == 0
    assert records.replace(1, None, first) == first
    assert records.replace(2, None, second) == second
    accepted = dataclasses.replace(first, video_id="video_1")
    assert records.replace(1, first, accepted) == accepted
    ended = dataclasses.replace(accepted, ended=True)
    assert records.replace(1, accepted, None) == kept.record == ended
    assert records.replace(2, second, None) is None
    assert list(records.all()) == [(1, ended)]
    with pytest.raises(RecordChanged, match="the record is gone"):
        records.replace(2, second, None)
