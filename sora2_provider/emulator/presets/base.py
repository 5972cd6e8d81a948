"""A server: which wires it has, and what it says around them. Without a preset, every wire and new-api's account."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from sora2_provider.emulator import answers
from sora2_provider.emulator.answers import Answer, json_answer
from sora2_provider.emulator.credentials import Credentials
from sora2_provider.emulator.dialects import dialect_class
from sora2_provider.emulator.dialects.base import Dialect, Route
from sora2_provider.emulator.models import MODELS
from sora2_provider.emulator.presets import account
from sora2_provider.emulator.settings import DIALECTS, Settings

FILE_ROUTE = Route("file", "GET", "/files/(?P<item>[^/]+)/?")
"""Where links lead: the storage, which every server has."""
ACCOUNT_ROUTES = (
    Route("models", "GET", "/v1/models(?:/(?P<item>[^/]*))?/?"),
    Route("billing", "GET", "/v1/dashboard/billing/(?P<item>subscription|usage)"),
    Route("billing", "GET", "/api/usage/(?P<item>token)/?"),
)
OPEN_ROUTES = (Route("pricing", "GET", "/api/pricing"), Route("status", "GET", "/api/status"))
"""These want no key."""


@dataclass(frozen=True)
class Address:
    """What a method and a path mean to a server."""

    action: str
    """A route's action, or ``other``."""
    item: str = ""
    """What is asked for: a video's id, or the name of a model, a bill or a file."""
    dialect: Dialect | None = None


class Preset:
    """One kind of server. Where wires share an address, a video is answered on the one that made it, else on the first."""

    routes: ClassVar[tuple[Route, ...]] = (*ACCOUNT_ROUTES, *OPEN_ROUTES, FILE_ROUTE)
    """Those beside the wires'."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.dialects = tuple(make(settings) for make in self.dialect_classes())

    def dialect_classes(self) -> tuple[type[Dialect], ...]:
        return tuple(map(dialect_class, DIALECTS))

    def find(self, method: str, path: str, query: Mapping[str, str], wire_of: Callable[[str], str]) -> Address:
        """Return what a request asks for; ``wire_of`` tells on which wire a video was made."""
        reads = "GET" if method == "HEAD" else method
        found = []
        for dialect in self.dialects:
            for route, match in _matches(dialect.routes, reads, path):
                item = dialect.known_id(match.get("item", query.get("id")) or "")
                found.append(Address(route.action, item, dialect))
        own = [one for one in found if one.dialect and one.dialect.name == wire_of(one.item)]
        if found:
            return (own or found)[0]
        for route, match in _matches(self.routes, reads, path):
            return Address(route.action, match.get("item") or "")
        return Address("other")

    def methods_of(self, path: str) -> list[str]:
        """Return the methods that an address has."""
        every = [route for dialect in self.dialects for route in dialect.routes] + list(self.routes)
        return sorted({route.method for route in every if re.fullmatch(route.path, path)})

    def no_such_address(self, method: str, path: str) -> Answer:
        return answers.no_such_address(method, path)

    def refuse_key(self, credentials: Credentials, request_id: str) -> Answer | None:
        """Return the refusal of a key that is missing or wrong."""
        if credentials.scheme == "bearer" and credentials.looks_good:
            return None
        return answers.wrong_key(request_id, missing=credentials.scheme is None)

    def headers(self, request_id: str) -> tuple[tuple[str, str], ...]:
        """Return what every answer carries."""
        return (("X-Oneapi-Request-Id", request_id), ("X-New-Api-Version", account.VERSION))

    def endpoint_types(self, _model: str) -> list[str]:
        return list(self.create_paths())

    def create_paths(self) -> dict[str, str]:
        """Return where a create of each endpoint type goes."""
        return {
            dialect.endpoint_type: route.path
            for dialect in self.dialects
            for route in dialect.routes
            if dialect.endpoint_type and route.action == "create"
        }

    def models(self, name: str) -> Answer:
        """Answer with one model, or without a name with all."""
        if not name:
            rows = [account.model_row(model, self.endpoint_types(model)) for model in MODELS]
            return json_answer(200, {"success": True, "object": "list", "data": rows})
        if name not in MODELS:
            return account.no_such_model(name)
        return json_answer(200, account.model_row(name, self.endpoint_types(name)))

    def billing(self, name: str, used: float) -> Answer:
        return account.billing(name, self.settings.balance, used)

    def pricing(self) -> Answer:
        types = {model: self.endpoint_types(model) for model in MODELS}
        return account.pricing(self.settings.price, types, self.create_paths())


def _matches(routes: tuple[Route, ...], method: str, path: str) -> list[tuple[Route, dict[str, str | None]]]:
    pairs = [(route, re.fullmatch(route.path, path)) for route in routes if route.method == method]
    return [(route, match.groupdict()) for route, match in pairs if match]
