"""What the gateway writes on the wire: status, headers and body, for the client's own readers."""

from __future__ import annotations

import json
from typing import Any

from sora2_provider.gateway.transport.session import RawResponse


def answer(status: int, body: Any, **headers: str) -> RawResponse:
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return RawResponse(status, {"content-type": "application/json", **headers}, content)


PAGE = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"

#: Answers to a create that was accepted, or may have been, and that name no video.
LOST = (
    answer(200, {"success": False, "message": "timeout of 60000ms exceeded"}),
    answer(504, {"message": "upstream request timeout"}),
    answer(500, {"error": {"message": "something went sideways", "type": "new_api_error", "code": ""}}),
    answer(502, PAGE),
    answer(500, {"error": {"message": "read tcp 10.0.0.7:443: connection reset by peer", "code": "do_request_failed"}}),
    answer(200, b""),
    answer(200, {"object": "video.create", "created": 1740000000}),
    answer(524, {"status": 524, "title": "A timeout occurred"}),
    answer(200, b'{"object": "video.create", "cr'),
    answer(503, {"code": "unmarshal_response_body_failed", "message": "unexpected EOF", "data": None}),
)
#: Refusals of a create, and whether the same may be sent again.
REFUSED_FOR_NOW = (
    answer(503, {"error": {"message": "no available channel for model sora-2", "code": "model_not_found"}}),
    answer(429, {"code": "fail_to_fetch_task", "message": "当前分组上游负载已饱和", "data": None}),
    answer(500, {"error": {"message": "当前分组上游负载已饱和，请稍后再试", "code": ""}}),
)
REFUSED = (
    answer(
        400, {"error": {"message": "Hmmm something didn't look right with your request.", "code": "sentinel_block"}}
    ),
    answer(403, {"error": {"message": "user quota is not enough", "code": "insufficient_user_quota"}}),
)
DENIED = answer(401, {"error": {"message": "无效的令牌", "type": "new_api_error"}})
UNKNOWN_ID = answer(404, {"code": "task_not_exist", "message": "task_not_exist", "data": None})


def failed_questions(video_id: str) -> tuple[RawResponse, ...]:
    """Answers to a question that say nothing of this video, however they sound."""
    other = f"{video_id}_of_another"
    return (
        answer(200, {"status": "error", "message": "database is locked"}),
        answer(200, {"id": other, "object": "video", "status": "failed", "error": {"message": "content policy"}}),
        answer(200, {"code": 500, "message": "Internal Server Error", "data": None}),
        answer(200, {"id": other, "object": "video", "status": "completed", "video_url": "https://cdn.example/o.mp4"}),
        answer(500, {"status": "failed", "message": "database is locked"}),
        answer(200, PAGE),
        answer(200, {"success": False, "status": "fail", "message": "timeout of 60000ms exceeded"}),
    )


_STANDINGS: dict[str, dict[str, Any]] = {
    "stays": {"status": "processing", "progress": 30},
    "completes": {"status": "completed", "progress": 100, "video_url": "https://cdn.example/film.mp4"},
    "fails": {"status": "failed", "error": {"message": "the rendering broke off", "code": "generation_failed"}},
    "is rejected": {"status": "failed", "error": {"message": "blocked by moderation", "code": "sentinel_block"}},
    "is cancelled": {"status": "cancelled"},
    "is lost": {"status": "queued"},
}
FATES = tuple(_STANDINGS)


def standing(video_id: str, fate: str) -> RawResponse:
    """Answer how a video stands, to a create as well as to a question."""
    return answer(200, {"id": video_id, "object": "video", "model": "sora-2", **_STANDINGS[fate]})
