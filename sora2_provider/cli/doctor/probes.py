"""The questions that the doctor puts to a gateway. All are free: the create route is not among them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple, TypeVar
from uuid import uuid4

from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.dialects.base import MODELS, HttpRequest
from sora2_provider.gateway.errors import GatewayError, VideoNotFound
from sora2_provider.gateway.models import Balance, Video
from sora2_provider.gateway.parsing.account import read_models
from sora2_provider.gateway.settings import DEFAULT_QUERY_PATH
from sora2_provider.gateway.transport.session import RawResponse

#: The query routes of this family of gateways.
QUERY_PATHS = (DEFAULT_QUERY_PATH, "/v1/videos/{id}")
_NOWHERE = "/v1/video/sora2-doctor-no-such-route"

Value = TypeVar("Value")


class Question(NamedTuple):
    """What a query route answers about an id that cannot exist.

    :param like_nowhere: it answers just as a route does that cannot exist either.
    """

    path: str
    answer: Video | GatewayError
    like_nowhere: bool = False

    @property
    def is_served(self) -> bool:
        """Whether there is such a route: it says that it does not know the id."""
        return isinstance(self.answer, VideoNotFound) and not self.like_nowhere


class Answers(NamedTuple):
    """All that the gateway has answered.

    :param other_path: another query route, which does answer as it should; empty where none does or none was needed.
    :param skew: seconds that the gateway's clock is ahead of this machine's; ``None`` where it tells no time.
    """

    models: tuple[str, ...] | GatewayError
    query: Question
    other_path: str
    balance: Balance | GatewayError
    skew: float | None


def ask(client: Sora2Client) -> Answers:
    """Ask everything."""
    clock = _Clock()
    models = _asked(lambda: _exchange(client, MODELS, clock, read_models))
    query = ask_query(client, client.settings.query_path, clock)
    other = ""
    if query.like_nowhere or (isinstance(query.answer, GatewayError) and query.answer.http_status in (404, 405)):
        rest = (path for path in QUERY_PATHS if path != client.settings.query_path)
        other = next((path for path in rest if not query.is_served and ask_query(client, path, clock).is_served), "")
    return Answers(models, query, other, _asked(client.get_balance), clock.skew)


def ask_query(client: Sora2Client, path: str, clock: _Clock) -> Question:
    """Ask a query route for a video that cannot exist."""
    video_id = f"sora2-doctor-{uuid4().hex}"

    def put(route: str) -> Video | GatewayError:
        request = client.dialect.query(video_id, route)
        return _asked(lambda: _exchange(client, request, clock, client.dialect.read_video))

    answer = put(path)
    if not (isinstance(answer, VideoNotFound) and answer.http_status == 404):
        return Question(path, answer)
    # "Not found" can mean the route as well; a route that certainly is none shows how this gateway says that.
    nowhere = put(_NOWHERE)
    same = isinstance(nowhere, GatewayError) and (nowhere.http_status, nowhere.message) == (404, answer.message)
    return Question(path, answer, like_nowhere=same)


class _Clock:
    """Reads the gateway's time off the first answer that tells one."""

    def __init__(self) -> None:
        self.skew: float | None = None

    def look(self, answer: RawResponse, *, asked: float, answered: float) -> None:
        try:
            told = parsedate_to_datetime(answer.headers.get("Date", ""))
        except (TypeError, ValueError):
            return
        if self.skew is None:
            told = told if told.tzinfo else told.replace(tzinfo=UTC)
            # The header has whole seconds, rounded down.
            self.skew = (told - datetime.fromtimestamp((asked + answered) / 2, UTC)).total_seconds() + 0.5


def _exchange(
    client: Sora2Client,
    request: HttpRequest,
    clock: _Clock,
    read: Callable[[int, Mapping[str, str], bytes], Value],
) -> Value:
    asked = time.time()
    answer = client.ask(request)
    clock.look(answer, asked=asked, answered=time.time())
    return read(*answer)


def _asked(question: Callable[[], Value]) -> Value | GatewayError:
    try:
        return question()
    except GatewayError as error:
        return error
