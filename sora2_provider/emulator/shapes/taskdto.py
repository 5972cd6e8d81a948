"""The answers of new-api's task routes, which wrap a task in ``data``."""

from __future__ import annotations

from typing import Any

from sora2_provider.emulator.ids import task_id
from sora2_provider.emulator.shapes.base import Shape
from sora2_provider.emulator.task_objects import task
from sora2_provider.emulator.videos import VideoSnapshot


def _task(snapshot: VideoSnapshot) -> dict[str, Any]:
    state = snapshot.state
    done = state.status == "completed"
    # Old servers of this kind put the link into fail_reason; current ones into data.
    reason = (snapshot.link or "") if done else state.error_message or state.error_code
    data = {"status": "succeeded", "video_url": snapshot.link} if done else None
    return {"code": "success", "message": "", "data": {**task(snapshot), "fail_reason": reason, "data": data}}


SHAPE = Shape(new_id=lambda model: task_id(), created=_task, queried=_task)
