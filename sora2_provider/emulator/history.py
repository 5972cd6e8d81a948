"""What tests see: the requests, the accepted creates, and the videos.

Invariant: a key is never kept. Its scheme and a short fingerprint tell which key came with a request.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
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
    """The body as it was received."""
    price: float
    answer_lost: bool = False
    """The client could not read that its create was accepted: a fault took the answer, or it had gone."""


@dataclass(frozen=True)
class Received:
    """One request to the gateway's routes."""

    number: int
    at: float
    route: str
    """create, query, models, billing, content, file, or other for an address that the gateway does not have."""
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """With lower-case names, and without Authorization."""
    scheme: str | None
    """What kind of Authorization came (bearer), or None where none came."""
    key_fingerprint: str | None
    """See ``fingerprint``."""
    body: Any
    """As JSON where it is JSON, else as a text; None where there is none."""
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


def view(video: Video, state: VideoState) -> VideoView:
    """Return what tests see of a video in a state: the fields of both and of the request, by name."""
    known = {**vars(video.request), **vars(video), **vars(state), "links": len(video.links)}
    return VideoView(**{field.name: known[field.name] for field in fields(VideoView)})


def fingerprint(key: str) -> str:
    """Eight hex digits of the SHA-256 of a key."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def read_authorization(headers: Mapping[str, str]) -> tuple[str | None, str]:
    """Return the scheme in lower case, or None without the header, and the key."""
    value = headers.get("authorization")
    if value is None:
        return None, ""
    scheme, _, key = value.strip().partition(" ")
    return scheme.lower(), key.strip()


def read_body(body: bytes) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode(errors="replace")
