"""Which route of the gateway a request is for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sora2_provider.emulator.dialects.base import Route

_SHARED = (
    Route("models", "GET", "/v1/models(?:/(?P<item>[^/]*))?/?"),
    Route("billing", "GET", "/v1/dashboard/billing/(?P<item>subscription|usage)"),
    Route("billing", "GET", "/api/usage/(?P<item>token)/?"),
    Route("file", "GET", "/files/(?P<item>[^/]+)/?"),
)
"""The routes that every dialect has."""


@dataclass(frozen=True)
class Call:
    """A request, and the route that it is for."""

    route: str
    """create, query, models, billing, content, file or other."""
    method: str
    path: str
    item: str = ""
    """The video's id, the model's name, the billing route's name or the file's name."""


def read_call(method: str, path: str, query: Mapping[str, str], routes: Iterable[Route]) -> Call:
    """Return which route a request is for; ``routes`` are the dialect's own."""
    reads = "GET" if method == "HEAD" else method
    for route in (*routes, *_SHARED):
        match = re.fullmatch(route.path, path)
        if match and route.method == reads:
            item = match.groupdict().get("item", query.get("id"))
            return Call(route.name, method, path, item or "")
    return Call("other", method, path)
