"""What a wire is, and what wires share. Pure.

A dialect decides on addresses, reading and words only: the account and the life of a video are the same on all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from sora2_provider.emulator.answers import Answer, api_error, no_such_task
from sora2_provider.emulator.create_request import CreateRequest
from sora2_provider.emulator.request_body import RequestBody
from sora2_provider.emulator.settings import Settings
from sora2_provider.emulator.task_objects import task_word
from sora2_provider.emulator.videos import VideoSnapshot


class Route(NamedTuple):
    """An address of the gateway."""

    action: str
    """create, remix, query, content, list, delete; or one that every server has for itself: models, billing, file."""
    method: str
    """GET includes HEAD."""
    path: str
    """A regular expression; the group ``item`` is the video's id, without it the id is the parameter ``id``."""


class Dialect:
    """One wire of a gateway. What a dialect does not override is as on new-api's task routes.

    Methods that read raise RefusedError, which holds the answer to a wrong request.
    """

    name: ClassVar[str]
    routes: ClassVar[tuple[Route, ...]]
    endpoint_type: ClassVar[str] = ""
    """The word for this wire in ``supported_endpoint_types``, where gateways have one."""
    serves_ranges: ClassVar[bool] = True
    """Whether the content route obeys a Range header."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def new_id(self, model: str) -> str:
        """Make an id for a video of this model."""
        raise NotImplementedError

    def known_id(self, asked: str) -> str:
        """Return the id under which a video that is asked for was made."""
        return asked

    def read_create(self, body: RequestBody) -> CreateRequest:
        raise NotImplementedError

    def created(self, snapshot: VideoSnapshot) -> Answer:
        """Answer an accepted create or remix."""
        raise NotImplementedError

    def queried(self, snapshot: VideoSnapshot) -> Answer:
        raise NotImplementedError

    def ratios(self, _request: CreateRequest) -> dict[str, float]:
        """Return by what the price is multiplied, and why."""
        return {}

    def too_poor(self, remaining: float, request_id: str) -> Answer:
        """Refuse a create for which the account has too little; ``remaining`` is in USD."""
        message = f"用户额度不足, 剩余额度: ＄{remaining:.6f} (request id: {request_id})"
        return api_error(403, message, code="insufficient_user_quota")

    def no_such_video(self, _video_id: str) -> Answer:
        return no_such_task()

    def no_such_content(self, video_id: str) -> Answer:
        return self.no_such_video(video_id)

    def unfinished(self, snapshot: VideoSnapshot) -> Answer:
        """Answer a request for the file of a video that has none (yet)."""
        message = f"Task is not completed yet, current status: {task_word(snapshot.state)}"
        return api_error(400, message, kind="invalid_request_error")

    def variant(self, _query: Mapping[str, str]) -> str:
        """Return what the content route is asked for: video, thumbnail or spritesheet."""
        return "video"

    def read_remix(self, body: RequestBody, source: VideoSnapshot) -> CreateRequest:
        """Read a remix of a video; only for dialects that have its route, as are the two below."""
        raise NotImplementedError

    def listed(self, query: Mapping[str, str], videos: Sequence[VideoSnapshot]) -> Answer:
        """Answer with the part of all videos, oldest first, that is asked for."""
        raise NotImplementedError

    def deleted(self, snapshot: VideoSnapshot) -> Answer:
        """Answer a request to delete a video; RefusedError where it stays."""
        raise NotImplementedError
