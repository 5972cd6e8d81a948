"""A question that failed is not a rendering that failed."""

from __future__ import annotations

from typing import Any

import pytest

from sora2_provider.gateway import errors
from tests.unit.gateway.reading import LINK, queried, refused_query

LOCKED = {"message": "database is locked"}
OF_THE_QUESTION: list[dict[str, Any]] = [
    {"status": "error", **LOCKED},
    {"status": "failed", "error": LOCKED},
    {"status": "FAILURE", "msg": "connection to the database is lost", "data": None},
    {"state": "fail", **LOCKED, "progress": None, "video_url": None, "id": None},
    {"code": 0, "status": "error", "error": {"type": "OperationalError", **LOCKED}},
    {"code": "success", "message": "", "data": {"status": "failed", "error": LOCKED}},
    {"status": "error", "timestamp": "2026-11-20T10:00:00Z", "path": "/v1/video/query", **LOCKED},
    {"status": "error", "request_id": "r-1", "error": "Internal Server Error"},
    {"status": "error", "error": "查询任务失败"},
    {"status": "fail", "data": {}},
    {"status": "failed"},
    {"status": "expired", "message": "session expired"},
    {"status": "cancelled", "message": "context canceled"},
    {"status": "cancelled"},
    {"status": "success"},
    {"status": "success", "message": "ok"},
    {"status": "completed"},
]


@pytest.mark.parametrize("body", OF_THE_QUESTION, ids=str)
def test_an_answer_that_speaks_of_no_video_ends_no_rendering(body: dict[str, Any]) -> None:
    error = refused_query(body)
    assert isinstance(error, (errors.GatewayUnavailable, errors.UnreadableResponse))
    assert error.transient


OF_THE_VIDEO: list[dict[str, Any]] = [
    {"id": "v", "status": "failed", "error": LOCKED},
    {"task_id": "v", "task_status": "failed"},
    {"data": {"task_id": "v", "status": "FAILURE"}},
    {"status": "failed", "progress": 0},
    {"status": "failed", "model": "sora-2"},
    {"status": "error", "created_at": 1_700_000_000},
    {"status": "failed", "fail_reason": "no GPU"},
    {"status": "failed", "object": "video"},
    {"data": {"status": "failed", "submit_time": 1_700_000_000}},
    {"status": "failed", "error": {"code": "content_policy_violation", "message": "a real person"}},
    {"status": "cancelled", "prompt": "a cat"},
    {"status": "expired", "model": "sora-2"},
]


@pytest.mark.parametrize("body", OF_THE_VIDEO, ids=str)
def test_an_answer_that_speaks_of_the_video_ends_its_rendering(body: dict[str, Any]) -> None:
    assert queried(body).status.value in ("failed", "cancelled")


@pytest.mark.parametrize(
    "facts", [{"video_url": LINK}, {"id": "v"}, {"progress": 100}, {"data": {"url": LINK}}], ids=str
)
def test_a_completed_video_is_known_by_its_id_its_link_or_its_fields(facts: dict[str, Any]) -> None:
    assert queried({"status": "completed", **facts}).status.value == "completed"
