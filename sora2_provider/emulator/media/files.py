"""The bytes of a served file, and which of them a Range asks for. Pure but for reading the file."""

from __future__ import annotations

import hashlib
import math
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sora2_provider.emulator.answers import Answer


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


_BLOCK = b"".join(hashlib.sha256(bytes([n // 256, n % 256])).digest() for n in range(2048))[:65521]
"""Padding repeats with a prime length, so that a download resumed at a wrong place does not look right."""


@dataclass(frozen=True)
class Movie:
    """An MP4 on disk, padded when served."""

    path: Path
    natural_size: int
    digest: str
    padded_size: int | None = None

    @property
    def size(self) -> int:
        # A free box has a header of 8 bytes: a smaller gap cannot be padded.
        if self.padded_size is None or self.padded_size < self.natural_size + 8:
            return self.natural_size
        return self.padded_size

    @property
    def etag(self) -> str:
        return f'"{self.digest[:24]}-{self.size}"'

    def chunks(self, start: int, stop: int, length: int = 131_072) -> Iterator[bytes]:
        """Yield the bytes from start up to stop, in constant memory."""
        position = start
        with self.path.open("rb") as file:
            file.seek(min(position, self.natural_size))
            while position < stop:
                wanted = min(length, stop - position)
                if position < self.natural_size:
                    chunk = file.read(min(wanted, self.natural_size - position))
                    if not chunk:
                        raise OSError(f"{self.path} became shorter while it was served")
                else:
                    chunk = self._padding(position - self.natural_size, wanted)
                position += len(chunk)
                yield chunk

    def _padding(self, offset: int, length: int) -> bytes:
        if offset < 8:
            header = (self.size - self.natural_size).to_bytes(4, "big") + b"free"
            return header[offset : offset + length]
        place = (offset - 8) % len(_BLOCK)
        return _BLOCK[place : place + length]


def movie_at(path: Path) -> Movie:
    data = path.read_bytes()
    return Movie(path, len(data), hashlib.sha256(data).hexdigest())


@dataclass(frozen=True)
class Download:
    """A file, or a part of it, as one answer carries it."""

    movie: Movie
    status: int
    start: int
    stop: int

    @property
    def headers(self) -> dict[str, str]:
        headers = {"Content-Type": "video/mp4", "Accept-Ranges": "bytes", "ETag": self.movie.etag}
        if self.status == 206:
            headers["Content-Range"] = f"bytes {self.start}-{self.stop - 1}/{self.movie.size}"
        return headers


def read_download(movie: Movie, headers: Mapping[str, str]) -> Download | Answer:
    """Return what a request with these (lower-case) headers gets of a movie."""
    asked = headers.get("range")
    if headers.get("if-range", movie.etag) != movie.etag:
        asked = None
    try:
        part = read_range(asked, movie.size)
    except UnsatisfiableRangeError:
        return Answer(416, headers=(("Content-Range", f"bytes */{movie.size}"), ("ETag", movie.etag)))
    if part is None:
        return Download(movie, 200, 0, movie.size)
    return Download(movie, 206, *part)


class UnsatisfiableRangeError(ValueError):
    """The Range asks for nothing that the file has."""


def read_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return start and stop of a Range header, or None for the whole file.

    A header that is malformed or asks for several ranges is ignored, as RFC 9110 allows.
    """
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.replace(" ", "")) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        length = int(last)
        if length == 0:
            raise UnsatisfiableRangeError(header)
        return max(0, size - length), size
    start, stop = int(first), min(size, int(last) + 1) if last else size
    if last and int(last) < int(first):
        return None
    if start >= size:
        raise UnsatisfiableRangeError(header)
    return start, stop
