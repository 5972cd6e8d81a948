"""The life of a video: queued, in progress with a percent, and an end. Pure: the time is passed in.

A video's state follows from the video and the time alone, so moving the time shows what a client sees that waits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from sora2_provider.emulator.create_request import CreateRequest

LinkTrouble = Literal["expired", "missing", "dead"]
LINK_TROUBLES = get_args(LinkTrouble)


@dataclass(frozen=True)
class Outcome:
    """How and when a rendering ends, where a test decides it."""

    status: str
    """completed, failed, cancelled, stuck (in progress for ever), or any other word, which queries then answer."""
    at: float
    error_code: str = ""
    error_message: str = ""


@dataclass(frozen=True)
class Link:
    """A signed link to a video's file."""

    serial: int
    made_at: float
    expires_at: float
    dead: bool = False


@dataclass(frozen=True)
class Video:
    """One accepted create."""

    id: str
    number: int
    file_name: str
    request: CreateRequest
    created_at: float
    render_seconds: float
    wire: str = ""
    """The dialect in which it was made."""
    price: float = 0.0
    """In USD."""
    outcome: Outcome | None = None
    link_trouble: str = ""
    """expired: the next link has expired when it is made; missing: answers have no link; dead: links answer 404."""
    links: tuple[Link, ...] = ()
    """Every link made so far; the last one is current."""
    deleted: bool = False

    @property
    def rendered_at(self) -> float:
        return self.created_at + self.render_seconds


@dataclass(frozen=True)
class VideoState:
    """What a video looks like at one time."""

    status: str
    """queued, in_progress, completed, failed, cancelled, or another word that was asked for; never stuck."""
    progress: int
    changed_at: float
    ended_at: float | None = None
    error_code: str = ""
    error_message: str = ""


@dataclass(frozen=True)
class VideoSnapshot:
    """A video as one answer shows it."""

    video: Video
    state: VideoState
    link: str | None = None
    link_expires_at: float | None = None
    base_url: str = ""
    """The gateway's own address."""


def state_at(video: Video, now: float) -> VideoState:
    ending = video.outcome if video.outcome and now >= video.outcome.at and video.outcome.status != "stuck" else None
    elapsed = (ending.at if ending else now) - video.created_at
    share = elapsed / video.render_seconds if video.render_seconds else 1.0
    percent = min(99, int(share * 100))
    if ending and ending.status == "completed":
        return VideoState("completed", 100, ending.at, ending.at)
    if ending and ending.status in ("failed", "cancelled"):
        return VideoState(ending.status, percent, ending.at, ending.at, ending.error_code, ending.error_message)
    if ending:
        return VideoState(ending.status, percent, now)
    if share < 0.1:
        return VideoState("queued", 0, video.created_at)
    if share < 1 or video.outcome:
        return VideoState("in_progress", percent, now)
    return VideoState("completed", 100, video.rendered_at, video.rendered_at)


def with_link(video: Video, now: float, link_seconds: float) -> Video:
    """Return the video with a current link: the one it has, or a fresh one where that has expired or is dead."""
    last = video.links[-1] if video.links else None
    if last and now < last.expires_at and (not last.dead or video.link_trouble == "dead"):
        return video
    expires_at = now + link_seconds if video.link_trouble != "expired" else now
    link = Link(len(video.links) + 1, now, expires_at, dead=video.link_trouble == "dead")
    trouble = "" if video.link_trouble == "expired" else video.link_trouble
    return replace(video, links=(*video.links, link), link_trouble=trouble)


def with_expired_links(video: Video, now: float) -> Video:
    return replace(video, links=tuple(replace(k, expires_at=min(k.expires_at, now)) for k in video.links))
