"""The wire of ``/v2/videos/generations``: a create is answered with an id alone, a query with a task without envelope."""

from __future__ import annotations

import re
from typing import Any

from sora2_provider.emulator.answers import Answer, RefusedError, json_answer, no_channel, task_error
from sora2_provider.emulator.create_request import CreateRequest, pixels_of
from sora2_provider.emulator.dialects.base import Dialect, Route
from sora2_provider.emulator.go_types import cannot_unmarshal, first_wrong_type, wrong_type
from sora2_provider.emulator.ids import LETTERS, random_id
from sora2_provider.emulator.models import MODELS
from sora2_provider.emulator.request_body import RequestBody
from sora2_provider.emulator.task_objects import task
from sora2_provider.emulator.videos import VideoSnapshot

_KINDS = {
    "prompt": str,
    "model": str,
    "images": list,
    "videos": list,
    "aspect_ratio": str,
    "ratio": str,
    "resolution": str,
    "hd": bool,
    "watermark": bool,
    "private": bool,
    "enhance_prompt": bool,
    "enable_upsample": bool,
    "notify_hook": str,
    "seed": int,
}
_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "21:9")
_LARGE = {(1280, 720): (1792, 1024), (720, 1280): (1024, 1792)}


class V2Dialect(Dialect):
    """JSON with whole seconds in ``duration`` and links or base64 in ``images``."""

    name = "v2"
    routes = (
        Route("create", "POST", "/v2/videos/generations"),
        Route("query", "GET", "/v2/videos/generations/(?P<item>[^/]+)"),
    )

    def new_id(self, model: str) -> str:
        return f"{model}:{random_id('0123456789', 10)}-{random_id(LETTERS, 10)}"

    def read_create(self, body: RequestBody) -> CreateRequest:
        fields = _read_object(body)
        for name in ("prompt", "model"):
            if not (fields.get(name) or "").strip():
                raise _refused(f"{name} is required")
        model = fields["model"]
        if model not in MODELS:
            raise no_channel(model)
        ratio = fields.get("aspect_ratio") or fields.get("ratio") or "9:16"
        if ratio not in _RATIOS:
            raise _refused(f"aspect_ratio must be one of {', '.join(_RATIOS)}, not {ratio!r}")
        pixels = pixels_of("", ratio)
        return CreateRequest(
            model=model,
            prompt=fields["prompt"],
            duration=_read_duration(fields.get("duration"), model),
            size=ratio,
            pixels=_LARGE.get(pixels, pixels) if fields.get("hd") else pixels,
            body=fields,
            images=tuple(fields.get("images") or ()),
        )

    def created(self, snapshot: VideoSnapshot) -> Answer:
        return json_answer(200, {"task_id": snapshot.video.id})

    def queried(self, snapshot: VideoSnapshot) -> Answer:
        state = snapshot.state
        reason = state.error_message or state.error_code
        output = {"output": snapshot.link} if state.status == "completed" else None
        return json_answer(200, {**task(snapshot), "fail_reason": reason, "data": output, "search_item": ""})


DIALECT = V2Dialect


def _read_object(body: RequestBody) -> dict[str, Any]:
    try:
        fields = body.json()
    except ValueError:
        raise _refused("the body is not valid JSON") from None
    if not isinstance(fields, dict):
        raise _refused(f"{cannot_unmarshal(fields)} value of type create request")
    if wrong := first_wrong_type(fields, _KINDS, ""):
        raise _refused(wrong)
    return fields


def _read_duration(value: Any, model: str) -> int:
    """Return whole seconds, which some clients send as a text; veo has one length and takes none."""
    known = MODELS[model]
    if value is None or known.channel == "gemini":
        return known.default_duration if known.channel != "sora" else known.durations[0]
    if isinstance(value, str) and re.fullmatch("[0-9]{1,4}", value):
        value = int(value)
    if wrong := wrong_type(value, ".duration", int):
        raise _refused(wrong)
    if value not in known.durations:
        raise _refused(f"{model} duration is invalid: {value} is none of {', '.join(map(str, known.durations))}")
    return int(value)


def _refused(message: str) -> RefusedError:
    return RefusedError(task_error(400, "invalid_request", message))
