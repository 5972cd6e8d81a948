"""The answers of new-api's task routes, which wrap a task in ``data``."""

from __future__ import annotations

from typing import Any

from sora2_provider.emulator.dialects.base import Shown
from sora2_provider.emulator.videos import State

_TASK_WORDS = {
    "queued": "SUBMITTED",
    "in_progress": "IN_PROGRESS",
    "completed": "SUCCESS",
    "failed": "FAILURE",
    "cancelled": "CANCELLED",
}


def task_data(shown: Shown) -> dict[str, Any]:
    video, state = shown.video, shown.state
    started = video.created_at + video.render_seconds / 10
    ended = state.ended_at
    reason = state.error_message or state.error_code
    if state.status == "completed":
        # Old servers of this kind put the link into fail_reason; current ones into data.
        reason = shown.link or ""
    return {
        "code": "success",
        "message": "",
        "data": {
            "id": 1500 + video.number,
            "created_at": int(video.created_at),
            "updated_at": int(state.changed_at),
            "task_id": video.id,
            "platform": "55",
            "user_id": 12,
            "group": "default",
            "channel_id": 0,
            "quota": 50000,
            "action": "generate",
            "status": _TASK_WORDS.get(state.status, state.status.upper()),
            "fail_reason": reason,
            "submit_time": int(video.created_at),
            "start_time": 0 if state.status == "queued" else int(started),
            "finish_time": int(ended) if ended else 0,
            "progress": "100%" if ended else f"{state.progress}%",
            "properties": {
                "input": "",
                "upstream_model_name": video.order.model,
                "origin_model_name": video.order.model,
            },
            "data": {"status": "succeeded", "video_url": shown.link} if state.status == "completed" else None,
        },
    }


def task_word(state: State) -> str:
    """The word with which the content route refuses an unfinished video, whatever the dialect."""
    return _TASK_WORDS.get(state.status, state.status.upper())
