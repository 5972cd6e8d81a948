"""What tests see: the requests, the accepted creates, and the videos.

Invariant: a key is never kept. Its scheme and a short fingerprint tell which key came with a request.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sora2_provider.emulator.videos import Video, VideoState


@dataclass(frozen=True)
class Billed:
    """One accepted create: what the user pays for, whether or not the answer reached the client."""

    number: int
    """1, 2, 3, in the order of acceptance."""
    id: str
    at: float
    request: dict[str, Any]
    """The body as it was received; of a form its fields, and of a file its name, content type, length and SHA-256."""
    price: float
    answer_lost: bool = False
    """The client could not read that its create was accepted: a fault took the answer, or it had gone."""
    wire: str = ""
    """The wire on which it came: unified, openai, generations or v2."""


@dataclass(frozen=True)
class Received:
    """One request to the gateway's routes."""

    number: int
    at: float
    route: str
    """create (a remix, too), query, content, list, delete, models, billing, pricing, status, file, or other for an address
    that the gateway does not have."""
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """With lower-case names, and without those that hold a key."""
    scheme: str | None
    """What kind of Authorization came (bearer), the name of another header that held a key, or None where none came."""
    key_fingerprint: str | None
    """The first eight hex digits of the key's SHA-256."""
    body: Any
    """As JSON where it is JSON, a form as an object (see ``Billed.request``), else as a text; None where there is none."""
    video_id: str = ""
    status: int | None = None
    """The answer's status; None while it is being made, or where the connection was reset."""
    fault: dict[str, Any] | None = None
    """The fault that the request met."""

    @property
    def has_authorization(self) -> bool:
        return self.scheme is not None


@dataclass(frozen=True)
class VideoView:
    """A video now."""

    id: str
    status: str
    """queued, in_progress, completed, failed, cancelled, or a scripted word."""
    progress: int
    error_code: str
    error_message: str
    model: str
    prompt: str
    orientation: str
    size: str
    duration: int
    images: tuple[str, ...]
    created_at: float
    links: int
    """How many links were made for it so far."""
    wire: str
    """The wire on which it was made."""
    remixed_from: str
    deleted: bool


def view(video: Video, state: VideoState) -> VideoView:
    """Return what tests see of a video in a state: the fields of both and of the request, by name."""
    known = {**vars(video.request), **vars(video), **vars(state), "links": len(video.links)}
    known["orientation"] = video.request.orientation
    return VideoView(**{field.name: known[field.name] for field in fields(VideoView)})
