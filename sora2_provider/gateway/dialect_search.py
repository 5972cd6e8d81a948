"""Finds out which wire a gateway speaks, by questions that cost nothing. A create is never among them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from uuid import uuid4

from sora2_provider.gateway.dialects import GENERATIONS, OPENAI, UNIFIED, V2, dialect
from sora2_provider.gateway.dialects.base import HttpRequest
from sora2_provider.gateway.errors import GatewayError, UnreadableResponse, VideoNotFound

#: In this order: what speaks the first is asked by it, whatever else it speaks.
_ASKED = (UNIFIED, OPENAI, GENERATIONS, V2)
#: How servers say that they have no such route, where others say with the same status that they have no such video.
_NO_ROUTE = re.compile(
    r"invalid url|no (?:such |matching )?(?:route|path|endpoint)|cannot get|"
    r"(?:route|path|page|endpoint|url|resource) (?:was )?not found|method not allowed|^not found\.?$|接口不存在|路由",
    re.I,
)
NEW_API, LITELLM = "new-api", "LiteLLM"
_OF_LITELLM = re.compile(rb"litellm\.|OpenAIException")
#: Statuses that tell nothing of a route: no server, no key, or no time.
_TELL_NOTHING = (401, 407, 408, 425, 429)


class FoundDialect(NamedTuple):
    """The wire that a gateway speaks.

    :param evidence: what told it, for people.
    """

    name: str
    evidence: str


Answer = tuple[int, Mapping[str, str], bytes]


def find_dialect(ask: Callable[[HttpRequest], Answer]) -> FoundDialect:
    """Ask each wire's query route for a video that cannot exist, until one answer tells; at most four questions.

    :param ask: sends a request; raises :class:`GatewayError` where no answer comes.
    :raises GatewayError: a question was not answered before one told, so nothing is decided.
    """
    video_id = f"sora2-provider-{uuid4().hex}"
    for name in _ASKED:
        request = dialect(name).query(video_id)
        status, headers, body = answer = ask(request)
        said = f"GET {request.target.replace(video_id, '...')} was answered with HTTP {status}"
        server, speaks = _server(headers, body), _speaks(answer)
        if server == LITELLM:
            return FoundDialect(OPENAI, f"{said} by LiteLLM")
        if isinstance(speaks, GatewayError):
            speaks.message = f"Which API the gateway speaks could not be found out: {said}: {speaks.message}"
            raise speaks
        if speaks:
            return FoundDialect(name, f"{said}, as for a video that is not there")
        if server == NEW_API:
            return FoundDialect(GENERATIONS, f"{said} by new-api")
    return FoundDialect(UNIFIED, "no route for a video's state is there under a usual name")


def _server(headers: Mapping[str, str], body: bytes) -> str:
    names = {name.lower() for name in headers}
    if "x-new-api-version" in names:
        return NEW_API
    if any(name.startswith("x-litellm-") for name in names) or _OF_LITELLM.search(body):
        return LITELLM
    return ""


def _speaks(answer: Answer) -> bool | GatewayError:
    """Whether an answer comes from a route that looks for videos, or what it is where it does not tell."""
    status, _, body = answer
    try:
        dialect(UNIFIED).read_video(*answer, video_id="")
    except GatewayError as error:
        if status in _TELL_NOTHING or status >= 500:
            return error
        if isinstance(error, UnreadableResponse):
            return False
        if status == 405 or _NO_ROUTE.search(error.message.strip()):
            return False
        return isinstance(error, VideoNotFound) or (status != 404 and _is_json(body))
    return True


def _is_json(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False
