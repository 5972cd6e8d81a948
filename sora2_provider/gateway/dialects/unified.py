"""The wire of the gateways' own guide: ``/v1/video/create`` and ``/v1/video/query``, JSON in and out."""

from __future__ import annotations

from sora2_provider.gateway.dialects.base import Dialect, HttpRequest
from sora2_provider.gateway.models import VideoRequest


class UnifiedDialect(Dialect):
    """Sends a request's fields as they are."""

    def create(self, request: VideoRequest, path: str) -> HttpRequest:
        return HttpRequest.post_json(path, request.to_json())


DIALECT = UnifiedDialect()
