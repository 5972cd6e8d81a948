"""The shapes in which gateways of this family answer a create and a query. Pure.

``guide`` is the reference platform's; the others are siblings that users move to. A dialect changes shapes only:
the routes, the rules and the life of a video are the same.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sora2_provider.emulator.videos import State, Video

_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class Shown:
    """A video as one answer shows it."""

    video: Video
    state: State
    link: str | None
    link_expires_at: float | None = None


@dataclass(frozen=True)
class Dialect:
    """How one kind of gateway names and shows videos."""

    new_id: Callable[[str], str]
    """Makes an id for a video of the given model."""
    created: Callable[[Shown], dict[str, Any]]
    queried: Callable[[Shown], dict[str, Any]]


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _guide_created(shown: Shown) -> dict[str, Any]:
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


def _guide_queried(shown: Shown) -> dict[str, Any]:
    return {**_openai(shown), "video_url": shown.link}


def _openai(shown: Shown) -> dict[str, Any]:
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


def _unified_created(shown: Shown) -> dict[str, Any]:
    updated = round(shown.video.created_at * 1000)
    return {"id": shown.video.id, "status": "pending", "video_url": None, "status_update_time": updated}


def _unified_queried(shown: Shown) -> dict[str, Any]:
    video, state = shown.video, shown.state
    order = video.order
    word = {"queued": "pending", "in_progress": "processing"}.get(state.status, state.status)
    body: dict[str, Any] = {
        "id": video.id,
        "status": word,
        "video_url": shown.link,
        "enhanced_prompt": order.prompt,
        "status_update_time": round(state.changed_at * 1000),
    }
    task_id = video.id.rpartition(":")[2]
    if state.status == "completed":
        body["width"], body["height"] = order.pixels
        asked = {
            "size": order.size,
            "model": order.model,
            "images": list(order.images),
            "prompt": order.prompt,
            "orientation": order.orientation,
        }
        body["detail"] = {"id": task_id, "url": shown.link, "input": asked, "status": "completed"}
    elif state.status == "failed":
        reason = {"code": state.error_code or None, "message": state.error_message or None}
        pending = {
            "id": task_id,
            "status": "failed",
            "progress_pct": state.progress / 100,
            "failure_reason": state.error_message or state.error_code or None,
        }
        body["error"] = reason
        body["detail"] = {"id": task_id, "status": "failed", "pending_info": pending}
    elif state.status == "in_progress":
        pending = {"id": task_id, "status": "processing", "progress_pct": state.progress / 100}
        body["detail"] = {"id": task_id, "status": "processing", "pending_info": pending}
    return body


_TASK_WORDS = {
    "queued": "SUBMITTED",
    "in_progress": "IN_PROGRESS",
    "completed": "SUCCESS",
    "failed": "FAILURE",
    "cancelled": "CANCELLED",
}


def _taskdto(shown: Shown) -> dict[str, Any]:
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


DIALECTS = {
    "guide": Dialect(lambda model: f"video_{uuid.uuid4().hex}", _guide_created, _guide_queried),
    "unified": Dialect(lambda model: f"{model}:task_01k{_random(_BASE32, 23)}", _unified_created, _unified_queried),
    "openai": Dialect(lambda model: f"video_{uuid.uuid4()}", _openai, _openai),
    "taskdto": Dialect(lambda model: f"task_{_random(_LETTERS, 32)}", _taskdto, _taskdto),
}


def task_word(state: State) -> str:
    """The word with which the content route refuses an unfinished video, whatever the dialect."""
    return _TASK_WORDS.get(state.status, state.status.upper())
