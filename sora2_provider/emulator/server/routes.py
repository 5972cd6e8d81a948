"""Which route of the gateway a request is for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sora2_provider.emulator.dialects.base import Route

#: The routes that every dialect has.
_SHARED = (
    Route("models", "GET", "/v1/models(?:/(?P<item>[^/]*))?/?"),
    Route("billing", "GET", "/v1/dashboard/billing/(?P<item>subscription|usage)"),
    Route("billing", "GET", "/api/usage/(?P<item>token)/?"),
    Route("file", "GET", "/files/(?P<item>[^/]+)/?"),
)


def find_route(method: str, path: str, query: Mapping[str, str], routes: Iterable[Route]) -> tuple[str, str]:
    """Return the route's name, or ``other``, and what is asked for: an id, or the name of a model, a bill or a file.

    :param routes: the dialect's own.
    """
    reads = "GET" if method == "HEAD" else method
    for route in (*routes, *_SHARED):
        match = re.fullmatch(route.path, path)
        if match and route.method == reads:
            return route.name, match.groupdict().get("item", query.get("id")) or ""
    return "other", ""
