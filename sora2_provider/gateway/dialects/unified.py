"""/v1/video/create and /query."""

from __future__ import annotations

from sora2_provider.gateway.dialects.base import Endpoint
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.gateway.settings import DEFAULT_CREATE_PATH


def create(request: VideoRequest, path: str = DEFAULT_CREATE_PATH) -> Endpoint:
    """Submit a video. This is the call that costs money."""
    return Endpoint("POST", path, request.to_json())
