"""The unified video format. How the answers look differs between gateways: ``shapes/``.

Fields that the API does not name are accepted, because models add their own.
"""

from __future__ import annotations

from typing import Any

from sora2_provider.emulator.answers import Answer, RefusedError, api_error, json_answer, no_channel, task_error
from sora2_provider.emulator.create_request import CreateRequest
from sora2_provider.emulator.dialects.base import Dialect, Route
from sora2_provider.emulator.go_types import cannot_unmarshal, wrong_type
from sora2_provider.emulator.models import MODELS
from sora2_provider.emulator.request_body import RequestBody
from sora2_provider.emulator.shapes import load_shape
from sora2_provider.emulator.videos import VideoSnapshot

PIXELS = {
    ("portrait", "small"): (720, 1280),
    ("landscape", "small"): (1280, 720),
    ("portrait", "large"): (1024, 1792),
    ("landscape", "large"): (1792, 1024),
}


class UnifiedDialect(Dialect):
    """``/v1/video/create`` and ``/v1/video/query``; siblings answer at OpenAI's addresses, too."""

    name = "unified"
    endpoint_type = "视频统一格式"
    routes = (
        Route("create", "POST", "/v1/video/create"),
        Route("query", "GET", "/v1/video/query"),
        Route("query", "GET", "/v1/videos/(?P<item>[^/]+)/?"),
        Route("content", "GET", "/v1/videos/(?P<item>[^/]*)/content/?"),
    )

    def new_id(self, model: str) -> str:
        return load_shape(self.settings.shape).new_id(model)

    def read_create(self, body: RequestBody) -> CreateRequest:
        fields = _read_object(body)
        images, model = _read_images(fields), _read_model(fields)
        orientation = _read_choice(fields, "orientation", ("portrait", "landscape"), model)
        prompt = _read_text(fields, "prompt")
        size = _read_choice(fields, "size", ("small", "large"), model)
        return CreateRequest(
            model=model,
            prompt=prompt,
            duration=_read_duration(fields, model),
            size=size,
            pixels=PIXELS[orientation, size],
            body=fields,
            images=images,
        )

    def created(self, snapshot: VideoSnapshot) -> Answer:
        return json_answer(200, load_shape(self.settings.shape).created(snapshot))

    def queried(self, snapshot: VideoSnapshot) -> Answer:
        return json_answer(200, load_shape(self.settings.shape).queried(snapshot))


DIALECT = UnifiedDialect


def _read_object(body: RequestBody) -> dict[str, Any]:
    if body.media_type != "application/json":
        raise _refused(f"Content-Type must be application/json, not {body.content_type!r}")
    try:
        data = body.json()
    except ValueError:
        raise _refused("the body is not valid JSON") from None
    if not isinstance(data, dict):
        raise _refused(f"{cannot_unmarshal(data)} value of type create request")
    return data


def _read_field(data: dict[str, Any], name: str, kind: type) -> Any:
    """Return a field that must be there and of exactly this type."""
    value = data.get(name)
    if value is None:
        raise _refused(f"{name} is required")
    if wrong := wrong_type(value, f".{name}", kind):
        raise _refused(wrong)
    return value


def _read_text(data: dict[str, Any], name: str) -> str:
    value: str = _read_field(data, name, str)
    if not value.strip():
        raise _refused(f"{name} is required")
    return value


def _read_images(data: dict[str, Any]) -> tuple[str, ...]:
    images = _read_field(data, "images", list)
    for image in images:
        if wrong := wrong_type(image, ".images", str):
            raise _refused(wrong)
        if not image.lower().startswith(("http://", "https://")):
            raise _refused(f"images must be http or https links, not {image[:80]!r}")
    return tuple(images)


def _read_model(data: dict[str, Any]) -> str:
    model = _read_text(data, "model")
    if model not in MODELS:
        raise no_channel(model)
    return model


def _read_choice(data: dict[str, Any], name: str, allowed: tuple[str, ...], model: str) -> str:
    value = _read_text(data, name)
    if value not in allowed:
        message = f"{model} {name} is invalid: {value!r} is none of {', '.join(allowed)}"
        raise _refused(message, code=f"invalid_{name}")
    return value


def _read_duration(data: dict[str, Any], model: str) -> int:
    value: int = _read_field(data, "duration", int)
    allowed = MODELS[model].durations
    if value not in allowed:
        message = f"参数 'duration' 无效：{model} 不支持 {value} 秒"
        more = {"code": "invalid_parameter", "field": "duration", "valid_values": list(allowed)}
        raise RefusedError(api_error(400, message, kind="invalid_request_error", **more))
    return value


def _refused(message: str, code: str = "invalid_request") -> RefusedError:
    return RefusedError(task_error(400, code, message))
