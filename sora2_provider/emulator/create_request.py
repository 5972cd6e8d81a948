"""A create request, read as strictly as the servers of this family read it, which are written in Go.

A wrong type is refused, never converted. Fields that the API does not name are accepted, because models add their own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sora2_provider.emulator.answers import RefusedError, api_error, task_error

MODELS = ("sora-2", "sora-2-pro", "sora-2-all", "veo3.1", "veo3.1-fast", "grok-imagine-video")
PIXELS = {
    ("portrait", "small"): (720, 1280),
    ("landscape", "small"): (1280, 720),
    ("portrait", "large"): (1024, 1792),
    ("landscape", "large"): (1792, 1024),
}


@dataclass(frozen=True)
class CreateRequest:
    """A valid create request, whatever the dialect."""

    images: tuple[str, ...]
    model: str
    orientation: str
    prompt: str
    size: str
    duration: int
    body: dict[str, Any]
    """The JSON object as it was received."""

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height."""
        return PIXELS[self.orientation, self.size]


def read_unified(content_type: str, body: bytes) -> CreateRequest:
    """Return the create request in a body of the unified format, or raise RefusedError."""
    data = read_object(content_type, body)
    images, model = read_images(data), read_model(data)
    return CreateRequest(
        images=images,
        model=model,
        orientation=read_choice(data, "orientation", ("portrait", "landscape"), model),
        prompt=read_text(data, "prompt"),
        size=read_choice(data, "size", ("small", "large"), model),
        duration=read_duration(data, model),
        body=data,
    )


def read_object(content_type: str, body: bytes) -> dict[str, Any]:
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise refused(f"Content-Type must be application/json, not {content_type!r}")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise refused("the body is not valid JSON") from None
    if not isinstance(data, dict):
        raise refused(f"{_cannot_unmarshal(data)} value of type create request")
    return data


def read_field(data: dict[str, Any], name: str, kind: type) -> Any:
    """Return a field that must be there and of exactly this type."""
    value = data.get(name)
    if value is None:
        raise refused(f"{name} is required")
    _check_type(value, name, kind)
    return value


def read_text(data: dict[str, Any], name: str) -> str:
    value: str = read_field(data, name, str)
    if not value.strip():
        raise refused(f"{name} is required")
    return value


def read_images(data: dict[str, Any]) -> tuple[str, ...]:
    images = read_field(data, "images", list)
    for image in images:
        _check_type(image, "images", str)
        if not image.lower().startswith(("http://", "https://")):
            raise refused(f"images must be http or https links, not {image[:80]!r}")
    return tuple(images)


def read_model(data: dict[str, Any]) -> str:
    model = read_text(data, "model")
    if model not in MODELS:
        message = f"No available channel for model {model} under group default"
        raise RefusedError(api_error(503, message, code="model_not_found"))
    return model


def read_choice(data: dict[str, Any], name: str, allowed: tuple[str, ...], model: str) -> str:
    value = read_text(data, name)
    if value not in allowed:
        message = f"{model} {name} is invalid: {value!r} is none of {', '.join(allowed)}"
        raise refused(message, code=f"invalid_{name}")
    return value


def read_duration(data: dict[str, Any], model: str) -> int:
    value: int = read_field(data, "duration", int)
    allowed = _durations(model)
    if value not in allowed:
        message = f"参数 'duration' 无效：{model} 不支持 {value} 秒"
        more = {"code": "invalid_parameter", "field": "duration", "valid_values": allowed}
        raise RefusedError(api_error(400, message, kind="invalid_request_error", **more))
    return value


def _durations(model: str) -> list[int]:
    if model == "sora-2-pro":
        return [10, 15, 25]
    return [10, 15] if model.startswith("sora-2") else list(range(4, 31))


def refused(message: str, code: str = "invalid_request") -> RefusedError:
    return RefusedError(task_error(400, code, message))


_GO_TYPES = {str: "string", int: "int", list: "[]string"}
_GO_KINDS = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}


def _check_type(value: Any, name: str, kind: type) -> None:
    # Not isinstance: in Python, but not in JSON, true is an integer.
    if type(value) is not kind:
        raise refused(f"{_cannot_unmarshal(value)} field .{name} of type {_GO_TYPES[kind]}")


def _cannot_unmarshal(value: Any) -> str:
    """What Go says about a value of the wrong type."""
    return f"json: cannot unmarshal {_GO_KINDS.get(type(value), 'null')} into Go struct"
