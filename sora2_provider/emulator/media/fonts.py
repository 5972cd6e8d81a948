"""Finds the installed font that can show most of a text, and writes the characters that it lacks as codes.

Invariant: a character that no installed font has is never drawn as an empty box, and the caller is told how many there were.
"""

from __future__ import annotations

import contextlib
import unicodedata
from dataclasses import dataclass
from functools import cache

from PIL import ImageFont

#: Looked up by file name in the system's font folders. Pillow's own font, which comes last, has no Chinese.
_CANDIDATES = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "PingFang.ttc",
    "Arial Unicode.ttf",
    "DejaVuSans.ttf",
)
#: Joiners, direction marks, variation selectors and broken halves of characters: nothing to draw.
_INVISIBLE = ("Cc", "Cf", "Cs", "Mn")

AnyFont = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Lettering:
    """A text as it can be drawn, and the font for it."""

    text: str
    font: AnyFont
    escaped: int
    """How many characters are written as codes."""


def lettering(text: str, size: int) -> Lettering:
    """Return the text in the installed font that can show the most of it."""
    fonts = _fonts(size)
    visible = [char for char in text if char == "\n" or unicodedata.category(char) not in _INVISIBLE]
    missing = {font: {char for char in set(visible) if not _has(font, char)} for font in fonts}
    font = min(fonts, key=lambda font: len(missing[font]))
    drawn = (f"\\u{{{ord(char):x}}}" if char in missing[font] else char for char in visible)
    return Lettering("".join(drawn), font, sum(char in missing[font] for char in visible))


@cache
def _fonts(size: int) -> tuple[AnyFont, ...]:
    found: list[AnyFont] = []
    for name in _CANDIDATES:
        with contextlib.suppress(OSError):
            found.append(ImageFont.truetype(name, size))
    return (*found, ImageFont.load_default(size))


@cache
def _has(font: AnyFont, char: str) -> bool:
    if char.isspace():
        return True
    try:
        mask, box = font.getmask(char), font.getmask("\U0010fffe")
    except (OSError, ValueError):
        return False
    # A character that the font lacks is drawn as the box of an unassigned one, or not at all.
    return any(bytes(mask)) and (mask.size, bytes(mask)) != (box.size, bytes(box))
