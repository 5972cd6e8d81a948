"""new-api's wire ``/v1/video/generations``: OpenAI's object for a create, and a task in an envelope for a query.

What a channel reads differs by model, and so does what it passes over in silence: that is paid all the same.
"""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar

from sora2_provider.emulator.answers import Answer, RefusedError, json_answer, no_channel, task_error
from sora2_provider.emulator.create_request import CreateRequest, pixels_of
from sora2_provider.emulator.dialects.base import Dialect, Route
from sora2_provider.emulator.go_types import cannot_unmarshal, first_wrong_type, wrong_type
from sora2_provider.emulator.ids import task_id
from sora2_provider.emulator.images import decode_image
from sora2_provider.emulator.models import MODELS, Model
from sora2_provider.emulator.request_body import RequestBody, UploadedFile
from sora2_provider.emulator.task_objects import openai_video, task
from sora2_provider.emulator.videos import VideoSnapshot

_KINDS = {
    "prompt": str,
    "model": str,
    "mode": str,
    "image": str,
    "images": list,
    "size": str,
    "seconds": str,
    "input_reference": str,
}
_SMALL = ("720x1280", "1280x720")
_LARGE = ("1024x1792", "1792x1024")
_LARGE_RATIO = 1.666667
_GEMINI_WORDS = {"in_progress": "processing", "completed": "succeeded", "cancelled": "failed"}


class GenerationsDialect(Dialect):
    """One create for all channels. Its tasks' content is at ``/v1/videos/{id}/content``."""

    name = "generations"
    routes: ClassVar[tuple[Route, ...]] = (
        Route("create", "POST", "/v1/video/generations"),
        Route("query", "GET", "/v1/video/generations/(?P<item>[^/]+)"),
    )

    def new_id(self, _model: str) -> str:
        return task_id()

    def read_create(self, body: RequestBody) -> CreateRequest:
        fields = _read_fields(body)
        if not (fields.get("model") or "").strip():
            raise _refused("missing_model", "model field is required")
        if not (fields.get("prompt") or "").strip():
            raise _refused("invalid_request", "prompt is required")
        if fields["model"] not in MODELS:
            raise no_channel(fields["model"])
        model = MODELS[fields["model"]]
        size = _read_size(fields, model)
        image = _read_image(fields, body, model)
        return CreateRequest(
            model=model.name,
            prompt=fields["prompt"],
            duration=_read_duration(fields, model),
            size=size,
            pixels=pixels_of(size, _ratio(fields)),
            body=body.recorded(),
            images=(image,) if isinstance(image, str) else (),
            image_file=image if isinstance(image, bytes) else None,
        )

    def ratios(self, request: CreateRequest) -> dict[str, float]:
        """The sora channel is billed by the second, and more for large sizes."""
        if MODELS[request.model].channel != "sora":
            return {}
        return {"seconds": request.duration, "size": _LARGE_RATIO if request.size in _LARGE else 1}

    def created(self, snapshot: VideoSnapshot) -> Answer:
        ratios = self.ratios(snapshot.video.request)
        headers = (("X-New-Api-Other-Ratios", json.dumps(ratios)),) if ratios else ()
        return json_answer(200, task_video(snapshot), headers)

    def queried(self, snapshot: VideoSnapshot) -> Answer:
        live = MODELS[snapshot.video.request.model].channel == "gemini"
        data = _gemini_task(snapshot) if live else _task(snapshot)
        return json_answer(200, {"code": "success", "message": "", "data": data})


DIALECT = GenerationsDialect


def task_video(snapshot: VideoSnapshot) -> dict[str, Any]:
    """OpenAI's object as new-api makes it: without fields that hold nothing, and with a form only on its sora channel."""
    video, unknown = snapshot.video, {"completed_at", "expires_at"}
    if MODELS[video.request.model].channel != "sora":
        unknown |= {"seconds", "size"}
    full = openai_video(snapshot)
    return {
        "task_id": video.id,
        **{name: full[name] for name in full if full[name] is not None and name not in unknown},
    }


def film_url(snapshot: VideoSnapshot) -> str:
    """Return the link to a completed video's file: the doubao channel gives the gateway's own route, which wants the key."""
    if snapshot.state.status == "completed" and MODELS[snapshot.video.request.model].channel == "doubao":
        return f"{snapshot.base_url}/v1/videos/{snapshot.video.id}/content"
    return snapshot.link or ""


