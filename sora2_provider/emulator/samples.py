"""Sample source images, so that image-to-video can be shown with no network. Drawn without Pillow."""

from __future__ import annotations

import math
import struct
import zlib
from functools import cache


@cache
def portrait() -> bytes:
    return _scene(720, 1280)


@cache
def landscape() -> bytes:
    return _scene(1280, 720)


SAMPLES = {"sample.png": portrait, "landscape.png": landscape}


def _scene(width: int, height: int) -> bytes:
    """Return a PNG of an evening sky, a sun and three rows of hills."""
    sun_x, sun_y, radius = width * 0.62, height * 0.42, min(width, height) * 0.14
    rows = []
    for y in range(height):
        share = y / height
        sky = bytes((int(40 + 210 * share), int(60 + 110 * share), int(120 + 20 * share)))
        row = bytearray(sky * width)
        reach = radius**2 - (y - sun_y) ** 2
        if reach > 0:
            half = math.sqrt(reach)
            left, right = int(sun_x - half), int(sun_x + half)
            row[left * 3 : right * 3] = bytes((255, 226, 150)) * (right - left)
        rows.append(row)
    for hill, colour in enumerate(((120, 84, 120), (84, 58, 100), (46, 34, 70))):
        base, swing = height * (0.58 + 0.13 * hill), height * 0.05
        for x in range(width):
            top = int(base + swing * math.sin(x / width * (5 + 2 * hill) + hill * 2))
            for y in range(top, int(base + swing) + 1):
                rows[y][x * 3 : x * 3 + 3] = bytes(colour)
        for y in range(int(base + swing), height):
            rows[y][:] = bytes(colour) * width
    return _png(width, height, b"".join(b"\0" + row for row in rows))


def _png(width: int, height: int, scanlines: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    image = zlib.compress(scanlines, 6)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", image) + chunk(b"IEND", b"")
