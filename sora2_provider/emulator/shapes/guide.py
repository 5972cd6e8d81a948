"""The answers of the reference platform, as its guide shows them."""

from __future__ import annotations

import uuid
from typing import Any

from sora2_provider.emulator.shapes.base import Shape
from sora2_provider.emulator.task_objects import openai_video
from sora2_provider.emulator.videos import VideoSnapshot


def _created(snapshot: VideoSnapshot) -> dict[str, Any]:
    video = snapshot.video
    tokens = max(1, len(video.request.prompt) // 4)
    message = {"role": "assistant", "content": "视频生成中，可通过ID查询进度"}
    return {
        "id": video.id,
        "object": "video.create",
        "created": int(video.created_at),
        "choices": [{"index": 0, "message": message, "finish_reason": "processing"}],
        "usage": {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens},
    }


def _queried(snapshot: VideoSnapshot) -> dict[str, Any]:
    return {**openai_video(snapshot), "video_url": snapshot.link}


SHAPE = Shape(new_id=lambda model: f"video_{uuid.uuid4().hex}", created=_created, queried=_queried)
