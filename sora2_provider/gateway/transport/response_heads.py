"""Response heads for aiohttp, which refuses some that browsers read, and requests on the workers.

Behind two proxies Content-Length comes twice, or beside chunks; home-made servers write blanks before colons. Between us
and one server, with one request at a time, that smuggles nothing in.
"""

from __future__ import annotations

import re
from typing import Any

from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import BadHttpMessage

from sora2_provider.gateway.transport.no_response import NOT_HTTP

#: What http.client, which is beneath requests, reads of a line and of a head: bytes, and lines with the first and the last.
MAX_LINE, MAX_LINES = 65_536, 101

_END = re.compile(rb"\n\r?\n")
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_USUAL = re.compile(rb"HTTP/1\.[01] [1-9]\d\d(?: [^\0\r\n]*)?\r\n(?:" + _TOKEN + rb":[^\0\r\n]*\r\n)*\r\n")
_OTHERS = rb"(?:(?!(?i:content-length|transfer-encoding))" + _TOKEN + rb":[^\0\r\n]*+\r\n){0,40}+"
_FRAMED = rb"(?i:content-length:[ \t]*+\d++|transfer-encoding:[ \t]*+chunked)[ \t]*+\r\n"
#: A head that needs no mending, as nearly none does: how the body ends stands in one header at most.
_WHOLE = re.compile(
    rb"HTTP/1\.[01] [2-9]\d\d(?: [^\0\r\n]*+)?\r\n" + _OTHERS + rb"(?:" + _FRAMED + _OTHERS + rb")?+\r\n"
)
_FRAMING = re.compile(rb"\n(?:content-length|transfer-encoding):[ \t]*(\d*|chunked)[ \t]*(\r?)", re.I)
_NAME = re.compile(_TOKEN)
# All but 101 (Switching Protocols), after which no HTTP comes.
_INTERIM = re.compile(rb"HTTP/1\.\d[ \t]+1(?!01)\d\d\b")


class TolerantProtocol(ResponseHandler):
    """A connection of aiohttp's that hands each head to the parser as :func:`mended` returns it."""

    #: What came of a head, until it is whole; and aiohttp's parser, which is another one for each answer, of the last.
    _head: bytearray | None = None
    _begun: Any = None

    def data_received(self, data: bytes) -> None:
        # Where a later release of aiohttp has no such name, only odd heads are refused again.
        parser = getattr(self, "_parser", None)
        if parser is not self._begun:
            self._begun = parser
            self._head = None if _WHOLE.match(data, 0, MAX_LINE) else bytearray()
        while self._head is not None and data:
            searched = max(0, len(self._head) - 2)
            self._head += data
            end = _END.search(self._head, searched)
            received = bytes(self._head[: end.end()] if end else self._head)
            if not _may_be_http(received):
                self._refuse()
                return
            if end is None:
                return
            data = bytes(self._head[end.end() :])
            if _INTERIM.match(received):
                # An interim answer (103 Early Hints): another head comes.
                self._head.clear()
                continue
            self._head = None
            try:
                data = mended(received) + data
            except ValueError:
                self._refuse()
                return
        super().data_received(data)

    def _refuse(self) -> None:
        self._head = None
        if self.transport is not None:
            self.transport.close()
        self.set_exception(BadHttpMessage(NOT_HTTP))


def mended(head: bytes) -> bytes:
    """Return a head as http.client would read it, in the only form that aiohttp reads: how the body ends stands there once.

    :raises ValueError: it cannot be read.
    """
    framing = _FRAMING.findall(head)
    if len(framing) < 2 and all(value and end for value, end in framing) and _USUAL.fullmatch(head):
        return head
    first, *rest = head.split(b"\n")
    version, status, *reason = first.split(None, 2)
    if not version.startswith(b"HTTP/1.") or not 100 <= int(status) <= 999:
        raise ValueError("no status line")
    fields: list[tuple[bytes, bytes]] = []
    for line in rest:
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] = (fields[-1][0], fields[-1][1] + b" " + line.strip())
        elif colon and _NAME.fullmatch(name.strip()):
            fields.append((name.strip(), value.strip()))
    lengths = _values(fields, b"content-length")
    is_chunked = b"chunked" in [value.lower() for value in _values(fields, b"transfer-encoding")]
    kept = [field for field in fields if field[0].lower() not in (b"content-length", b"transfer-encoding")]
    if is_chunked:
        kept.append((b"Transfer-Encoding", b"chunked"))
    else:
        numbers = _numbers(lengths)
        if len(numbers) > 1:
            raise ValueError("lengths that differ")
        kept += [(b"Content-Length", b"%d" % number) for number in numbers if number >= 0]
    version = version if version == b"HTTP/1.0" else b"HTTP/1.1"
    lines = [b" ".join([version, status, *(part.strip() for part in reason)])]
    lines += [name + b": " + value.replace(b"\0", b"").replace(b"\r", b"") for name, value in kept]
    return b"\r\n".join([*lines, b"", b""])


def _values(fields: list[tuple[bytes, bytes]], wanted: bytes) -> list[bytes]:
    return [part.strip() for name, value in fields if name.lower() == wanted for part in value.split(b",")]


def _numbers(texts: list[bytes]) -> set[int]:
    """Return the numbers, or none where one of the texts is none: the body ends with the connection then."""
    try:
        return {int(text) for text in texts}
    except ValueError:
        return set()


def _may_be_http(head: bytes) -> bool:
    if not b"HTTP/".startswith(head[:5]) or head.count(b"\n") > MAX_LINES:
        return False
    return len(head) <= MAX_LINE or max(len(line) + 1 for line in head.split(b"\n")) <= MAX_LINE
