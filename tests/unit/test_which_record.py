"""Which of a task instance's records a create goes by, and which of the others a person is told of."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest

from sora2_provider.submission.decision import (
    OutcomeUnknown,
    RequestNeeded,
    Resume,
    Submit,
    decide_among,
    warnings,
)
from sora2_provider.submission.record import Record, RunIdentity
from sora2_provider.submission.task_try import Claims, TaskTry

BEGAN = 1000.0
NOW, BEFORE_A_CLEAR = 3, 0
RUN = RunIdentity("2026-11-27T12:00:00+00:00", 0)

UNKNOWN = Record("a dog", "c", NOW, 10.0, "t", noted_at=10.0, try_number=1, run_started=RUN.started)
REPORTED = dataclasses.replace(UNKNOWN, unknown_reported=True)
ACCEPTED = dataclasses.replace(UNKNOWN, video_id="video_dog")
DELIVERED = dataclasses.replace(ACCEPTED, delivered_at=20.0)
LOST = dataclasses.replace(ACCEPTED, unknown_reported=True)


def of_cat(record: Record) -> Record:
    return dataclasses.replace(record, digest="a cat", video_id=record.video_id and "video_cat")


def cleared(record: Record) -> Record:
    return dataclasses.replace(record, epoch=BEFORE_A_CLEAR)


def at(record: Record, moment: float) -> Record:
    return dataclasses.replace(record, delivered_at=moment)


def claims(*, used: tuple[int, ...] = (), done: tuple[int, ...] = (), asked: dict[int, str] | None = None) -> Claims:
    made = Claims()
    made.held = {object(): number for number in used}
    made.done = set(done)
    made.asked = asked or {}
    return made


FOREIGN = {"foreign": True}
#: The records, in the order of their numbers; what is known of the try; the policies; the record that is gone by, and the decision.
TABLE: dict[str, tuple[list[Record], dict[str, Any], dict[str, str], int, Any]] = {
    "no record": ([], {}, {}, 1, Submit()),
    "its own request, wherever it stands": ([ACCEPTED, of_cat(ACCEPTED)], {}, {}, 2, Resume(of_cat(ACCEPTED), False)),
    "its own request of before a clear": (
        [ACCEPTED, cleared(of_cat(ACCEPTED))],
        {},
        {},
        2,
        Resume(cleared(of_cat(ACCEPTED)), False),
    ),
    "its own request of this epoch first": (
        [cleared(of_cat(ACCEPTED)), of_cat(ACCEPTED)],
        {},
        {},
        2,
        Resume(of_cat(ACCEPTED), False),
    ),
    "a request that this try has made of it": (
        [ACCEPTED, of_cat(ACCEPTED)],
        {"claims": claims(asked={1: "a cat", 2: "a fox"})},
        {},
        1,
        Resume(ACCEPTED, True),
    ),
    "its own request, which is done": ([of_cat(DELIVERED)], {"claims": claims(used=(1,), done=(1,))}, {}, 2, Submit()),
    "an ended one": ([dataclasses.replace(of_cat(ACCEPTED), ended=True)], {}, {}, 1, Submit()),
    "another create's": ([dataclasses.replace(of_cat(ACCEPTED), key="film")], {}, {}, 2, Submit()),
    "any create's of 0.1.0": (
        [dataclasses.replace(of_cat(ACCEPTED), key=None)],
        {},
        {},
        1,
        Resume(dataclasses.replace(of_cat(ACCEPTED), key=None), False),
    ),
    "one that renders for another request": ([ACCEPTED], {}, {}, 1, Resume(ACCEPTED, True)),
    "one that renders, before one of before a clear": (
        [cleared(ACCEPTED), ACCEPTED],
        {},
        {},
        2,
        Resume(ACCEPTED, True),
    ),
    "an unknown outcome before a video": ([ACCEPTED, UNKNOWN], {}, {}, 2, OutcomeUnknown(UNKNOWN)),
    "an unknown outcome that may be paid again": (
        [UNKNOWN],
        {},
        {"on_unknown": "resubmit"},
        1,
        Submit(unknown=True),
    ),
    "one in use": ([ACCEPTED], {"claims": claims(used=(1,))}, {}, 2, Submit()),
    "an unknown one in use": ([UNKNOWN], {"claims": claims(used=(1,))}, {}, 2, Submit()),
    "one of before a clear in use": ([cleared(ACCEPTED)], {"claims": claims(used=(1,))}, {}, 2, Submit()),
    "delivered in this epoch": ([DELIVERED], {}, {}, 1, Resume(DELIVERED, True)),
    "delivered in this epoch, and another create has begun": (
        [DELIVERED],
        {"claims": claims(used=(2,))},
        {},
        3,
        Submit(),
    ),
    "delivered before this try, in another task's code": ([DELIVERED], FOREIGN, {}, 2, Submit()),
    "delivered since this try began, in another task's code": (
        [at(ACCEPTED, BEGAN)],
        FOREIGN,
        {},
        1,
        Resume(at(ACCEPTED, BEGAN), True),
    ),
    "rendering, in another task's code": ([ACCEPTED], FOREIGN, {}, 1, Resume(ACCEPTED, True)),
    "delivered since, but before a clear": ([cleared(at(ACCEPTED, BEGAN))], FOREIGN, {}, 1, Submit()),
    "rendering since before a clear": ([cleared(ACCEPTED)], {}, {}, 2, Submit(abandoned="video_dog")),
    "delivered before a clear": ([cleared(DELIVERED)], {}, {}, 1, Submit()),
    "delivered before a clear that may reuse it": ([cleared(DELIVERED)], {}, {"on_clear": "reuse"}, 2, Submit()),
    "lost before a clear": ([cleared(LOST)], {}, {}, 1, Submit(abandoned="video_dog")),
    "a gap that is free": ([dataclasses.replace(ACCEPTED, ended=True)], {"claims": claims(used=(1,))}, {}, 2, Submit()),
}


@pytest.mark.parametrize(("kept", "known", "policies", "number", "decision"), TABLE.values(), ids=TABLE)
def test_a_create_goes_by_the_record_that_the_table_says(kept, known, policies, number, decision):
    task_try = TaskTry(NOW, 1, run=RUN, **known)
    records = dict(enumerate(kept, 1))
    assert decide_among(records, task_try, digest="a cat", began=BEGAN, **policies) == (number, decision)


def test_a_request_that_is_not_known_yet_is_asked_for_only_where_a_record_rests_on_it():
    kept = cleared(ACCEPTED)
    assert decide_among({1: kept}, TaskTry(NOW, 1, run=RUN), digest=None, began=BEGAN) == (1, RequestNeeded(kept))
    assert decide_among({1: ACCEPTED}, TaskTry(NOW, 1, run=RUN), digest=None, began=BEGAN) == (
        1,
        Resume(ACCEPTED, False),
    )


def from_elsewhere(record: Record) -> Record:
    """The record as another deployment's, or as this run's before it was started anew."""
    return dataclasses.replace(of_cat(record), run_started="2026-11-20T12:00:00+00:00")


#: What costs least comes first.
BEST_FIRST = [
    of_cat(REPORTED),
    from_elsewhere(ACCEPTED),
    from_elsewhere(UNKNOWN),
    from_elsewhere(DELIVERED),
    from_elsewhere(REPORTED),
]


PAIRS = [*itertools.combinations(BEST_FIRST, 2), (from_elsewhere(LOST), from_elsewhere(UNKNOWN))]


@pytest.mark.parametrize(("better", "worse"), PAIRS)
def test_of_records_that_may_be_anothers_the_one_that_costs_least_is_gone_by(better, worse):
    number, _ = decide_among({1: worse, 2: better}, TaskTry(NOW, 2, run=RUN), digest="a cat", began=BEGAN)
    assert number == 2


NAMED = RunIdentity(RUN.started, 0, "here")
#: What a person is told of a record that a create for a cat does not go by.
TOLD: dict[str, tuple[Record, RunIdentity, dict[str, Any], str]] = {
    "an unknown outcome": (UNKNOWN, RUN, {}, "is unknown, too: a video may be rendering, and billed"),
    "one that was told": (REPORTED, RUN, {}, ""),
    "one with a video": (ACCEPTED, RUN, {}, ""),
    "one that has ended": (dataclasses.replace(UNKNOWN, ended=True), RUN, {}, ""),
    "one of the same request": (of_cat(UNKNOWN), RUN, {}, ""),
    "one in use": (UNKNOWN, RUN, {"used": (1,)}, ""),
    "one of a deployment with another name": (
        dataclasses.replace(from_elsewhere(UNKNOWN), digest="a dog", deployment="there"),
        NAMED,
        {},
        "",
    ),
    "one that a later try elsewhere has left": (
        dataclasses.replace(from_elsewhere(ACCEPTED), try_number=7),
        RUN,
        {},
        "A DAG run of this name that was started at 2026-11-20T12:00:00",
    ),
}


@pytest.mark.parametrize(("record", "run", "claimed", "said"), TOLD.values(), ids=TOLD)
def test_a_person_is_told_of_what_nobody_was_told_of(record, run, claimed, said):
    task_try = TaskTry(NOW, 2, run=run, claims=claims(**claimed))
    told = list(warnings({1: record}, task_try, "a cat"))
    assert len(told) == bool(said)
    assert all(said in warning for warning in told)


def test_a_person_is_told_when_and_with_which_connection_an_unknown_create_was_sent():
    (told,) = warnings({1: UNKNOWN}, TaskTry(NOW, 1, run=RUN), "a cat")
    assert "for another request, at 1970-01-01 00:00:10 UTC with connection 'c'," in told
