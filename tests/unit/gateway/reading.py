"""Short ways to read an answer in a test's table."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sora2_provider.gateway import errors
from sora2_provider.gateway.models import Video
from sora2_provider.gateway.parsing import videos as responses
from tests.unit.gateway.soundness import check_state_is_the_video

ASKED_FOR = "the-id-that-was-asked-for"
LINK = "https://cdn.example.com/out.mp4"
OTHER_LINK = "https://cdn.example.com/other.mp4"
SATURATED = "当前分组上游负载已饱和，请稍后再试"


def as_bytes(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode()


def queried(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Video:
    check_state_is_the_video(status, headers or {}, as_bytes(body))
    return responses.read_video(status, headers or {}, as_bytes(body), video_id=ASKED_FOR)


def created(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Video:
    return responses.read_created(status, headers or {}, as_bytes(body))


def refused_query(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> errors.GatewayError:
    with pytest.raises(errors.GatewayError) as caught:
        queried(body, status, headers)
    return caught.value


def refused_create(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> errors.GatewayError:
    with pytest.raises(errors.GatewayError) as caught:
        created(body, status, headers)
    return caught.value


def layered(body: Any, layers: int) -> str:
    text = json.dumps(body)
    for _ in range(layers):
        text = json.dumps(text)
    return text
