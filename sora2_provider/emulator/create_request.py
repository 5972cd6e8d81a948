"""A create as the emulator understood it, whatever the dialect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PIXELS = {
    ("portrait", "small"): (720, 1280),
    ("landscape", "small"): (1280, 720),
    ("portrait", "large"): (1024, 1792),
    ("landscape", "large"): (1792, 1024),
}


@dataclass(frozen=True)
class Order:
    """A valid create."""

    images: tuple[str, ...]
    model: str
    orientation: str
    prompt: str
    size: str
    duration: int
    body: dict[str, Any]
    """The JSON object as it was received."""

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height."""
        return PIXELS[self.orientation, self.size]
