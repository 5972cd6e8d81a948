"""The wire of OpenAI's Videos API, which many servers speak: ``/v1/videos``."""

from __future__ import annotations

from typing import Any

from sora2_provider.gateway.dialects.base import Dialect, pixels
from sora2_provider.gateway.models import VideoRequest


class OpenAIDialect(Dialect):
    """Names the length ``seconds``, as a string, and the picture's size in pixels. Strict servers refuse any other field."""

    create_path = "/v1/videos"
    query_path = "/v1/videos/{id}"

    def body(self, request: VideoRequest) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": request.model,
            "prompt": request.prompt,
            "seconds": str(request.duration),
            "size": pixels(request),
        }
        if len(request.images) > 1:
            raise ValueError(f"images: {len(request.images)} of them: this gateway's API (openai) takes one image.")
        if request.images:
            # A string would be refused by strict servers, and LiteLLM uploads its text as a picture, which is paid for.
            body["input_reference"] = {"image_url": request.images[0]}
        return {**body, **request.extra}


DIALECT = OpenAIDialect()
