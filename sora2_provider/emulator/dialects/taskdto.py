"""The answers of new-api's task routes, which wrap a task in ``data``."""

from __future__ import annotations

from typing import Any

from sora2_provider.emulator.dialects.base import LETTERS, Dialect, VideoSnapshot, random_id, task_word


def _task(snapshot: VideoSnapshot) -> dict[str, Any]:
    video, state = snapshot.video, snapshot.state
    started = video.created_at + video.render_seconds / 10
    ended, model = state.ended_at, video.request.model
    reason = state.error_message or state.error_code
    if state.status == "completed":
        # Old servers of this kind put the link into fail_reason; current ones into data.
        reason = snapshot.link or ""
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
            "status": task_word(state),
            "fail_reason": reason,
            "submit_time": int(video.created_at),
            "start_time": 0 if state.status == "queued" else int(started),
            "finish_time": int(ended) if ended else 0,
            "progress": "100%" if ended else f"{state.progress}%",
            "properties": {"input": "", "upstream_model_name": model, "origin_model_name": model},
            "data": {"status": "succeeded", "video_url": snapshot.link} if state.status == "completed" else None,
        },
    }


DIALECT = Dialect(new_id=lambda model: f"task_{random_id(LETTERS, 32)}", created=_task, queried=_task)
