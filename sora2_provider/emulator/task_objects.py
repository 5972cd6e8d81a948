"""The objects in which wires tell of a video: OpenAI's, and new-api's task."""

from __future__ import annotations

from typing import Any

from sora2_provider.emulator.videos import VideoSnapshot, VideoState

QUOTA_PER_USD = 500_000
"""The unit in which gateways of this family count money."""
TASK_WORDS = {
    "queued": "SUBMITTED",
    "in_progress": "IN_PROGRESS",
    "completed": "SUCCESS",
    "failed": "FAILURE",
    "cancelled": "CANCELLED",
}


def task_word(state: VideoState) -> str:
    """Return the status word of new-api's tasks."""
    return TASK_WORDS.get(state.status, state.status.upper())


def openai_video(snapshot: VideoSnapshot) -> dict[str, Any]:
    """The video object of OpenAI's API, which other gateways extend."""
    video, state = snapshot.video, snapshot.state
    width, height = video.request.pixels
    failed = state.status == "failed"
    return {
        "id": video.id,
        "object": "video",
        "model": video.request.model,
        "status": state.status,
        "progress": state.progress,
        "created_at": int(video.created_at),
        "completed_at": int(state.ended_at) if state.status == "completed" and state.ended_at else None,
        "expires_at": int(snapshot.link_expires_at) if snapshot.link_expires_at else None,
        "seconds": str(video.request.duration),
        "size": f"{width}x{height}",
        "error": {"code": state.error_code, "message": state.error_message} if failed else None,
    }


def task(snapshot: VideoSnapshot) -> dict[str, Any]:
    """new-api's task, but for the fields in which servers differ: fail_reason, result_url and data."""
    video, state = snapshot.video, snapshot.state
    started, ended, model = video.created_at + video.render_seconds / 10, state.ended_at, video.request.model
    return {
        "id": 1500 + video.number,
        "created_at": int(video.created_at),
        "updated_at": int(state.changed_at),
        "task_id": video.id,
        "platform": "55",
        "user_id": 12,
        "group": "default",
        "channel_id": 0,
        "quota": round(video.price * QUOTA_PER_USD),
        "action": "generate",
        "status": task_word(state),
        "submit_time": int(video.created_at),
        "start_time": 0 if state.status == "queued" else int(started),
        "finish_time": int(ended) if ended else 0,
        "progress": "100%" if ended else f"{state.progress}%",
        "properties": {"input": "", "upstream_model_name": model, "origin_model_name": model},
    }
