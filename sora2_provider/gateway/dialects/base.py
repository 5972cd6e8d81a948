"""What one wire of a gateway is: its routes, how a request is written, and how answers are read. No address, no key."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from sora2_provider.gateway.models import VideoRequest
from sora2_provider.gateway.parsing import videos


@dataclass(frozen=True)
class HttpRequest:
    """One call, to be sent to a gateway's base URL.

    :param target: path and query, already URL-encoded.
    :param content: the bytes of the body; ``None`` where there is none.
    """

    method: str
    target: str
    content: bytes | None = None
    content_type: str = ""

    @classmethod
    def post_json(cls, target: str, body: dict[str, Any]) -> HttpRequest:
        """Return a call that sends a JSON object."""
        return cls("POST", target, json.dumps(body).encode("ascii"), "application/json")

    @property
    def headers(self) -> dict[str, str]:
        """The headers that the gateways' guide asks for, besides those of the settings."""
        headers = {"Accept": "application/json"}
        return {**headers, "Content-Type": self.content_type} if self.content_type else headers


class Dialect(ABC):
    """One wire. It says only what it does differently from what all wires of this family have in common.

    The paths of the create and the query come from the connection. The readers take an answer's status, headers and
    body, and are those of :mod:`~sora2_provider.gateway.parsing.videos`, where the errors that they raise are told.
    """

    read_created = staticmethod(videos.read_created)
    read_video = staticmethod(videos.read_video)
    read_state = staticmethod(videos.read_state)
    read_content = staticmethod(videos.read_content)

    @abstractmethod
    def create(self, request: VideoRequest, path: str) -> HttpRequest:
        """Submit a video. This is the call that costs money."""

    def query(self, video_id: str, path: str) -> HttpRequest:
        """Ask for a video's state. Ids are opaque and hold ``:``, ``.``, ``=`` and ``&``, so they are URL-encoded."""
        if "{id}" in path:
            return HttpRequest("GET", path.replace("{id}", quote(video_id, safe="")))
        return HttpRequest("GET", f"{path}?{urlencode({'id': video_id})}")

    def content(self, video_id: str) -> HttpRequest:
        """Fetch a video's bytes through the gateway, for answers that hold no link."""
        return HttpRequest("GET", f"/v1/videos/{quote(video_id, safe='')}/content")


# Of the account and not of a video: the same on every wire, and free.
#: The models that the key may use.
MODELS = HttpRequest("GET", "/v1/models")
#: What the account was granted, in USD.
SUBSCRIPTION = HttpRequest("GET", "/v1/dashboard/billing/subscription")
#: What the account has spent, in hundredths of a USD.
USAGE = HttpRequest("GET", "/v1/dashboard/billing/usage")
#: What one key was granted and has left, in the gateway's own points.
TOKEN_USAGE = HttpRequest("GET", "/api/usage/token")
