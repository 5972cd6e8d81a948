"""The values that travel: what is asked for, and what the gateway says of it."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pendulum

from sora2_provider.gateway import parameters


class VideoStatus(enum.StrEnum):
    """Where a video stands. A word that no gateway is known to use is ``unknown``, which is not an end."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen to the video."""
        return self in _TERMINAL


# To look a member up in its enum takes longer than to read a field, on Python 3.11.
_TERMINAL = frozenset({VideoStatus.COMPLETED, VideoStatus.FAILED, VideoStatus.CANCELLED})


@dataclass(frozen=True)
class Usage:
    """What the gateway counted for a create, in its tokens; a count that it did not give is ``None``."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


@dataclass(frozen=True)
class VideoRequest:
    """A create that is worth sending: making one raises :class:`ValueError` for anything the gateway refuses.

    :param prompt: what to render: style, action, camera.
    :param images: http(s) links to source images; empty for text to video. Also one link, or a string that
        holds a JSON list of links.
    :param model: the model's name at the gateway.
    :param orientation: ``portrait`` or ``landscape``.
    :param size: ``small`` (about 720p) or ``large``.
    :param duration: length in seconds, as a number or a string of digits. ``sora-2`` offers 10 and 15,
        ``sora-2-pro`` also 25; of a model that this package does not know only the type is checked.
    :param extra: fields that the model adds, such as ``watermark``; they cannot replace the ones above.
    :param dialect: the API that it is for, which may offer other lengths; empty for the connection's.
    """

    prompt: str
    images: tuple[str, ...] = ()
    model: str = "sora-2"
    orientation: str = "portrait"
    size: str = "small"
    duration: int = 10
    extra: Mapping[str, Any] = field(default_factory=dict)
    dialect: str = ""

    def __post_init__(self) -> None:
        for name, value in parameters.checked(vars(self)).items():
            object.__setattr__(self, name, value)

    def to_json(self) -> dict[str, Any]:
        """Return the create body; ``duration`` is an int and ``images`` is always present."""
        return {
            "images": list(self.images),
            "model": self.model,
            "orientation": self.orientation,
            "prompt": self.prompt,
            "size": self.size,
            "duration": self.duration,
            **self.extra,
        }


@dataclass(frozen=True)
class Video:
    """A video as one answer of the gateway describes it.

    ``url`` is set only when the status is ``completed``, and can be missing even then: the gateway's content
    route serves the bytes. ``failure_permanent`` says that the same request would fail again (moderation,
    bad input). ``status_word`` is the gateway's own word. Times are in UTC.
    """

    id: str
    status: VideoStatus
    progress: int | None = None
    url: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    failure_permanent: bool = False
    model: str | None = None
    created_at: pendulum.DateTime | None = None
    updated_at: pendulum.DateTime | None = None
    completed_at: pendulum.DateTime | None = None
    expires_at: pendulum.DateTime | None = None
    usage: Usage | None = None
    status_word: str | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    #: Where links stand that can each be the film's: with several of them, none is taken.
    link_places: tuple[str, ...] = field(default=(), repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict without ``raw``, times as ISO 8601: what XCom and events carry."""
        return {one.name: _as_json(getattr(self, one.name)) for one in dataclasses.fields(self) if one.compare}


def _as_json(value: Any) -> Any:
    if isinstance(value, pendulum.DateTime):
        return value.isoformat()
    if isinstance(value, Usage):
        return dataclasses.asdict(value)
    return value.value if isinstance(value, VideoStatus) else value


class Balance(NamedTuple):
    """What an account has left.

    :param unit: ``usd``, or ``quota`` where the gateway counts in points of its own.
    """

    granted: float | None = None
    used: float | None = None
    remaining: float | None = None
    unlimited: bool = False
    unit: str = "usd"
