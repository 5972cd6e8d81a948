"""The submitter by itself: what it sends for each decision, what it logs, and what it hands over."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from sora2_provider.exceptions import FinalError
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.reporting.endings import End, Ending
from sora2_provider.spending.caps import SpendingGuard
from sora2_provider.spending.limits import SpendingLimits
from sora2_provider.submission.decision import OutcomeUnknown, RequestNeeded, Resume, Submit
from sora2_provider.submission.record import Record
from sora2_provider.submission.signals import StopNotice
from sora2_provider.submission.submitter import Accepted, Submitter
from tests.exact_errors import raises_exactly
from tests.unit.durable import failing
from tests.unit.kept_records import Kept, journal

LOG = logging.getLogger(__name__)
REQUEST = VideoRequest("a cat")
RECORD = Record("a cat", "sora2_default", 0, 1.0, "t", video_id="video_1")


@pytest.fixture
def submitter(gateway: Any) -> Iterator[Submitter]:
    with Sora2Client(GatewaySettings(gateway.url, "sk-x")) as client:
        guard = SpendingGuard("sora2_default", SpendingLimits(), client, log=LOG)
        yield Submitter(client, guard, journal(Kept()), conn_id="sora2_default", stop=StopNotice(), log=LOG)


@pytest.mark.parametrize(
    ("decision", "request_"), [(Submit(), None), (RequestNeeded(RECORD), REQUEST), (RequestNeeded(RECORD), None)]
)
def test_without_a_request_to_submit_nothing_is_sent(gateway, submitter, decision, request_):
    with raises_exactly(FinalError, match="There is no request to submit"):
        submitter.settle(decision, request_)
    assert gateway.requests == ()


SAID = {
    "nothing": (Submit(), []),
    "what may have been paid": (Submit(unknown=True), ["may have been paid for; as decided, another one is submitted"]),
    "what is given up": (Submit(abandoned="video_0"), ["Video video_0 of an earlier try is given up"]),
}


@pytest.mark.parametrize(("decision", "warnings"), SAID.values(), ids=SAID)
def test_a_person_is_warned_of_what_was_or_may_have_been_paid_before(submitter, caplog, decision, warnings):
    assert isinstance(submitter.settle(decision, REQUEST), Accepted)
    warned = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert len(warned) == len(warnings)
    assert all(text in one for one, text in zip(warned, warnings, strict=True))


@pytest.mark.parametrize("task_id", ["", "task_7"])
def test_other_ids_in_the_answer_to_a_create_are_logged(gateway, submitter, caplog, task_id):
    caplog.set_level(logging.INFO)
    named = {"data": {"task_id": task_id}} if task_id else {}
    gateway.fault(route="create", body={"id": "video_1", "status": "queued", **named}, accept=True)
    submitter.settle(Submit(), REQUEST)
    assert ("Its answer also names: " in caplog.text) is bool(task_id)
    assert task_id in caplog.text


@pytest.mark.parametrize("kept", [{}, {"prompt": "a dog"}], ids=["a record of the first release", "any other"])
@pytest.mark.parametrize("request_", [None, REQUEST], ids=["no request", "a request"])
def test_a_video_that_is_taken_up_comes_with_what_was_sent_for_it(submitter, kept, request_):
    record = dataclasses.replace(RECORD, request=kept)
    accepted = submitter.settle(Resume(record, changed=False), request_)
    assert accepted.request == (kept or (REQUEST.to_json() if request_ else {}))
    assert accepted.since == RECORD.intent_at


def test_an_outcome_that_is_unknown_from_before_ends_with_its_own_connection_and_time(gateway, submitter):
    record = dataclasses.replace(RECORD, video_id=None, conn_id="another", intent_at=77.0)
    ending = submitter.settle(OutcomeUnknown(record), REQUEST)
    assert (ending.end, ending.conn_id, ending.sent_at) == (End.UNKNOWN_BEFORE, "another", 77.0)
    assert gateway.requests == ()


def test_a_create_that_is_interrupted_ends_with_what_interrupted_it_and_when_it_was_sent(submitter, monkeypatch):
    interruption = SystemExit(3)
    monkeypatch.setattr("sora2_provider.submission.submitter.time", SimpleNamespace(time=lambda: 77.0))
    monkeypatch.setattr(Sora2Client, "create_video", failing(interruption))
    ending = submitter.settle(Submit(), REQUEST)
    assert isinstance(ending, Ending)
    assert ending.end is End.UNKNOWN
    assert ending.error.__cause__ is interruption
    assert ending.sent_at == 77.0
