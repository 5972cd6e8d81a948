"""A valid create request, whatever the wire on which it came."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_PIXELS = {"landscape": (1280, 720), "portrait": (720, 1280), "square": (720, 720)}
_LIMITS = range(64, 4097)


@dataclass(frozen=True)
class CreateRequest:
    """What is to be rendered."""

    model: str
    prompt: str
    duration: int
    """Seconds."""
    size: str
    """As the request says it."""
    pixels: tuple[int, int]
    """Width and height."""
    body: dict[str, Any]
    """The request as the history keeps it."""
    images: tuple[str, ...] = ()
    """Links and data URLs."""
    image_file: bytes | None = field(default=None, repr=False)
    """The source image where it was uploaded."""
    remixed_from: str = ""
    """The id of the video of which this is a remix."""

    @property
    def orientation(self) -> str:
        width, height = self.pixels
        return "landscape" if width > height else "portrait"


def pixels_of(size: str, ratio: str = "") -> tuple[int, int]:
    """Return the pixels that a size (``1280x720``, ``1920*1080``, ``16x9``, ``720P``) and a ratio (``16:9``) mean.

    Where they mean none, they are those of a portrait of 720p.
    """
    for text in (size, ratio):
        match = re.fullmatch(r"(\d{1,5})[x*:](\d{1,5})", text.strip().lower())
        if match:
            width, height = int(match[1]), int(match[2])
            if width in _LIMITS and height in _LIMITS:
                # A film in the usual colours has even sides.
                return width // 2 * 2, height // 2 * 2
            word = "landscape" if width > height else "portrait" if width < height else "square"
            return _PIXELS[word]
    return _PIXELS["portrait"]
