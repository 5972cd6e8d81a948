"""What an answer says of a video, by the API's rules, in shapes that stand in no row of ``responses.json``."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sora2_provider.gateway.models import Video, VideoStatus
from sora2_provider.gateway.parsing import videos as responses
from tests.unit.gateway.reading import ASKED_FOR, LINK, created, layered, queried

STATUS_WORDS = {
    "queued": "pending queued submitted not_start",
    "in_progress": (
        "processing in_progress running generating initializing preprocessing image_downloading video_generating video_upsampling "
        "video_generation_completed"
    ),
    "completed": "completed success succeeded succeed done finished ready video_upsampling_completed",
    "failed": "failed failure fail error expired video_generation_failed video_upsampling_failed",
    "cancelled": "cancelled canceled",
    "unknown": "unknown paused reviewing quite_new",
}


@pytest.mark.parametrize("key", ["status", "task_status", "state"])
@pytest.mark.parametrize("change", [str, str.upper, str.title, str.swapcase], ids=["as_is", "upper", "title", "swap"])
@pytest.mark.parametrize(
    ("word", "normalised"), [(word, name) for name, words in STATUS_WORDS.items() for word in words.split()]
)
def test_every_status_word_is_read_in_every_case(word: str, normalised: str, change: Any, key: str) -> None:
    video = queried({"id": "v", key: change(word)})
    assert video.status.value == normalised
    assert video.status_word == change(word)


@pytest.mark.parametrize("word", ["", None, 200, True, [], {}])
def test_a_status_that_is_no_word_is_missing(word: Any) -> None:
    assert queried({"id": "v", "status": word}).status is VideoStatus.UNKNOWN
    assert created({"id": "v", "status": word}).status is VideoStatus.QUEUED


@pytest.mark.parametrize(
    ("reason", "content", "expected"),
    [
        ("processing", "", VideoStatus.IN_PROGRESS),
        ("stop", f"[here]({LINK})", VideoStatus.COMPLETED),
        ("stop", "no link", VideoStatus.UNKNOWN),
        ("length", f"[here]({LINK})", VideoStatus.UNKNOWN),
    ],
)
def test_a_chat_answer_has_its_status_in_the_finish_reason(reason: str, content: str, expected: VideoStatus) -> None:
    body = {"id": "v", "choices": [{"message": {"content": content}, "finish_reason": reason}]}
    assert queried(body).status is expected


IDS: dict[str, list[Any]] = {
    "a:b.c": [{"id": "a:b.c"}],
    "17": [{"id": 17}],
    "1998765432109876543": [{"task_id": 1998765432109876543}],
    "1532": [{"data": {"id": 1532}}],
    "t": [
        {"task_id": "t"}, {"taskId": "t"}, {"video_id": "t"}, {"id": "", "task_id": "t"}, {"id": None, "data": {"id": "t"}},
        {"id": 1532, "task_id": "t"}, {"data": {"id": 1532, "task_id": "t"}}, {"data": {"id": "row", "task_id": "t"}},
        {"data": {"taskId": "t"}}, {"data": [{"task_id": "t"}]}, {"result": {"id": "t"}}, {"output": {"task_id": "t"}},
        {"data": "t"}, [{"id": "t"}],
        {"code": "success", "message": "", "data": "t"},
        {"code": "success", "message": "", "data": {"id": 4, "task_id": "t"}},
        {"code": 0, "message": "SUCCEED", "data": {"task_id": "t", "task_status": "submitted"}},
        {"code": 200, "msg": "操作成功", "data": {"taskId": "t"}},
        {"code": 10000, "message": "Success", "data": {"task_id": "t"}}, {"code": 10000, "data": {"task_id": "t"}},
        {"status": "success", "data": "t"}, {"status": "success", "task_id": "t"}, {"success": True, "data": {"task_id": "t"}},
        {"task_id": "t", "detail": "Task submitted"}, {"task_id": "t", "detail": "请稍后查询"},
        {"task_id": "t", "code": "submitted", "message": "Task accepted"},
        {"id": "t", "code": 100, "msg": "任务已提交，请稍后查询"},
        {"id": "t", "code": "accepted", "message": "Started, please try again later to see it"},
        {"id": "t", "error": None}, {"id": "t", "error": ""}, {"id": "t", "error": "none"}, {"id": "t", "error": {}},
        {"id": "t", "error": {"code": 0, "message": "string"}},
        {"id": "t", "status": "queued", "error": {"code": "", "message": "noise"}},
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "body"), [(expected, body) for expected, bodies in IDS.items() for body in bodies], ids=str
)
def test_a_create_that_names_a_video_is_accepted_and_queued(expected: str, body: Any) -> None:
    video = created(body)
    assert (video.id, video.status) == (expected, VideoStatus.QUEUED)
    assert (video.error_code, video.error_message, video.failure_permanent) == (None, None, False)


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("layers", [0, 1, 2, 3])
def test_json_inside_strings_is_read_up_to_three_layers(status: int, layers: int) -> None:
    assert created(layered({"id": "t", "status": "processing"}, layers), status).status is VideoStatus.IN_PROGRESS
    video = queried(layered({"id": "t", "status": "completed", "url": LINK}, layers), status)
    assert video.url == LINK


PROGRESS: list[tuple[Any, int | None]] = [
    (0, 0), (1, 1), ("1%", 1), (30, 30), ("30", 30), ("30%", 30), (" 30 % ", 30), (0.3, 30), ("0.3", 30), ("0.5%", 0), (55.4, 55),
    (100, 100), (250, 100), (-3, 0), ("soon", None), (None, None), (True, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "progress"),
    [
        *(({"progress": value}, progress) for value, progress in PROGRESS),
        ({"status": "queued", "progress": 0}, 0),
        ({"status": "failed", "progress": 100}, 100),
        ({"data": {"task_id": "t", "progress": "10%"}}, 10),
        ({"detail": {"pending_info": {"progress_pct": 0.97}}}, 97),
        ({"detail": {"pending_info": {"progress_pct": 1}}}, 100),
        ({"progress": 12, "detail": {"pending_info": {"progress_pct": 0.5}}}, 12),
    ],
    ids=str,
)
def test_progress_is_read_in_percent_from_all_its_forms(body: dict[str, Any], progress: int | None) -> None:
    assert queried({"id": "v", "status": "processing", **body}).progress == progress


@pytest.mark.parametrize("key", ["created_at", "status_update_time", "completed_at", "expires_at"])
@pytest.mark.parametrize("value", [1_700_000_000, 1_700_000_000_000, "1700000000", "2023-11-14T22:13:20Z"])
def test_times_are_seconds_or_milliseconds_or_iso_8601(key: str, value: Any) -> None:
    video = queried({"id": "v", "status": "completed", key: value}).to_dict()
    name = {"status_update_time": "updated_at"}.get(key, key)
    assert video[name] == "2023-11-14T22:13:20+00:00"


@pytest.mark.parametrize("value", [0, -1, None, "", "soon", 1e300, True, {}, "0000-00-00"])
def test_a_time_that_is_none_is_left_out(value: Any) -> None:
    assert queried({"id": "v", "status": "completed", "expires_at": value}).expires_at is None


def test_a_query_answer_without_an_id_describes_the_video_that_was_asked_for() -> None:
    assert queried({"status": "processing"}).id == ASKED_FOR
    assert responses.read_video(200, {}, b'{"status": "processing"}').id == ""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"status": "video_generation_completed", "video_url": LINK}, "completed"),
        ({"code": "success", "data": {"task_id": "t", "status": "FAILURE", "fail_reason": "no GPU"}}, "failed"),
        ({"code": "success", "data": {"task_id": "t", "status": "IN_PROGRESS"}}, "in_progress"),
        ({"code": "success", "data": {"id": 5, "task_id": "t"}}, "unknown"),
        ({"code": "success", "message": "", "data": None}, "unknown"),
        ({"status": "success", "data": {"task_id": "t", "status": "processing"}}, "in_progress"),
        ({"status": "success", "data": {"state": "processing"}}, "in_progress"),
        ({"status": "success", "data": {"status": "processing", "video_url": LINK}}, "in_progress"),
        ({"status": "success", "data": {"task_id": "t", "progress": "10%"}}, "unknown"),
        ({"id": "t", "status": "processing", "data": {"status": "succeeded", "video_url": LINK}}, "in_progress"),
        ({"id": "t", "status": "completed", "data": {"status": "running"}}, "completed"),
        ({"id": "t", "status": "processing", "detail": {"status": "failed"}}, "in_progress"),
        ({"id": "t", "data": {"status": "completed"}}, "completed"),
        ({"id": "t", "detail": {"status": "completed", "url": LINK}}, "completed"),
        ({"code": "success", "data": {"task_id": "t", "data": {"status": "succeeded"}}}, "completed"),
        ({"code": "success", "data": {"task_id": "t", "status": "QUEUED", "data": {"status": "failed"}}}, "queued"),
    ],
    ids=str,
)
def test_the_gateways_own_word_about_the_video_counts(body: dict[str, Any], expected: str) -> None:
    video = queried(body)
    assert video.status.value == expected
    assert video.url == (LINK if expected == "completed" and LINK in str(body) else None)


@pytest.mark.parametrize("word", ["processing", "queued", "completed", "unknown", "cancelled", "brand_new"])
@pytest.mark.parametrize(
    "noise",
    [{"error": {"code": "rate_limit", "message": "slow"}}, {"error": "text"}, {"fail_reason": "text"},
     {"error_message": "text"}, {"code": 400, "message": "text"}, {"success": False}, {"detail": "text"}],
    ids=str,
)  # fmt: skip
def test_a_video_that_is_not_failed_carries_no_error(word: str, noise: dict[str, Any]) -> None:
    video = queried({"id": "v", "status": word, **noise})
    assert (video.error_code, video.error_message, video.failure_permanent) == (None, None, False)


@pytest.mark.parametrize(
    ("body", "code", "message", "permanent"),
    [
        ({"error": {"code": "moderation_blocked", "message": "no"}}, "moderation_blocked", "no", True),
        ({"error": {"code": "", "message": "content policy violation"}}, None, "content policy violation", True),
        ({"error": {"code": "sentinel_block", "message": "try again later"}}, "sentinel_block", "try again later", True),
        ({"error": {"code": "invalid_image", "message": "no"}}, "invalid_image", "no", True),
        ({"error": "服务繁忙"}, None, "服务繁忙", False),
        ({"error": {"code": "internal_error", "message": "boom"}}, "internal_error", "boom", False),
        ({"error": {"code": 0, "message": "boom"}}, None, "boom", False),
        ({"error": {"message": '{"error": {"code": "input_blocked", "message": "x"}}'}}, "input_blocked", "x", True),
        ({"fail_reason": "upstream timeout"}, None, "upstream timeout", False),
        ({"error_message": "图片审核未通过"}, None, "图片审核未通过", True),
        ({"message": "success"}, None, None, False),
        ({"data": {"task_id": "t", "fail_reason": "no GPU"}}, None, "no GPU", False),
        ({"error": {"code": "", "message": ""}, "metadata": {"url": "boom"}}, None, "boom", False),
        ({"error": {"message": "user quota is not enough"}}, None, "user quota is not enough", False),
        ({}, None, None, False),
    ],
    ids=str,
)  # fmt: skip
def test_a_failed_video_says_why_and_whether_it_would_fail_again(
    body: dict[str, Any], code: str | None, message: str | None, permanent: bool
) -> None:
    video = queried({"id": "v", "status": "failed", **body})
    assert (video.error_code, video.error_message, video.failure_permanent) == (code, message, permanent)


WAITING = {
    "a detail": {"detail": {"status": "processing", "pending_info": {"failure_reason": None}}},
    "no error": {"error": None},
    "an error without a word": {"error": "", "error_message": "", "detail": "", "errors": []},
    "an error of nothing": {"error": {"code": "", "message": ""}},
    "the code of success": {"code": 0, "message": "ok"},
    "success": {"success": True, "error": ""},
}


@pytest.mark.parametrize("beside", WAITING.values(), ids=WAITING)
def test_of_a_video_that_goes_on_rendering_only_what_a_waiter_needs_is_read(beside):
    """To read the whole of it, or to look for errors where none is told, takes twice the time, at each poll."""
    body = json.dumps({"id": "video_1", "status": "processing", "progress": 40, **beside}).encode()
    assert type(responses.read_state(200, {}, body, video_id="video_1")) is responses.UnfinishedVideo


@pytest.mark.parametrize("beside", [{"error": "gone"}, {"success": False}, {"detail": {"error": "gone"}}], ids=str)
def test_and_the_whole_of_it_where_an_error_stands_beside_it(beside):
    body = json.dumps({"id": "video_1", "status": "processing", **beside}).encode()
    assert type(responses.read_state(200, {}, body, video_id="video_1")) is Video
