"""The requests that the doctor sends to a gateway. All are free: the create route is not among them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple, TypeVar
from uuid import UUID, uuid4

from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.dialects import UNIFIED
from sora2_provider.gateway.dialects import dialect as dialect_of
from sora2_provider.gateway.dialects.base import MODELS, HttpRequest
from sora2_provider.gateway.errors import GatewayError, InvalidRequest, VideoNotFound
from sora2_provider.gateway.models import Balance, Video
from sora2_provider.gateway.parsing.account import read_models
from sora2_provider.gateway.settings import QUERY_PATHS

_NOWHERE = "/v1/video/sora2-doctor-no-such-route"

Value = TypeVar("Value")


class QueryProbe(NamedTuple):
    """The answer of a query route about ids that cannot exist.

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
    try:
        dialect = client.dialect
    except GatewayError:
        # Its routes answer as those of any other where the gateway is down or the key is wrong.
        dialect = client.dialect = dialect_of(UNIFIED)
    configured = client.settings.query_path_of(dialect.name) or dialect.query_path
    query = prober.query(configured)
    other_path = ""
    if not query.is_served and _may_be_another(query.answer):
        others = (path for path in QUERY_PATHS if path != configured)
        other_path = next((path for path in others if prober.query(path).is_served), "")
    try:
        balance: Balance | GatewayError = client.get_balance()
    except GatewayError as error:
        balance = error
    return ProbeResults(models, query, other_path, balance, prober.skew)


def _may_be_another(answer: Video | GatewayError) -> bool:
    """Whether a route answers as one that is not there, or that takes the id by another name."""
    is_refusal = isinstance(answer, (InvalidRequest, VideoNotFound))
    return is_refusal or (isinstance(answer, GatewayError) and answer.http_status in (404, 405) and not answer.to_do)


class _Prober:
    """Sends requests, and compares this machine's clock with the first time in the answers."""

    def __init__(self, client: Sora2Client) -> None:
        self._client = client
        self.skew: float | None = None

    def query(self, path: str) -> QueryProbe:
        """Ask a query route for videos that cannot exist, until it says that there is none."""
        name = uuid4().hex
        answer, is_served = self._asked_for(path, f"sora2-doctor-{name}")
        if not isinstance(answer, InvalidRequest):
            return QueryProbe(path, answer, is_served)
        # It may only look at the form of an id before it looks for the video.
        forms = (str(UUID(name)), f"video_{name}", f"task_{name}", f"sora-2:task_{name[:26]}")
        return QueryProbe(path, answer, any(self._asked_for(path, one)[1] for one in forms))

    def _asked_for(self, path: str, video_id: str) -> tuple[Video | GatewayError, bool]:
        """Return the answer of a query route, and whether it is that there is no such video."""
        dialect = self._client.dialect
        answer = self.get(dialect.query(video_id, path), dialect.read_video)
        if not isinstance(answer, VideoNotFound) or answer.http_status != 404:
            return answer, isinstance(answer, VideoNotFound)
        # It can also mean the route. A route that certainly does not exist shows how this gateway says that.
        nowhere = self.get(dialect.query(video_id, _NOWHERE), dialect.read_video)
        without_route = nowhere.message if isinstance(nowhere, GatewayError) and nowhere.http_status == 404 else None
        # Some repeat the address in it.
        said = answer.message.replace(path.partition("?")[0].replace("{id}", video_id), _NOWHERE)
        return answer, without_route not in (said, answer.message)

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
