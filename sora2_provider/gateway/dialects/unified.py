"""The wire of the gateways' own guide: ``/v1/video/create`` and ``/v1/video/query``, JSON in and out."""

from __future__ import annotations

from typing import Any

from sora2_provider.gateway.dialects.base import Dialect
from sora2_provider.gateway.models import VideoRequest


class UnifiedDialect(Dialect):
    """Sends a request's fields as they are."""

    create_path = "/v1/video/create"
    query_path = "/v1/video/query"

    def body(self, request: VideoRequest) -> dict[str, Any]:
        return request.to_json()


DIALECT = UnifiedDialect()
