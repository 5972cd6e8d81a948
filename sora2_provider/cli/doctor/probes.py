"""The requests that the doctor sends to a gateway. All are free: the create route is not among them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple, TypeVar
from uuid import uuid4

from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.dialects.base import MODELS, HttpRequest
from sora2_provider.gateway.errors import GatewayError, VideoNotFound
from sora2_provider.gateway.models import Balance, Video
from sora2_provider.gateway.parsing.account import read_models
from sora2_provider.gateway.settings import DEFAULT_QUERY_PATH

#: The query routes of this family of gateways.
QUERY_PATHS = (DEFAULT_QUERY_PATH, "/v1/videos/{id}")
_NOWHERE = "/v1/video/sora2-doctor-no-such-route"

Value = TypeVar("Value")


class QueryProbe(NamedTuple):
    """The answer of a query route about an id that cannot exist.

    :param is_served: there is such a route: its answer is that the id is unknown.
    """

    path: str
    answer: Video | GatewayError
    is_served: bool


class ProbeResults(NamedTuple):
    """The gateway's answers.

    :param other_path: another query route, which answers as it should; empty where none does or none was needed.
    :param skew: seconds that the gateway's clock is ahead of this machine's; ``None`` where no answer holds a time.
    """

    models: tuple[str, ...] | GatewayError
    query: QueryProbe
    other_path: str
    balance: Balance | GatewayError
    skew: float | None


def probe(client: Sora2Client) -> ProbeResults:
    prober = _Prober(client)
    models = prober.get(MODELS, read_models)
    configured = client.settings.query_path
    query = prober.query(configured)
    other_path = ""
    if not query.is_served and isinstance(query.answer, GatewayError) and query.answer.http_status in (404, 405):
        others = (path for path in QUERY_PATHS if path != configured)
        other_path = next((path for path in others if prober.query(path).is_served), "")
    try:
        balance: Balance | GatewayError = client.get_balance()
    except GatewayError as error:
        balance = error
    return ProbeResults(models, query, other_path, balance, prober.skew)


class _Prober:
    """Sends requests, and compares this machine's clock with the first time in the answers."""

    def __init__(self, client: Sora2Client) -> None:
        self._client = client
        self.skew: float | None = None

    def query(self, path: str) -> QueryProbe:
        """Ask a query route for a video that cannot exist."""
        dialect, video_id = self._client.dialect, f"sora2-doctor-{uuid4().hex}"
        answer = self.get(dialect.query(video_id, path), dialect.read_video)
        is_served = isinstance(answer, VideoNotFound)
        if isinstance(answer, VideoNotFound) and answer.http_status == 404:
            # It can also mean the route. A route that certainly does not exist shows how this gateway says that.
            nowhere = self.get(dialect.query(video_id, _NOWHERE), dialect.read_video)
            without_route = (nowhere.http_status, nowhere.message) if isinstance(nowhere, GatewayError) else None
            is_served = without_route != (404, answer.message)
        return QueryProbe(path, answer, is_served)

    def get(self, request: HttpRequest, read: Callable[[int, Mapping[str, str], bytes], Value]) -> Value | GatewayError:
        """Return the answer of a route, or the error that it means."""
        asked = time.time()
        try:
            answer = self._client.ask(request)
            self._compare_clocks(answer.headers.get("Date", ""), (asked + time.time()) / 2)
            return read(*answer)
        except GatewayError as error:
            return error

    def _compare_clocks(self, header: str, now: float) -> None:
        if self.skew is None:
            with contextlib.suppress(TypeError, ValueError):
                told = parsedate_to_datetime(header)
                told = told if told.tzinfo else told.replace(tzinfo=UTC)
                # The header has whole seconds, rounded down.
                self.skew = told.timestamp() - now + 0.5
