"""How long a rendering is expected to take, which decides when the first poll is due, and how many follow.

The table comes from dated answers and docs of the gateways: 77 to 225 s for small videos of 10 to 15 s, up to 15 min
for large ones. It is a beginning: what a connection's finished videos really took corrects it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

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

    def observe(self, kind: RenderingKind, seconds: float) -> None:
        """Take what a finished video took. Logarithms, so that one that took ten times as long does not drown ten."""
        took = math.log(min(_LONGEST, max(_SHORTEST, seconds)))
        before = math.log(self.estimate(kind))
        self._logarithms[kind] = before + _WEIGHT * (took - before)
