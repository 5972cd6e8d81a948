"""How long a rendering is expected to take, which decides when the first poll is due, and how many follow.

The table comes from dated answers and docs of the gateways: 77 to 225 s for small videos of 10 to 15 s, up to 15 min
for large ones. It is a beginning: what a connection's finished videos really took corrects it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sora2_provider.gateway.models import Video

DEFAULT_EXPECTED = 120.0
#: How much one finished video moves the expectation, as a share of the difference.
_WEIGHT = 0.2
_SHORTEST, _LONGEST = 5.0, 3600.0


class RenderingKind(NamedTuple):
    """What the rendering time depends on, as far as it is known."""

    model: str = ""
    size: str = ""
    duration: int = 0

    @property
    def expected(self) -> float:
        """The seconds that half of the renderings of this kind take at most."""
        seconds = 300.0 if self.size == "large" else DEFAULT_EXPECTED
        if self.model == "sora-2-pro":
            seconds *= 1.5
        if self.duration > 10:
            seconds *= math.sqrt(self.duration / 10)
        return seconds


class RenderTimeEstimator:
    """Learns from finished videos, one kind at a time."""

    def __init__(self) -> None:
        self._logarithms: dict[RenderingKind, float] = {}

    def estimate(self, kind: RenderingKind) -> float:
        """Return the seconds that a rendering of this kind is expected to take."""
        learned = self._logarithms.get(kind)
        return kind.expected if learned is None else math.exp(learned)

    def observe(
        self, kind: RenderingKind, seconds: float, *, at_least: float | None = None, told: float | None = None
    ) -> None:
        """Take what a finished video took.

        Between the last question that found it unfinished and the one that found it completed it may have ended at any
        time: after an outage that is an hour. Then the gateway's own times count, where they are possible at all, and
        else as little is learned as the questions allow.

        :param seconds: from its creation to the answer that it is completed.
        :param at_least: to the last question that found it unfinished; ``None`` if the end is known exactly.
        :param told: what it took by the gateway's own times.
        """
        least = seconds if at_least is None else min(at_least, seconds)
        before = self.estimate(kind)
        took = told if told is not None and least <= told <= seconds else min(max(before, least), seconds)
        # Logarithms, so that one that took ten times as long does not drown ten.
        moved = math.log(min(_LONGEST, max(_SHORTEST, took))) - math.log(before)
        self._logarithms[kind] = math.log(before) + _WEIGHT * moved


def rendering_seconds(video: Video, *, created: float) -> float | None:
    """Return how long a video took to render by the gateway's own times, which may be nonsense; ``None``: it tells none.

    :param created: when it was created, in seconds since the epoch, for a gateway that does not say that.
    """
    if video.completed_at is None:
        return None
    began = created if video.created_at is None else video.created_at.timestamp()
    return video.completed_at.timestamp() - began
