"""Reads the body of a create as strictly as real servers do: a wrong type is refused, never converted.

Fields that the API does not name are accepted and kept, because models add their own.
"""

from __future__ import annotations

import json
from typing import Any

from sora2_provider.emulator.answers import Answer, RefusedError, api_error, no_channel, task_error
from sora2_provider.emulator.create_request import Order

MODELS = ("sora-2", "sora-2-pro", "sora-2-all", "veo3.1", "veo3.1-fast", "grok-imagine-video")


def read_order(content_type: str, body: bytes) -> Order:
    """Return the order in a create's body, or raise RefusedError."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise _refused("invalid_request", f"Content-Type must be application/json, not {content_type!r}")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise _refused("invalid_request", "the body is not valid JSON") from None
    if not isinstance(data, dict):
        raise _refused("invalid_request", f"{_unmarshal(data)} value of type create request")
    images, model = _images(data), _text(data, "model")
    if model not in MODELS:
        raise RefusedError(no_channel(model))
    return Order(
        images=images,
        model=model,
        orientation=_choice(data, "orientation", ("portrait", "landscape"), model),
        prompt=_text(data, "prompt"),
        size=_choice(data, "size", ("small", "large"), model),
        duration=_duration(data, model),
        body=data,
    )


def _images(data: dict[str, Any]) -> tuple[str, ...]:
    images = data.get("images")
    if images is None:
        raise _refused("invalid_request", "images is required")
    if not isinstance(images, list):
        raise _wrong_type(images, "images", "[]string")
    for image in images:
        if not isinstance(image, str):
            raise _wrong_type(image, "images", "string")
        if not image.lower().startswith(("http://", "https://")):
            raise _refused("invalid_request", f"images must be http or https links, not {image[:80]!r}")
    return tuple(images)


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if value is None:
        raise _refused("invalid_request", f"{name} is required")
    if not isinstance(value, str):
        raise _wrong_type(value, name, "string")
    if not value.strip():
        raise _refused("invalid_request", f"{name} is required")
    return value


def _choice(data: dict[str, Any], name: str, allowed: tuple[str, ...], model: str) -> str:
    value = _text(data, name)
    if value not in allowed:
        raise _refused(f"invalid_{name}", f"{model} {name} is invalid: {value!r} is none of {', '.join(allowed)}")
    return value


def _duration(data: dict[str, Any], model: str) -> int:
    value = data.get("duration")
    if value is None:
        raise _refused("invalid_request", "duration is required")
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_type(value, "duration", "int")
    if model == "sora-2-pro":
        allowed = [10, 15, 25]
    elif model.startswith("sora-2"):
        allowed = [10, 15]
    else:
        allowed = list(range(4, 31))
    if value not in allowed:
        raise RefusedError(_no_such_duration(model, value, allowed))
    return value


def _no_such_duration(model: str, value: int, allowed: list[int]) -> Answer:
    return api_error(
        400,
        f"参数 'duration' 无效：{model} 不支持 {value} 秒",
        kind="invalid_request_error",
        code="invalid_parameter",
        field="duration",
        valid_values=allowed,
    )


def _refused(code: str, message: str) -> RefusedError:
    return RefusedError(task_error(400, code, message))


def _wrong_type(value: Any, name: str, wanted: str) -> RefusedError:
    return _refused("invalid_request", f"{_unmarshal(value)} field .{name} of type {wanted}")


def _unmarshal(value: Any) -> str:
    """What the family's servers, written in Go, say about a value of the wrong type."""
    kinds = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return f"json: cannot unmarshal {kinds.get(type(value), 'null')} into Go struct"
