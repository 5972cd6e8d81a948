"""A film that a JSON answer holds as base64, decoded while it comes: it can have tens of MB."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from sora2_provider.gateway.errors import GatewayUnavailable
from sora2_provider.gateway.parsing.link_search import is_never_the_film

#: Bytes at the beginning of an answer in which a film must begin.
_SEARCHED = 64 * 1024
# A film's address, or the first bytes of an MP4 (a size, and "ftyp") or a WebM in base64.
_BEGINNING = re.compile(
    rb"data:(?:video\\*/|application\\*/(?:octet-stream|mp4))[^,\"]{0,100};base64,|[\"\s](?=AAAA[A-Za-z0-9+/][GWm2]Z0eX|GkXfo)|\A(?=AAAA[A-Za-z0-9+/][GWm2]Z0eX)"
)
_KEY_BEFORE = re.compile(rb"\"([^\"\\]{1,60})\\*\"\s*:\s*\[?\s*\\*\"?\Z")
_ESCAPES = (
    (rb"\u002b", b"+"),
    (rb"\u002B", b"+"),
    (rb"\u002f", b"/"),
    (rb"\u002F", b"/"),
    (rb"\u003d", b"="),
    (rb"\u003D", b"="),
)
_BLANKS = re.compile(rb"\\[nrt]|\s")
_PARTIAL_ESCAPE = re.compile(rb"\\[^\\]{0,4}\Z")


def find_film(head: bytes, stream: Iterator[bytes]) -> tuple[bytes, Iterator[bytes] | None]:
    """Return an answer's beginning, and the bytes of the film that begins in it; ``None`` where there is none.

    :param head: the first bytes of the answer, and ``stream`` all others.
    """
    start = head
    while True:
        for found in _BEGINNING.finditer(start):
            key = _KEY_BEFORE.search(start, max(0, found.start() - 100), found.start())
            if key is None or not is_never_the_film(key[1].decode("utf-8", "replace")):
                is_json = start.lstrip()[:1] in (b"{", b"[", b'"')
                return start, _decoded(start[found.end() :], stream, must_be_closed=is_json)
        part = next(stream, b"") if len(start) < _SEARCHED else b""
        if not part:
            return start, None
        start += part


def _decoded(start: bytes, stream: Iterator[bytes], *, must_be_closed: bool) -> Iterator[bytes]:
    left = digits = b""
    is_closed = False
    part: bytes | None = start
    while part is not None and not is_closed:
        text, quote, _ = (left + part).partition(b'"')
        is_closed = bool(quote)
        cut = None if is_closed else _PARTIAL_ESCAPE.search(text)
        text, left = (text[: cut.start()], text[cut.start() :]) if cut else (text, b"")
        for escape, char in _ESCAPES:
            text = text.replace(escape, char) if b"\\u" in text else text
        digits += _BLANKS.sub(b"", text).replace(b"\\", b"").translate(bytes.maketrans(b"-_", b"+/"))
        whole = len(digits) - len(digits) % 4
        yield _bytes_of(digits[:whole])
        digits = digits[whole:]
        part = next(stream, None)
    if must_be_closed and not is_closed:
        raise GatewayUnavailable("The answer that holds the film was cut.", transient=True)
    if digits:
        yield _bytes_of(digits + b"=" * (-len(digits) % 4))


def _bytes_of(digits: bytes) -> bytes:
    try:
        return base64.b64decode(digits, validate=True)
    except binascii.Error:
        raise GatewayUnavailable("The film in the answer is no base64.", transient=True) from None
