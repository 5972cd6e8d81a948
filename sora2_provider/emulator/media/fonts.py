"""Finds a font for a text, and escapes what it cannot show.

Invariant: a character that no installed font has is never drawn as an empty box; it is written as its code, and the
caller is told how many there were.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache

from PIL import ImageFont

# Looked up by file name in the system's font folders; the first ones cover the most scripts.
_CANDIDATES = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "PingFang.ttc",
    "Arial Unicode.ttf",
    "msyh.ttc",
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "Arial.ttf",
)

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
    wanted = set(text) - set("\n ")
    fonts = _fonts(size)
    missing = {font: {char for char in wanted if not _has(font, char)} for font in fonts}
    font = min(fonts, key=lambda font: len(missing[font]))
    drawn, escaped = [], 0
    for char in text:
        if char in missing[font] and not _invisible(char):
            drawn.append(f"\\u{{{ord(char):x}}}")
            escaped += 1
        elif not _invisible(char):
            drawn.append(char)
    return Lettering("".join(drawn), font, escaped)


def plain_font(size: int) -> AnyFont:
    """A font for digits and English."""
    return min(_fonts(size), key=lambda font: not _has(font, "0"))


@cache
def _fonts(size: int) -> tuple[AnyFont, ...]:
    found: list[AnyFont] = []
    for name in _CANDIDATES:
        try:
            found.append(ImageFont.truetype(name, size))
        except OSError:
            continue
    return (*found, ImageFont.load_default(size))


@cache
def _has(font: AnyFont, char: str) -> bool:
    if _invisible(char):
        return True
    try:
        # A character that the font lacks is drawn as the box of an unassigned one, or not at all.
        size, dots = _drawn(font, char)
        return char.isspace() or (any(dots) and (size, dots) != _drawn(font, "\U0010fffe"))
    except (OSError, ValueError, UnicodeError):
        return False


def _drawn(font: AnyFont, char: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(char)
    return mask.size, bytes(mask)


def _invisible(char: str) -> bool:
    """Joiners, direction marks, variation selectors and broken halves of characters: nothing to draw."""
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Mn") and char != "\n"
