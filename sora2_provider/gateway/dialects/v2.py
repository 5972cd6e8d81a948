"""The wire of ``/v2/videos/generations``, which some gateways for ComfyUI nodes speak."""

from __future__ import annotations

from typing import Any

from sora2_provider.gateway.dialects.base import Dialect
from sora2_provider.gateway.models import VideoRequest

_RATIOS = {"portrait": "9:16", "landscape": "16:9"}


class V2Dialect(Dialect):
    """Names the shape as a ratio, and a large picture ``hd``."""

    create_path = "/v2/videos/generations"
    query_path = "/v2/videos/generations/{id}"

    def body(self, request: VideoRequest) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": request.model,
            "prompt": request.prompt,
            "aspect_ratio": _RATIOS.get(request.orientation, request.orientation),
            "duration": request.duration,
        }
        if request.images:
            body["images"] = list(request.images)
        if request.size == "large":
            body["hd"] = True
        elif request.size != "small":
            body["resolution"] = request.size
        return {**body, **request.extra}


DIALECT = V2Dialect()
