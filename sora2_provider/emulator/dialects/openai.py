"""The video object of OpenAI's API."""

from __future__ import annotations

from typing import Any

from sora2_provider.emulator.dialects.base import Shown
from sora2_provider.emulator.videos import State


def openai_video(shown: Shown) -> dict[str, Any]:
    video, state = shown.video, shown.state
    width, height = video.order.pixels
    error = None
    if state.status == "failed":
        error = {"code": state.error_code, "message": state.error_message}
    return {
        "id": video.id,
        "object": "video",
        "model": video.order.model,
        "status": _flat_word(state),
        "progress": state.progress,
        "created_at": int(video.created_at),
        "completed_at": int(state.ended_at) if state.status == "completed" and state.ended_at else None,
        "expires_at": int(shown.link_expires_at) if shown.link_expires_at else None,
        "seconds": str(video.order.duration),
        "size": f"{width}x{height}",
        "error": error,
    }


def _flat_word(state: State) -> str:
    return "in_progress" if state.status == "stuck" else state.status
