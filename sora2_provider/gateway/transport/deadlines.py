"""Bounds how long an answer may take, byte for byte.

A socket's own timeout begins anew with each byte, so that a server which sends one now and then could hold a task for
days: in the headers, in a body, in the lengths between two chunks. Here each read from the socket is counted.
"""

from __future__ import annotations

import contextlib
import http
import http.client
import io
import socket
import time
from typing import Any

#: Bytes of an answer that are kept as they came: what a read that breaks off had received is lost otherwise.
_KEPT = 64 * 1024
#: A body must bring this many bytes ...
LEAST_BYTES = 64 * 1024
#: ... within this many seconds of waiting for them, or within the read timeout where that is longer.
LEAST_BYTES_WITHIN = 60.0


class TooSlow(TimeoutError):
    """An answer comes, but not as fast as it must."""


class ReadBudget:
    """How many seconds an answer's next bytes may still take. Holds no clock: it is told what each wait took.

    :param seconds: of waiting, in sum.
    :param refill: bytes whose arrival grants the seconds anew; ``None``: nothing does.
    """

    def __init__(self, seconds: float, refill: int | None = None) -> None:
        self.left = self._seconds = seconds
        self._refill = refill
        self._received = 0

    def spend(self, seconds: float, received: int) -> None:
        self.left -= seconds
        self._received += received
        if self._refill is not None and self._received >= self._refill:
            self._received = 0
            self.left = self._seconds

    @property
    def exceeded_reason(self) -> str:
        """What is wrong when no seconds are left."""
        if self._refill is None:
            return f"the answer was not complete within {self._seconds:g} s"
        return f"it comes too slowly, less than {self._refill // 1024} KiB in {self._seconds:g} s"


class _BoundedStream(io.RawIOBase):
    """A socket's stream of bytes that ends with :class:`TooSlow` when its budget is spent."""

    def __init__(self, stream: io.RawIOBase, connection: socket.socket, silence: float) -> None:
        self._stream = stream
        self._connection = connection
        self._silence = self._timeout = silence
        self.budget = ReadBudget(silence)
        self.has_ended = False
        self.kept = bytearray()

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()

    def readinto(self, buffer: Any) -> int | None:
        budget = self.budget
        if budget.left <= 0:
            raise TooSlow(budget.exceeded_reason)
        timeout = min(self._silence, budget.left)
        if timeout != self._timeout:
            self._connection.settimeout(timeout)
            self._timeout = timeout
        started = time.monotonic()
        try:
            count: int | None = self._stream.readinto(buffer)
        except TimeoutError:
            if timeout < self._silence:
                raise TooSlow(budget.exceeded_reason) from None
            raise
        budget.spend(time.monotonic() - started, count or 0)
        if count and len(self.kept) < _KEPT:
            self.kept += memoryview(buffer)[: min(count, _KEPT - len(self.kept))]
        self.has_ended = count == 0
        return count

    def close(self) -> None:
        if not self.closed:
            # The connection may be used again, and the next request starts with this timeout.
            with contextlib.suppress(OSError):
                self._connection.settimeout(self._silence)
            self._stream.close()
        super().close()


class BoundedResponse(http.client.HTTPResponse):
    """An answer whose headers must be complete within the connection's timeout, and whose body must come steadily."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._silence = sock.gettimeout() or LEAST_BYTES_WITHIN
        self._bounded = _BoundedStream(self.fp.detach(), sock, self._silence)
        self.fp = io.BufferedReader(self._bounded)

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        # http.client itself passes over 100 (Continue), and takes 103 (Early Hints) for the answer.
        while http.HTTPStatus.CONTINUE < status < http.HTTPStatus.OK and status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            http.client.parse_headers(self.fp)
            version, status, reason = super()._read_status()  # type: ignore[misc]
        return version, status, reason

    def begin(self) -> None:
        super().begin()
        if self._bounded.has_ended:
            # http.client takes the end of the connection for the end of the headers.
            raise http.client.IncompleteRead(b"")
        lengths = {length.strip() for length in (self.headers.get("content-length") or "").split(",")}
        if self.length is None and not self.chunked and len(lengths) == 1 and (only := lengths.pop()).isdecimal():
            # "12, 12": a proxy has joined two headers. http.client would read until the server closes.
            self.length = int(only)
            self.will_close = self._check_close()  # type: ignore[attr-defined]
        self._bounded.budget = ReadBudget(max(LEAST_BYTES_WITHIN, self._silence), LEAST_BYTES)

    def received(self) -> bytes:
        """Return the beginning of the body as it came, with the lengths of its chunks in it."""
        rest = bytes(self._bounded.kept)
        while rest.startswith(b"HTTP/"):
            rest = min((rest.partition(end)[2] for end in (b"\r\n\r\n", b"\n\n")), key=lambda one: -len(one))
        return rest

    def limit_total(self, seconds: float) -> None:
        """Bound the body as a whole: it is a small one."""
        self._bounded.budget = ReadBudget(seconds)
