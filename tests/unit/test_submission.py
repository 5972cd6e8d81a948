"""The decision table: what a try does that finds a record, and how records are kept readable."""

from __future__ import annotations

import dataclasses
import json

import pytest

from sora2_provider.gateway.models import VideoRequest
from sora2_provider.submission.decision import OutcomeUnknown, RequestNeeded, Resume, Submit, decide
from sora2_provider.submission.record import Record, UnreadableRecord, digest_of

INTENT = Record("digest", "sora2_default", epoch=1, intent_at=1_700_000_000.0, token="t", noted_at=1_700_000_000.0)
ACCEPTED = dataclasses.replace(INTENT, video_id="video_1")
DELIVERED = dataclasses.replace(ACCEPTED, delivered_at=1_700_000_100.0)
LOST = dataclasses.replace(ACCEPTED, unknown_reported=True)
REPORTED = dataclasses.replace(INTENT, unknown_reported=True)
RESOLVED = dataclasses.replace(REPORTED, resolution="submit")

RETRY, CLEAR = 1, 4
SAME, CHANGED = "digest", "another"

# record, epoch, digest, policies -> decision
TABLE = [
    (None, RETRY, SAME, {}, Submit()),
    (None, CLEAR, SAME, {}, Submit()),
    (ACCEPTED, RETRY, SAME, {}, Resume(ACCEPTED, changed=False)),
    (ACCEPTED, RETRY, CHANGED, {}, Resume(ACCEPTED, changed=True)),
    (ACCEPTED, CLEAR, SAME, {}, Resume(ACCEPTED, changed=False)),
    (ACCEPTED, CLEAR, CHANGED, {}, Submit(abandoned="video_1")),
    (ACCEPTED, CLEAR, CHANGED, {"on_clear": "reuse"}, Submit(abandoned="video_1")),
    (DELIVERED, RETRY, SAME, {}, Resume(DELIVERED, changed=False)),
    (DELIVERED, RETRY, CHANGED, {}, Resume(DELIVERED, changed=True)),
    (DELIVERED, CLEAR, SAME, {}, Submit()),
    (DELIVERED, CLEAR, CHANGED, {}, Submit()),
    (DELIVERED, CLEAR, SAME, {"on_clear": "reuse"}, Resume(DELIVERED, changed=False)),
    (DELIVERED, CLEAR, CHANGED, {"on_clear": "reuse"}, Submit()),
    (DELIVERED, CLEAR, CHANGED, {"began": 1_700_000_099.0}, Submit()),
    (RESOLVED, RETRY, SAME, {}, Submit(unknown=True)),
    (
        dataclasses.replace(RESOLVED, video_id="video_1"),
        RETRY,
        SAME,
        {},
        Resume(dataclasses.replace(RESOLVED, video_id="video_1"), changed=False),
    ),
    (DELIVERED, CLEAR, SAME, {"began": 1_700_000_099.0}, Resume(DELIVERED, changed=False)),
    (DELIVERED, CLEAR, SAME, {"began": 1_700_000_100.0}, Resume(DELIVERED, changed=False)),
    (DELIVERED, CLEAR, SAME, {"began": 1_700_000_101.0}, Submit()),
    (INTENT, RETRY, SAME, {}, OutcomeUnknown(INTENT)),
    (INTENT, RETRY, CHANGED, {}, OutcomeUnknown(INTENT)),
    (INTENT, CLEAR, SAME, {}, OutcomeUnknown(INTENT)),
    (INTENT, RETRY, SAME, {"on_unknown": "resubmit"}, Submit(unknown=True)),
    (INTENT, CLEAR, SAME, {"on_unknown": "resubmit"}, Submit(unknown=True)),
    (REPORTED, RETRY, SAME, {}, OutcomeUnknown(REPORTED)),
    (REPORTED, CLEAR, SAME, {}, Submit(unknown=True)),
    (REPORTED, CLEAR, SAME, {"began": 1_700_000_001.0}, Submit(unknown=True)),
    (REPORTED, CLEAR, SAME, {"began": 1_700_000_000.0}, OutcomeUnknown(REPORTED)),
    (REPORTED, CLEAR, SAME, {"began": 1_600_000_000.0}, OutcomeUnknown(REPORTED)),
    (LOST, CLEAR, SAME, {"began": 1_600_000_000.0}, Resume(LOST, changed=False)),
    (REPORTED, CLEAR, SAME, {"on_clear": "reuse"}, Submit(unknown=True)),
    (LOST, RETRY, SAME, {}, Resume(LOST, changed=False)),
    (LOST, CLEAR, SAME, {}, Submit(abandoned="video_1")),
    (LOST, CLEAR, SAME, {"on_clear": "reuse"}, Submit(abandoned="video_1")),
]