def _task(snapshot: VideoSnapshot) -> dict[str, Any]:
    reason = snapshot.state.error_message or snapshot.state.error_code
    upstream = {"status": snapshot.state.status, "model": snapshot.video.request.model}
    # Where there is no link, the reason of a failure takes its place.
    return {**task(snapshot), "fail_reason": reason, "result_url": film_url(snapshot) or reason, "data": upstream}


def _gemini_task(snapshot: VideoSnapshot) -> dict[str, Any]:
    state = snapshot.state
    return {
        "error": None,
        "format": "mp4",
        "metadata": None,
        "status": _GEMINI_WORDS.get(state.status, state.status),
        "task_id": snapshot.video.id,
        "url": state.error_message or state.error_code or film_url(snapshot),
    }


def _read_fields(body: RequestBody) -> dict[str, Any]:
    """Return the fields; of a form as its JSON would be, without the files."""
    if body.form is not None:
        fields = {name: value for name, value in body.fields().items() if not isinstance(value, UploadedFile)}
    elif body.media_type == "multipart/form-data":
        raise RefusedError(task_error(500, "build_request_failed", "failed to parse multipart form"))
    else:
        fields = _read_json(body)
    if wrong := first_wrong_type(fields, _KINDS, "Alias"):
        raise _refused("invalid_json", wrong)
    return fields


def _read_json(body: RequestBody) -> dict[str, Any]:
    try:
        fields = body.json()
    except ValueError:
        raise _refused("invalid_json", "invalid character looking for beginning of value") from None
    if not isinstance(fields, dict):
        raise _refused("invalid_json", f"{cannot_unmarshal(fields)} value of type relaycommon.TaskSubmitReq")
    return fields


def _metadata(fields: dict[str, Any]) -> dict[str, Any]:
    value = fields.get("metadata")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise _refused("invalid_json", "metadata is not valid JSON") from None
    if value is not None and (wrong := wrong_type(value, "Alias.metadata", dict)):
        raise _refused("invalid_json", wrong)
    return value or {}


def _ratio(fields: dict[str, Any]) -> str:
    metadata = _metadata(fields)
    return str(metadata.get("aspectRatio") or metadata.get("aspect_ratio") or metadata.get("ratio") or "")


def _read_size(fields: dict[str, Any], model: Model) -> str:
    size = fields.get("size") or ""
    allowed = _SMALL if model.name == "sora-2" else (*_SMALL, *_LARGE)
    if model.channel == "sora" and size and size not in allowed:
        raise _refused("invalid_size", "sora-2 size is invalid")
    return size


def _read_duration(fields: dict[str, Any], model: Model) -> int:
    """Return whole seconds: sora and doubao read ``seconds`` first, doubao nothing else, and the others ``duration``."""
    seconds, duration = _seconds(fields.get("seconds")), _duration(fields.get("duration"))
    asked = {"sora": seconds or duration, "doubao": seconds}.get(model.channel, duration or seconds)
    asked = asked or model.default_duration
    if model.channel == "kling" and asked not in model.seconds:
        message = f"{model.name} 视频时长只支持{model.seconds[0]}到{model.seconds[-1]}秒"
        raise RefusedError(task_error(500, "build_request_failed", message))
    return asked


def _seconds(value: str | None) -> int | None:
    if not value:
        return None
    if not re.fullmatch("[0-9]{1,4}", value) or not 1 <= int(value) <= 3600:
        raise _refused("invalid_seconds", "seconds must be a whole number between 1 and 3600")
    return int(value)


def _duration(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch("[0-9]{1,4}", value):
        value = int(value)
    if value is not None and (wrong := wrong_type(value, "Alias.duration", int)):
        raise _refused("invalid_json", wrong)
    return value or None


def _read_image(fields: dict[str, Any], body: RequestBody, model: Model) -> str | bytes | None:
    """Return the source image that the channel reads: a link, base64 or an uploaded file."""
    uploaded = body.fields().get("input_reference")
    if isinstance(uploaded, UploadedFile):
        return uploaded.data if model.channel in ("sora", "gemini") else None
    links = [fields.get("image"), *(fields.get("images") or ()), fields.get("input_reference")]
    if model.channel == "kling":
        # It reads image and passes images over.
        links = links[:1]
    link = next((link for link in links if link), None)
    if model.channel == "gemini" and link and decode_image(link) is None:
        # A link is passed over, and a text-to-video is paid.
        return None
    return link


def _refused(code: str, message: str) -> RefusedError:
    return RefusedError(task_error(400, code, message))
