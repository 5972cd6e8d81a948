"""The life of a video: queued, in progress with a percent, and an end. Pure: the time is passed in.

Invariant: what a video looks like follows from the video and the time alone, so a test that moves the clock sees
what a patient client would have seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sora2_provider.emulator.create_request import Order

QUEUED_SHARE = 0.1
LINK_TROUBLES = ("expired", "missing", "dead")


@dataclass(frozen=True)
class Outcome:
    """How a rendering ends, where it does not simply succeed.

    ``status`` is completed, failed, cancelled, stuck (in progress for ever), or any other word, which queries then
    say as it is.
    """

    status: str
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
    order: Order
    created_at: float
    render_seconds: float
    outcome: Outcome | None = None
    link_trouble: str = ""
    """expired: the next link is born expired; missing: no link is told; dead: links lead nowhere."""
    links: tuple[Link, ...] = ()
    """Every link made so far; the last one is current."""

    @property
    def rendered_at(self) -> float:
        return self.created_at + self.render_seconds


@dataclass(frozen=True)
class State:
    """What a video looks like at one time; ``status`` as in Outcome, or queued or in_progress."""

    status: str
    progress: int
    changed_at: float
    ended_at: float | None = None
    error_code: str = ""
    error_message: str = ""


def state_at(video: Video, now: float) -> State:
    outcome = video.outcome
    if outcome and now >= outcome.at and outcome.status != "stuck":
        return _after(video, outcome, now)
    share = (now - video.created_at) / video.render_seconds if video.render_seconds else 1.0
    if share < QUEUED_SHARE:
        return State("queued", 0, video.created_at)
    if share < 1 or outcome:
        return State("in_progress", min(99, int(share * 100)), now)
    return State("completed", 100, video.rendered_at, video.rendered_at)


def _after(video: Video, outcome: Outcome, now: float) -> State:
    if outcome.status == "completed":
        return State("completed", 100, outcome.at, outcome.at)
    share = (outcome.at - video.created_at) / video.render_seconds if video.render_seconds else 1.0
    progress = min(99, int(share * 100))
    if outcome.status in ("failed", "cancelled"):
        code, message = outcome.error_code, outcome.error_message
        return State(outcome.status, progress, outcome.at, outcome.at, code, message)
    return State(outcome.status, progress, now)


def with_link(video: Video, now: float, link_seconds: float) -> Video:
    """Return the video with a current link: the one it has, or a fresh one where that is of no more use."""
    last = video.links[-1] if video.links else None
    if last and now < last.expires_at and (not last.dead or video.link_trouble == "dead"):
        return video
    expires_at = now + link_seconds if video.link_trouble != "expired" else now
    link = Link(len(video.links) + 1, now, expires_at, dead=video.link_trouble == "dead")
    trouble = "" if video.link_trouble == "expired" else video.link_trouble
    return replace(video, links=(*video.links, link), link_trouble=trouble)


def with_expired_links(video: Video, now: float) -> Video:
    return replace(video, links=tuple(replace(k, expires_at=min(k.expires_at, now)) for k in video.links))