@pytest.mark.parametrize(("record", "epoch", "digest", "policies", "expected"), TABLE)
def test_the_decision_is_as_the_table_says(record, epoch, digest, policies, expected):
    assert decide(record, epoch=epoch, digest=digest, **policies) == expected


@pytest.mark.parametrize("record", [INTENT, ACCEPTED, DELIVERED, LOST, REPORTED])
def test_a_record_survives_its_store(record):
    assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_the_first_records_that_were_ever_written_stay_readable():
    kept = (
        '{"version": 1, "digest": "abc", "conn_id": "sora2_default", "epoch": 1, "intent_at": 1790000000.5, '
        '"token": "0011", "video_id": "sora-2:task_1", "unknown_reported": false, "delivered_at": null}'
    )
    expected = Record("abc", "sora2_default", 1, 1790000000.5, "0011", video_id="sora-2:task_1", key=None)
    assert Record.from_json(json.loads(kept)) == expected


BROKEN = {
    "no object": "video_1",
    "a list": [],
    "empty": {},
    "of a newer release": {**ACCEPTED.to_json(), "version": 3},
    "of no release": {**ACCEPTED.to_json(), "version": 0},
    "on a wire that is not spoken": {**ACCEPTED.to_json(), "dialect": "morse"},
    "a resolution of another kind": {**ACCEPTED.to_json(), "resolution": "perhaps"},
    "a bool for a number": {**ACCEPTED.to_json(), "epoch": True},
    "a word for a bool": {**ACCEPTED.to_json(), "unknown_reported": "no"},
    "an empty id": {**ACCEPTED.to_json(), "video_id": ""},
    "an id of another type": {**ACCEPTED.to_json(), "video_id": 17},
    "a request that is none": {**ACCEPTED.to_json(), "request": "a cat"},
    "without a token": {name: value for name, value in ACCEPTED.to_json().items() if name != "token"},
}


@pytest.mark.parametrize("value", BROKEN.values(), ids=BROKEN)
def test_a_record_that_cannot_be_read_is_never_taken_for_none(value):
    with pytest.raises(UnreadableRecord):
        Record.from_json(value)


def test_the_same_request_has_the_same_digest_for_ever():
    request = VideoRequest("一只猫", extra={"b": 1, "a": {"d": 2, "c": 3}})
    assert digest_of(request, "c") == "f0883bfea097d46022564da1a5c519a8cc726dd9c044a4e461e0ee5ed8513a61"


def test_a_presigned_link_may_change_and_the_request_is_the_same():
    first = VideoRequest("a cat", images=["https://b.example/a.png?X-Signature=1"])
    again = VideoRequest("a cat", images=["https://b.example/a.png?X-Signature=2#x"])
    assert digest_of(first, "c") == digest_of(again, "c")


@pytest.mark.parametrize(
    ("request_", "conn_id"),
    [
        (VideoRequest("a dog"), "c"),
        (VideoRequest("a cat", duration=15), "c"),
        (VideoRequest("a cat", extra={"watermark": False}), "c"),
        (VideoRequest("a cat", images=["https://b.example/b.png"]), "c"),
        (VideoRequest("a cat"), "another"),
    ],
)
def test_every_other_change_makes_another_submission(request_, conn_id):
    assert digest_of(request_, conn_id) != digest_of(VideoRequest("a cat"), "c")


ALL_CASES = [
    (record, epoch, began, on_clear, on_unknown)
    for record in (None, INTENT, ACCEPTED, DELIVERED, LOST, REPORTED)
    for epoch in (RETRY, CLEAR)
    for began in (1_600_000_000.0, 1_700_000_099.0, 1_800_000_000.0)
    for on_clear in ("regenerate", "reuse")
    for on_unknown in ("fail", "resubmit")
]


@pytest.mark.parametrize(("record", "epoch", "began", "on_clear", "on_unknown"), ALL_CASES)
def test_the_request_is_asked_for_exactly_where_the_answer_rests_on_it(record, epoch, began, on_clear, on_unknown):
    def answer(digest):
        return decide(record, epoch=epoch, digest=digest, on_clear=on_clear, on_unknown=on_unknown, began=began)

    same, changed, without = answer(SAME), answer(CHANGED), answer(None)
    if type(same) is not type(changed):
        assert without == RequestNeeded(record)
    else:
        assert without == same
