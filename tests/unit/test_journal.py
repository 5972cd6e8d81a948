"""The journal's one guarded write: what a process that wakes late may still change, and what it may not."""

from __future__ import annotations

import dataclasses

import pytest

from sora2_provider.exceptions import FinalError, Sora2Error
from sora2_provider.submission.decision import RequestNeeded, Resume, Submit
from sora2_provider.submission.journal import SubmissionJournal
from sora2_provider.submission.record import Record
from sora2_provider.submission.stores import RecordUnavailable
from sora2_provider.submission.task_try import TaskTry
from tests.exact_errors import raises_exactly
from tests.unit.durable import failing
from tests.unit.kept_records import LOG, POLICIES, Kept, intend, journal, submit


@pytest.fixture
def store() -> Kept:
    return Kept()


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


def test_an_id_is_written_where_the_record_is_gone_and_the_store_was_away_for_a_moment(monkeypatch):
    monkeypatch.setattr("sora2_provider.submission.journal._PAUSE", 0.0)

    class Away(Kept):
        times = 1

        def create(self, record: Record) -> bool:
            if record.video_id and self.times:
                self.times -= 1
                raise RecordUnavailable("away")
            return super().create(record)

    kept = Away()
    one = intend(journal(kept))
    kept.remove()
    one.accepted("video_1")
    assert (kept.record.video_id, kept.times) == ("video_1", 0)


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


@pytest.fixture
def taken_up(store) -> SubmissionJournal:
    """A journal whose try, after a clear, goes on with the video of an earlier one."""
    submit(journal(store), "video_1")
    later = journal(store, 2, epoch=3)
    assert later.decide("a cat", **POLICIES) == Resume(store.record, changed=False)
    return later


def test_a_video_that_cannot_be_adopted_in_writing_is_left_to_a_retry(store, taken_up, monkeypatch):
    monkeypatch.setattr(store, "write", failing(RecordUnavailable("away")))
    with raises_exactly(Sora2Error, match="The record of this task's video video_1 cannot be written: away"):
        taken_up.adopt(store.record)


def test_a_video_that_another_process_has_taken_over_is_not_adopted(store, taken_up):
    found = store.record
    store.write(dataclasses.replace(found, token="another", video_id="video_2"))
    with raises_exactly(Sora2Error, match="Another process of this task instance has taken video video_1 over"):
        taken_up.adopt(found)
    assert store.record.video_id == "video_2"


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
    pauses = []
    monkeypatch.setattr("sora2_provider.submission.journal.time.sleep", pauses.append)

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
    assert pauses == [1.0]


def test_an_intent_whose_writing_fails_and_happened_all_the_same_is_taken_back():
    class Fails(Kept):
        def create(self, record: Record) -> bool:
            super().create(record)
            raise RecordUnavailable("the answer was lost")

    kept = Fails()
    with raises_exactly(Sora2Error, match="cannot be written: the answer was lost"):
        intend(journal(kept))
    assert kept.record is None


def test_a_refusal_removes_the_record_though_a_later_try_has_reported_it(store):
    one = intend(journal(store, 1))
    later = journal(store, 2)
    later.decide("a cat", **POLICIES)
    later.mark_outcome_unknown(RuntimeError("unknown"))
    assert store.record.try_number == 2
    one.refused()
    assert store.record is None


def test_a_change_of_nothing_writes_nothing(store):
    submit(journal(store, 1), "video_1")
    before = store.writes
    again = journal(store, 1)
    again.decide("a cat", **POLICIES)
    again.mark_outcome_unknown(RuntimeError("unknown"))
    assert store.writes == before, "the id is known"
    again.adopt(store.record)
    assert store.writes == before, "it is this epoch's"


def test_a_request_that_a_try_has_made_of_another_one_is_known_to_it(store):
    submit(journal(store, 1), "video_1")
    task_try = TaskTry(0, 2)
    for _ in range(2):
        decision = SubmissionJournal(store, task_try, log=LOG).decide("a dog", **POLICIES)
        assert decision == Resume(store.record, changed=True)


def test_a_request_that_is_known_by_now_is_decided_upon_as_if_it_had_been_known_before(store):
    submit(journal(store, 1), "video_1")
    cleared = journal(store, 1, epoch=3)
    assert cleared.decide(None, **POLICIES) == RequestNeeded(store.record)
    assert cleared.decide("a dog", **POLICIES) == Submit(abandoned="video_1")


def test_without_a_store_nothing_is_kept_and_nothing_fails():
    one = SubmissionJournal(None, log=LOG)
    submit(one, "video_1")
    one.adopt(Record("a cat", "c", 7, 1.0, "t", video_id="video_1"))
    for note in (one.delivered, one.ended):
        note("video_1")
    one.mark_outcome_unknown(RuntimeError("unknown"))
    one.refused()
    assert one.durable is False
    assert one.decide("a cat", **POLICIES) == Submit()


def test_what_is_changed_between_read_and_comparison_is_seen(store):
    submit(journal(store, 1), "video_1")
    store.after_read = lambda: store.write(dataclasses.replace(store.record, token="another", video_id="video_2"))
    journal(store, 1).delivered("video_1")
    assert store.record.delivered_at is None
