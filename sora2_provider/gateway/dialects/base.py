"""Which method, path, query and body each call is. Pure: no address, no key, no socket."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from sora2_provider.gateway.settings import DEFAULT_QUERY_PATH, GatewaySettings


@dataclass(frozen=True)
class Endpoint:
    """One call.

    :param target: path and query, already URL-encoded.
    :param json_body: what is sent as JSON; ``None`` for a GET.
    """

    method: str
    target: str
    json_body: dict[str, Any] | None = None

    def url(self, settings: GatewaySettings) -> str:
        """Return the full address at a gateway."""
        return settings.base_url + self.target

    def headers(self, settings: GatewaySettings) -> dict[str, str]:
        """Return the headers that the gateway's guide asks for, with the key in them."""
        headers = {"Accept": "application/json", "Authorization": f"Bearer {settings.api_key}"}
        if self.json_body is not None:
            headers["Content-Type"] = "application/json"
        return {**settings.extra_headers, **headers}

    def content(self) -> bytes | None:
        """Return the bytes of the body."""
        if self.json_body is None:
            return None
        return json.dumps(self.json_body).encode("ascii")


def query(video_id: str, path: str = DEFAULT_QUERY_PATH) -> Endpoint:
    """Ask for a video's state. Ids are opaque and hold ``:`` and ``.``, so they are URL-encoded."""
    if "{id}" in path:
        return Endpoint("GET", path.replace("{id}", quote(video_id, safe="")))
    return Endpoint("GET", f"{path}?{urlencode({'id': video_id})}")


def content(video_id: str) -> Endpoint:
    """Fetch a video's bytes through the gateway, for answers that hold no link."""
    return Endpoint("GET", f"/v1/videos/{quote(video_id, safe='')}/content")


def models() -> Endpoint:
    """List the models that the key may use. Costs nothing."""
    return Endpoint("GET", "/v1/models")


def subscription() -> Endpoint:
    """What the account was granted, in USD."""
    return Endpoint("GET", "/v1/dashboard/billing/subscription")


def usage() -> Endpoint:
    """What the account has spent, in hundredths of a USD."""
    return Endpoint("GET", "/v1/dashboard/billing/usage")


def token_usage() -> Endpoint:
    """What one key was granted and has left, in the gateway's own points."""
    return Endpoint("GET", "/api/usage/token")
