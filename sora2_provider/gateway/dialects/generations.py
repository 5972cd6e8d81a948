"""The wire of new-api, the server behind most gateways: ``/v1/video/generations``."""

from __future__ import annotations

from typing import Any

from sora2_provider.gateway.dialects.base import Dialect, pixels
from sora2_provider.gateway.models import VideoRequest


class GenerationsDialect(Dialect):
    """Writes the length and the image under each name that one of new-api's channels reads: it reads only its own."""

    create_path = "/v1/video/generations"
    query_path = "/v1/video/generations/{id}"

    def body(self, request: VideoRequest) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": request.model,
            "prompt": request.prompt,
            # Kling, vidu and hailuo read the number, doubao and sora the string, by which sora is billed, too.
            "duration": request.duration,
            "seconds": str(request.duration),
            "size": pixels(request),
        }
        if request.images:
            body |= {"image": request.images[0], "images": list(request.images)}
        return {**body, **request.extra}


DIALECT = GenerationsDialect()
