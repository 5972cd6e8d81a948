"""The answers of gateways that speak the unified video format."""

from __future__ import annotations

from typing import Any

from sora2_provider.emulator.dialects.base import Shown


def unified_created(shown: Shown) -> dict[str, Any]:
    updated = round(shown.video.created_at * 1000)
    return {"id": shown.video.id, "status": "pending", "video_url": None, "status_update_time": updated}


def unified_queried(shown: Shown) -> dict[str, Any]:
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
