"""The bytes of a served file, and which of them a Range header asks for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sora2_provider.emulator.answers import Answer

SAMPLE_IMAGES = {name: Path(__file__).with_name(name) for name in ("sample.png", "landscape.png")}
"""An evening sky, a sun and three rows of hills, in portrait and in landscape."""
PICTURES = {
    "thumbnail": ("image/webp", Path(__file__).with_name("thumbnail.webp")),
    "spritesheet": ("image/jpeg", Path(__file__).with_name("spritesheet.jpg")),
}
"""What the openai wire serves of every video beside the film: its media type, and the file."""

_BLOCK = b"".join(hashlib.sha256(bytes([n // 256, n % 256])).digest() for n in range(2048))[:65521]
"""The padding repeats this. Its length is a prime number, so that a download resumed at a wrong place differs."""


@dataclass(frozen=True)
class Movie:
    """An MP4 file on disk, padded when it is served."""

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
            file.seek(min(start, self.natural_size))
            while position < stop:
                wanted = min(length, stop - position)
                chunk = file.read(wanted) or self._padding(position - self.natural_size, wanted)
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
    """Return the part of a movie that a request with these (lower-case) headers asks for."""
    # A Range for another version of the file is ignored.
    asked = headers.get("range", "") if headers.get("if-range", movie.etag) == movie.etag else ""
    part = read_range(asked, movie.size)
    if part is None:
        return Download(movie, 200, 0, movie.size)
    if part[0] >= part[1]:
        return Answer(416, headers=(("Content-Range", f"bytes */{movie.size}"), ("ETag", movie.etag)))
    return Download(movie, 206, *part)


def read_range(header: str, size: int) -> tuple[int, int] | None:
    """Return start and stop of a Range header, which are equal or reversed where it asks for nothing of the file.

    None is the whole file: a header that is malformed or asks for several ranges is ignored, as RFC 9110 allows.
    """
    match = re.fullmatch(r"bytes=(?=.*\d)(\d*)-(\d*)", header.replace(" ", ""))
    if match is None:
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None
    return int(first), min(size, int(last) + 1) if last else size
