"""Which image a file holds, by its content: JPEG, PNG or WebP, and its pixels."""

from __future__ import annotations

import base64
import binascii
import re
from typing import NamedTuple

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class ImageKind(NamedTuple):
    """What the head of an image file says."""

    media_type: str
    pixels: tuple[int, int]
    """Width and height."""


def read_image(data: bytes) -> ImageKind | None:
    """Return what the file is; None where it is none of the three, or broken."""
    for media_type, read in (("image/png", _png), ("image/jpeg", _jpeg), ("image/webp", _webp)):
        pixels = read(data)
        if pixels and all(pixels):
            return ImageKind(media_type, pixels)
    return None


def decode_image(text: str) -> bytes | None:
    """Return the bytes of a data URL or of plain base64; None where the text is neither."""
    encoded = re.sub(r"^data:[^,]*;base64,", "", text)
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None


def _png(data: bytes) -> tuple[int, int] | None:
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or data[12:16] != b"IHDR" or len(data) < 24:
        return None
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _jpeg(data: bytes) -> tuple[int, int] | None:
    place = 2 if data.startswith(b"\xff\xd8\xff") else len(data)
    while place + 9 <= len(data) and data[place] == 0xFF:
        if data[place + 1] in _JPEG_FRAMES:
            return int.from_bytes(data[place + 7 : place + 9], "big"), int.from_bytes(
                data[place + 5 : place + 7], "big"
            )
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    if data[12:16] == b"VP8 ":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    if data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
