"""The answers of gateways that speak the unified video format."""

from __future__ import annotations

from typing import Any

from sora2_provider.emulator.ids import BASE32, random_id
from sora2_provider.emulator.shapes.base import Shape
from sora2_provider.emulator.videos import VideoSnapshot


def _created(snapshot: VideoSnapshot) -> dict[str, Any]:
    updated = round(snapshot.video.created_at * 1000)
    return {"id": snapshot.video.id, "status": "pending", "video_url": None, "status_update_time": updated}


def _queried(snapshot: VideoSnapshot) -> dict[str, Any]:
    video, state = snapshot.video, snapshot.state
    body: dict[str, Any] = {
        "id": video.id,
        "status": {"queued": "pending", "in_progress": "processing"}.get(state.status, state.status),
        "video_url": snapshot.link,
        "enhanced_prompt": video.request.prompt,
        "status_update_time": round(state.changed_at * 1000),
    }
    if state.status == "completed":
        body["width"], body["height"] = video.request.pixels
    elif state.status == "failed":
        body["error"] = {"code": state.error_code or None, "message": state.error_message or None}
    if state.status in ("completed", "failed", "in_progress"):
        body["detail"] = {"id": video.id.rpartition(":")[2], "status": body["status"], **_detail(snapshot)}
    return body


def _detail(snapshot: VideoSnapshot) -> dict[str, Any]:
    request, state = snapshot.video.request, snapshot.state
    if state.status == "completed":
        asked = {name: getattr(request, name) for name in ("size", "model", "images", "prompt", "orientation")}
        return {"url": snapshot.link, "input": asked}
    pending: dict[str, Any] = {
        "id": snapshot.video.id.rpartition(":")[2],
        "status": "failed" if state.status == "failed" else "processing",
        "progress_pct": state.progress / 100,
    }
    if state.status == "failed":
        pending["failure_reason"] = state.error_message or state.error_code or None
    return {"pending_info": pending}


SHAPE = Shape(new_id=lambda model: f"{model}:task_01k{random_id(BASE32, 23)}", created=_created, queried=_queried)
