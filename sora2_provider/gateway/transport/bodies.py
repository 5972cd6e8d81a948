"""Collects an answer's bytes, without the bulk of a file that is written into it as base64.

A film of tens of MB can stand in a gateway's JSON. Nobody who asks how a video stands needs it, and a triggerer that
waits for thousands of videos must not hold it.
"""

from __future__ import annotations

import re

#: Bytes that are kept of a file: more than any link has.
KEPT_OF_A_FILE = 16 * 1024
#: Bytes of an answer that are read, files in it included.
MAX_READ = 512 * 1024 * 1024

# With the backslash: JSON may escape the slash of base64, and its line breaks.
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/=_\\-]")
_LONGEST_ESCAPE = 6


class Body:
    """An answer's bytes. What is cut out lies within one JSON text, which stays one."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._read = 0
        self._in_file = False
        self._backslashes = b""

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def is_endless(self) -> bool:
        return self._read > MAX_READ

    def __bytes__(self) -> bytes:
        return bytes(self._kept)

    def clear(self) -> None:
        self._kept.clear()

    def add(self, part: bytes) -> None:
        self._read += len(part)
        if self._in_file:
            part = self._after_file(part)
        self._kept += part
        if len(self._kept) >= KEPT_OF_A_FILE and not self._in_file:
            # Only within JSON: what is of letters from its beginning on is no answer, and ends at its limit.
            is_json = bytes(self._kept[:64]).lstrip()[:1] in (b"{", b"[", b'"')
            self._in_file = is_json and _NO_BASE64.search(self._kept, len(self._kept) - KEPT_OF_A_FILE) is None
            escape = self._kept.rfind(b"\\", len(self._kept) - _LONGEST_ESCAPE)
            if self._in_file and escape >= 0:
                # An escape may be cut here: it goes with the file.
                self._backslashes = b"\\" if self._kept.endswith(b"\\") else b""
                del self._kept[escape:]

    def _after_file(self, part: bytes) -> bytes:
        """Return what comes after the file's end, with the backslashes that escape it."""
        end = _NO_BASE64.search(part)
        dropped = part[: end.start()] if end else part
        rest = dropped.rstrip(b"\\")
        self._backslashes = dropped[len(rest) :] if rest else self._backslashes + dropped
        if end is None:
            return b""
        self._in_file = False
        escapes, self._backslashes = self._backslashes, b""
        return escapes + part[end.start() :]
