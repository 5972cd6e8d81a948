"""The answers of the reference platform, as its guide shows them."""

from __future__ import annotations

from typing import Any

from sora2_provider.emulator.dialects.base import Shown
from sora2_provider.emulator.dialects.openai import openai_video


def created_like_the_guide(shown: Shown) -> dict[str, Any]:
    tokens = max(1, len(shown.video.order.prompt) // 4)
    content = "视频生成中，可通过ID查询进度"
    return {
        "id": shown.video.id,
        "object": "video.create",
        "created": int(shown.video.created_at),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content},
                "finish_reason": "processing",
            }
        ],
        "usage": {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens},
    }


def queried_like_the_guide(shown: Shown) -> dict[str, Any]:
    return {**openai_video(shown), "video_url": shown.link}
