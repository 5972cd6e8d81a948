"""What a dialect says, and what dialects share. Pure.

A dialect decides on routes and shapes only: the rules and the life of a video are the same in all of them.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sora2_provider.emulator.answers import Answer, api_error, no_such_task
from sora2_provider.emulator.create_request import CreateRequest, read_unified
from sora2_provider.emulator.videos import Video, VideoState

BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
TASK_WORDS = {
    "queued": "SUBMITTED",
    "in_progress": "IN_PROGRESS",
    "completed": "SUCCESS",
    "failed": "FAILURE",
    "cancelled": "CANCELLED",
}


class Route(NamedTuple):
    """An address of the gateway."""

    name: str
    """create, query, content, models, billing or file."""
    method: str
    """GET includes HEAD."""
    path: str
    """A regular expression; the group ``item`` is the video's id, without it the id is the parameter ``id``."""


UNIFIED_ROUTES = (
    Route("create", "POST", "/v1/video/create"),
    Route("query", "GET", "/v1/video/query"),
    Route("query", "GET", "/v1/videos/(?P<item>[^/]+)/?"),
    Route("content", "GET", "/v1/videos/(?P<item>[^/]*)/content/?"),
)


SHARED_ROUTES = (
    Route("models", "GET", "/v1/models(?:/(?P<item>[^/]*))?/?"),
    Route("billing", "GET", "/v1/dashboard/billing/(?P<item>subscription|usage)"),
    Route("billing", "GET", "/api/usage/(?P<item>token)/?"),
    Route("file", "GET", "/files/(?P<item>[^/]+)/?"),
)
"""The routes that every dialect has besides its own."""


@dataclass(frozen=True)
class VideoSnapshot:
    """A video as one answer shows it."""

    video: Video
    state: VideoState
    link: str | None
    link_expires_at: float | None = None


def task_word(state: VideoState) -> str:
    """Return the status word of new-api's tasks."""
    return TASK_WORDS.get(state.status, state.status.upper())


def not_completed(state: VideoState) -> Answer:
    message = f"Task is not completed yet, current status: {task_word(state)}"
    return api_error(400, message, kind="invalid_request_error")


@dataclass(frozen=True)
class Dialect:
    """How one kind of gateway speaks. What is left out is as in the unified format."""

    new_id: Callable[[str], str]
    """Makes an id for a video of the given model."""
    created: Callable[[VideoSnapshot], dict[str, Any]]
    """The body of the answer to an accepted create."""
    queried: Callable[[VideoSnapshot], dict[str, Any]]
    """The body of the answer to a query."""
    routes: tuple[Route, ...] = UNIFIED_ROUTES
    """Where it takes creates, queries and requests for content; the other routes are the same in all dialects."""
    read_create: Callable[[str, bytes], CreateRequest] = read_unified
    """Reads a create's content type and body; RefusedError holds the answer to a wrong one."""
    no_such_video: Callable[[str], Answer] = no_such_task
    """The answer to a request for an id that does not exist."""
    unfinished: Callable[[VideoState], Answer] = not_completed
    """The answer to a request for the content of a video that is not completed."""

    def find_route(self, method: str, path: str, query: Mapping[str, str]) -> tuple[str, str]:
        """Return the route's name, or ``other``, and what is asked for: an id, or the name of a model, a bill or a file."""
        reads = "GET" if method == "HEAD" else method
        for route in (*self.routes, *SHARED_ROUTES):
            match = re.fullmatch(route.path, path)
            if match and route.method == reads:
                return route.name, match.groupdict().get("item", query.get("id")) or ""
        return "other", ""


def random_id(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def openai_video(snapshot: VideoSnapshot) -> dict[str, Any]:
    """The video object of OpenAI's API, which other gateways extend."""
    video, state = snapshot.video, snapshot.state
    width, height = video.request.pixels
    failed = state.status == "failed"
    return {
        "id": video.id,
        "object": "video",
        "model": video.request.model,
        "status": state.status,
        "progress": state.progress,
        "created_at": int(video.created_at),
        "completed_at": int(state.ended_at) if state.status == "completed" and state.ended_at else None,
        "expires_at": int(snapshot.link_expires_at) if snapshot.link_expires_at else None,
        "seconds": str(video.request.duration),
        "size": f"{width}x{height}",
        "error": {"code": state.error_code, "message": state.error_message} if failed else None,
    }
