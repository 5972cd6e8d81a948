"""Fetches a video's bytes, whole or not at all, in constant memory.

Links expire, transfers are cut, gateways answer with pages and JSON under a video's name. Invariants:

* what is written is a video, from its first byte to its last: the length is checked, and a transfer that was cut goes
  on where it stopped only if the file is still the same one;
* no server can send without end: not in bytes, and not in time;
* downloading costs nothing, so every doubt ends in an error after which the download may be repeated.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import requests
import urllib3

from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.download.embedded import find_film
from sora2_provider.gateway.download.media_types import Mp4Boxes, is_known, is_packed, is_video, media_type
from sora2_provider.gateway.download.source import FILE_STATUSES, DeadLink, VideoSource
from sora2_provider.gateway.errors import (
    FileTooLarge,
    GatewayError,
    GatewayUnavailable,
    RateLimited,
    UnreadableResponse,
)
from sora2_provider.gateway.models import Video
from sora2_provider.gateway.transport.deadlines import TooSlow

_CHUNK = 64 * 1024
_HEAD = 1024
#: Bytes that are asked for again before a transfer goes on, and compared: another file under the same address differs.
_OVERLAP = 16 * 1024
#: Tries in a row that brought fewer than so many bytes; one that brought more starts the count anew.
_MAX_FRUITLESS_TRIES, _FRUITLESS_BELOW = 5, 64 * 1024
#: Seconds after which a download is given up, however well it goes on.
_LONGEST_DOWNLOAD = 12 * 3600.0
#: Seconds; who is told to come back later than this leaves it to Airflow's retries.
_LONGEST_PAUSE = 300.0


class Sink(Protocol):
    """Where the bytes go, in order, each once."""

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""


@dataclass(frozen=True)
class Downloaded:
    """What was fetched.

    :param size: bytes.
    :param sha256: hex digest of the bytes.
    :param content_type: media type, by the bytes where they tell.
    :param length_known: whether the server named a length, so that the end could be checked.
    """

    size: int
    sha256: str
    content_type: str
    length_known: bool


@dataclass(eq=False, repr=False)
class CannotResume(GatewayUnavailable):
    """The bytes written so far cannot be continued: only a new download can help."""

    transient: bool = True


def download(
    client: Sora2Client,
    video: Video,
    sink: Sink,
    *,
    pause: Callable[[float], None],
    report: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> Downloaded:
    """Write a completed video's bytes to a sink, at most as many as the settings allow.

    :param pause: sleeps for so many seconds.
    :param report: called with a log line before a try is repeated or another address is taken.
    :param clock: returns seconds.
    :raises FileTooLarge: there are more than the settings allow.
    :raises InternalAddress: the link leads where it may not, and the gateway itself does not serve the file.
    :raises CannotResume: what the sink has got cannot be continued: a download into another one may work.
    :raises GatewayError: the bytes could not be had; ``transient`` says whether a later try may get them.
    """
    transfer = _Transfer(sink, client.settings.max_video_mb, clock)
    source = VideoSource(client, video)
    fruitless = 0
    while True:
        before = transfer.size
        try:
            try:
                return transfer.run(source)
            except DeadLink as dead:
                refusal = dead.error
            except GatewayError as error:
                # With a part of the file in hand, what breaks is the transfer and not the address.
                if transfer.size or not error.transient or isinstance(error, (RateLimited, CannotResume)):
                    raise
                refusal = error
            if source.is_link:
                report(f"The link does not serve the video ({refusal}); asking the gateway for a fresh one.")
            source.turn(refusal)
        except GatewayError as error:
            fruitless = 0 if transfer.size - before >= _FRUITLESS_BELOW else fruitless + 1
            seconds = max(error.retry_after or 0.0, float(2**fruitless))
            over = fruitless >= _MAX_FRUITLESS_TRIES or seconds > _LONGEST_PAUSE
            if over or not source.may_come(error) or isinstance(error, CannotResume):
                raise source.explained(error) from None
            stopped = f"The download of {video.id} stopped at byte {transfer.size} ({error})"
            report(f"{stopped}; going on in {seconds:.0f} s.")
            pause(seconds)


class _Transfer:
    """The bytes so far, and how to continue them."""

    def __init__(self, sink: Sink, limit_mb: int, clock: Callable[[], float]) -> None:
        self._sink = sink
        self._limit_mb = limit_mb
        self._clock = clock
        self._give_up = clock() + _LONGEST_DOWNLOAD
        self._digest = hashlib.sha256()
        self._boxes = Mp4Boxes()
        self._total: int | None = None
        self._validator: str | None = None
        self._tail = b""
        self._content_type = "application/octet-stream"
        self.size = 0

    def run(self, source: VideoSource) -> Downloaded:
        """Fetch from a source until the end of the file."""
        while not self._fetched(source):
            pass  # the content route named a link; the source knows it now
        if self._total is not None and self.size != self._total:
            raise GatewayUnavailable(f"The file was cut at {self.size} of {self._total} bytes.", transient=True)
        if not self.size:
            raise GatewayUnavailable("The file is empty.", transient=True)
        if self._total is None and self._content_type == "video/mp4" and not self._boxes.is_whole:
            # Without a length the transfer cannot be gone on with either: the server may not know ranges.
            raise CannotResume(f"The file was cut at {self.size} bytes, in the middle of an MP4.")
        return Downloaded(self.size, self._digest.hexdigest(), self._content_type, self._total is not None)

    def _fetched(self, source: VideoSource) -> bool:
        """Take what one request brings; ``False`` after the source was given another address instead."""
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if self.size:
            headers["Range"] = f"bytes={self.size - len(self._tail)}-"
            if self._validator:
                headers["If-Range"] = self._validator
        with source.open(headers) as response:
            if response.status_code == 416 and self.size:
                self._check_end(response)
                return True
            if response.status_code not in FILE_STATUSES:
                source.follow(response)
                return False
            stream = _bytes_of(response)
            if response.status_code == 200 or not self.size:
                # The first bytes are looked at before any is written.
                head, declared = _first_bytes(stream), response.headers.get("content-type", "")
                film = None
                if not is_video(head, declared):
                    head, film = find_film(head, stream)
                    if film is None:
                        source.follow(response, head)
                        return False
                    head, declared, stream = _first_bytes(film), "", film
                if is_packed(response.headers.get("content-encoding", "")) and not is_known(head):
                    message = "The server compresses the file, so its length cannot be checked."
                    raise UnreadableResponse(message, transient=True)
                self._content_type = media_type(head, declared)
                stream = itertools.chain((head,), stream)
                skip = self._read_headers(response, is_embedded=film is not None)
            else:
                skip = self._read_headers(response)
            self._write(stream, skip)
        return True

    def _check_end(self, response: requests.Response) -> None:
        """Nothing is left to send: the file must end where the transfer stands."""
        self._total = _number(response.headers.get("content-range", "").partition("/")[2].strip())
        if self._total != self.size:
            raise CannotResume(f"The file ends at byte {self._total}, but {self.size} bytes came before.")

    def _read_headers(self, response: requests.Response, *, is_embedded: bool = False) -> int:
        """Take the facts of the headers; return how many bytes of this body are already here.

        :param is_embedded: the file is a part of the answer, whose length is not the file's.
        """
        length = None if is_embedded else _number(response.headers.get("content-length"))
        offset, total = 0, length
        if response.status_code == 206:
            offset, total = _content_range(response.headers.get("content-range", ""))
            if offset != (asked := self.size - len(self._tail)):
                raise CannotResume(f"Asked for bytes from {asked}, the server sends from {offset}.")
        if self.size and None not in (total, self._total) and total != self._total:
            raise CannotResume("The file changed while it was fetched.")
        self._total = total if total is not None else self._total
        self._check_size(self._total or 0, "has")
        etag = response.headers.get("etag", "")
        self._validator = etag if etag and not etag.startswith("W/") else response.headers.get("last-modified")
        return self.size - offset

    def _check_size(self, size: int, verb: str) -> None:
        limit = self._limit_mb * 1024 * 1024
        if size > limit:
            raise FileTooLarge(
                f"The file {verb} {size:,} bytes, and the connection allows {limit:,} (max_video_mb={self._limit_mb}). "
                "Nothing was stored."
            )

    def _write(self, stream: Iterator[bytes], skip: int) -> None:
        again = hashlib.sha256()
        before = self._digest.digest() if skip == self.size else hashlib.sha256(self._tail).digest()
        for part in stream:
            if skip:
                # What the server sends again must be what is already written.
                known, part = part[:skip], part[skip:]
                again.update(known)
                skip -= len(known)
                if not skip and again.digest() != before:
                    raise CannotResume("The file changed while it was fetched.")
            if self._clock() > self._give_up:
                hours = _LONGEST_DOWNLOAD / 3600
                raise GatewayUnavailable(f"The file was not complete after {hours:g} hours, at byte {self.size}.")
            if part:
                self._check_size(self.size + len(part), "has at least")
                self._sink.write(part)
                self._digest.update(part)
                self._boxes.feed(part)
                self._tail = (self._tail + part)[-_OVERLAP:]
                self.size += len(part)


def _bytes_of(response: requests.Response) -> Iterator[bytes]:
    try:
        yield from response.raw.stream(_CHUNK, decode_content=False)
    except (urllib3.exceptions.HTTPError, requests.RequestException, OSError) as error:
        cause = error.__cause__ or error.__context__
        slow = f": {cause}" if isinstance(cause, TooSlow) else ""
        raise GatewayUnavailable(f"The connection broke in the middle of the file{slow}.", transient=True) from None


def _first_bytes(stream: Iterator[bytes]) -> bytes:
    head = b""
    for part in stream:
        head += part
        if len(head) >= _HEAD:
            break
    return head


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 19 else None


def _content_range(value: str) -> tuple[int, int | None]:
    """Return the offset and the whole length of ``bytes 100-199/200``."""
    span, _, total = value.removeprefix("bytes").strip().partition("/")
    start = _number(span.partition("-")[0].strip())
    if start is None:
        raise UnreadableResponse("The server sends a part of the file without saying which.", transient=True)
    return start, _number(total.strip())
