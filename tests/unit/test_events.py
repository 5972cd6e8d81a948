"""What a trigger tells the task that it woke."""

from __future__ import annotations

import json

import pendulum
import pytest

from sora2_provider.gateway.errors import RateLimited, SubmissionUnknown
from sora2_provider.gateway.models import Usage, Video, VideoStatus
from sora2_provider.gateway.polling.wait import Finished, Outcome
from sora2_provider.triggers.events import UnreadableEvent, from_event, to_event

VIDEO = Video(
    "sora-2:task_1",
    VideoStatus.COMPLETED,
    progress=100,
    url="https://cdn.example.com/a.mp4?sig=1",
    model="sora-2",
    created_at=pendulum.datetime(2026, 1, 1, 12, 0, 1),
    completed_at=pendulum.datetime(2026, 1, 1, 12, 2),
    usage=Usage(50, 0, 50),
    status_word="SUCCESS",
    raw={"large": "x" * 10_000},
)
LIMITED = RateLimited(
    "slow down", code="busy", http_status=429, request_id="r1", retry_after=3.5, transient=True, to_do="Wait."
)


@pytest.mark.parametrize(
    "finished",
    [
        Finished(Outcome.COMPLETED, VIDEO),
        Finished(Outcome.TIMEOUT, None, LIMITED),
        Finished(Outcome.TIMEOUT),
        Finished(Outcome.UNREACHABLE, VIDEO, LIMITED),
    ],
)
def test_an_event_survives_the_database_and_is_small(finished):
    event = json.loads(json.dumps(to_event("sora-2:task_1", finished)))
    assert len(json.dumps(event)) < 2_000
    read = from_event(event, video_id="sora-2:task_1")
    assert read.outcome is finished.outcome
    assert read.video == finished.video, "but for raw, which does not count"
    if finished.error is None:
        assert read.error is None
    else:
        assert type(read.error) is RateLimited
        assert (str(read.error), read.error.retry_after, read.error.transient) == (str(LIMITED), 3.5, True)
        assert read.error.remedy == "Wait."


GOOD = to_event("video_1", Finished(Outcome.COMPLETED, Video("video_1", VideoStatus.COMPLETED)))
BAD = {
    "missing": None,
    "no mapping": "completed",
    "another version": {**GOOD, "version": 2},
    "without a version": {key: value for key, value in GOOD.items() if key != "version"},
    "another video": {**GOOD, "video_id": "video_2"},
    "an unknown outcome": {**GOOD, "outcome": "great"},
    "completed without a video": {**GOOD, "video": None},
    "a video with a status that nobody knows": {**GOOD, "video": {**GOOD["video"], "status": "paused"}},
    "a video without a status": {**GOOD, "video": {"id": "video_1"}},
    "an error without a message": {**GOOD, "outcome": "timeout", "error": {"kind": "RateLimited"}},
}


@pytest.mark.parametrize("event", BAD.values(), ids=BAD)
def test_an_event_that_cannot_be_read_fails_loudly(event):
    with pytest.raises(UnreadableEvent):
        from_event(event, video_id="video_1")


def test_an_event_names_no_class_but_an_error_of_the_gateway():
    event = {**GOOD, "outcome": "timeout", "error": {"kind": "annotations", "message": "x"}}
    assert type(from_event(event, video_id="video_1").error).__name__ == "GatewayError"
    event["error"]["kind"] = "SubmissionUnknown"
    assert type(from_event(event, video_id="video_1").error) is SubmissionUnknown
