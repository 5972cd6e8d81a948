"""Which route of the gateway a request is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Call:
    """A request to one route, read."""

    route: str
    """create, query, models, billing, content, file or other."""
    method: str
    path: str
    item: str = ""
    """The video's id, the model's name, the billing route's name or the file's name."""


def read_call(method: str, path: str, query: Mapping[str, str]) -> Call:
    """Return which route a request is for."""
    parts = path.strip("/").split("/")
    reads = method in ("GET", "HEAD")
    if path == "/v1/video/create" and method == "POST":
        return Call("create", method, path)
    if path == "/v1/video/query" and reads:
        return Call("query", method, path, query.get("id", ""))
    if parts[:2] == ["v1", "videos"] and reads:
        if len(parts) == 3:
            return Call("query", method, path, parts[2])
        if len(parts) == 4 and parts[3] == "content":
            return Call("content", method, path, parts[2])
    if parts[:2] == ["v1", "models"] and reads and len(parts) <= 3:
        return Call("models", method, path, parts[2] if len(parts) == 3 else "")
    if path in ("/v1/dashboard/billing/subscription", "/v1/dashboard/billing/usage") and reads:
        return Call("billing", method, path, parts[-1])
    if path.rstrip("/") == "/api/usage/token" and reads:
        return Call("billing", method, path, "token")
    if parts[0] == "files" and reads and len(parts) == 2:
        return Call("file", method, path, parts[1])
    return Call("other", method, path)
