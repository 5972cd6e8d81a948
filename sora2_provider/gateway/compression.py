"""What a body was before it was compressed, never longer than a limit. Pure.

The bytes tell, and not Content-Encoding: servers compress without saying so, name encodings that are none (``utf-8``,
``aws-chunked``), and proxies unpack a body and leave the header.
"""

from __future__ import annotations

import codecs
import zlib

#: More than any gateway's JSON: what is longer is a file or an endless page.
MAX_BODY = 4 * 1024 * 1024

#: What both clients ask for, and what is unpacked here.
ACCEPT_ENCODING = "gzip, deflate"

_GZIP = b"\x1f\x8b\x08"
_ZLIB = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
_GZIP_WINDOW, _ZLIB_WINDOW, _RAW_WINDOW = 31, 15, -15
# A gateway's gzip within a proxy's. More layers are an attack.
_MAX_LAYERS = 2
# These occur in no JSON and no page.
_TEXT_STARTS = (b"{", b"[", b"<", b'"')
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\f\r\x1b")


#: Bytes that are kept of a body that is too long.
_SHOWN = 64 * 1024


class CannotUnpack(ValueError):
    """A compressed body is cut, damaged, too long, or packed in a way that nobody asked for.

    :param so_far: what could be unpacked of one that was cut, or the beginning of one that is too long.
    """

    def __init__(self, why: str, so_far: bytes = b"") -> None:
        super().__init__(why)
        self.so_far = so_far


def unpack(body: bytes, encoding: str = "", *, limit: int = MAX_BODY) -> bytes:
    """Return a body as it was before it was compressed; one that is not compressed comes back as it is.

    :param encoding: the Content-Encoding.
    :param limit: bytes; no more than these are ever held.
    :raises CannotUnpack: says in a few words why.
    """
    if not encoding and not body.startswith(_GZIP):
        return body
    named = [name for part in encoding.lower().split(",") if (name := part.strip())]
    for _ in range(_MAX_LAYERS):
        if body.startswith(_GZIP):
            body = _unpacked(body, _GZIP_WINDOW, limit)
        elif "deflate" in named and not _is_text(body):
            named.remove("deflate")
            body = _unpacked(body, _ZLIB_WINDOW if body.startswith(_ZLIB) else _RAW_WINDOW, limit)
        else:
            break
    if body.startswith(_GZIP):
        raise CannotUnpack(f"the answer is compressed more than {_MAX_LAYERS} times")
    foreign = next((name for name in named if name in ("br", "zstd", "compress", "dcb", "dcz")), None)
    if foreign and not _is_text(body):
        raise CannotUnpack(f"the answer is compressed with {foreign}, which was not asked for")
    return body


def is_gzip(body: bytes) -> bool:
    """Whether these are the first bytes of a gzip file."""
    return body.startswith(_GZIP)


def unpacked_so_far(body: bytes, encoding: str = "", *, limit: int = MAX_BODY) -> bytes:
    """Return what can be had of a body that is cut, damaged or too long; the body itself where that is nothing."""
    try:
        return unpack(body, encoding, limit=limit)
    except CannotUnpack as error:
        return error.so_far or body


def _unpacked(body: bytes, window: int, limit: int) -> bytes:
    whole = bytearray()
    while True:
        member = zlib.decompressobj(window)
        try:
            whole += member.decompress(body, limit + 1 - len(whole))
        except zlib.error:
            raise CannotUnpack("the answer is compressed, and damaged") from None
        if len(whole) > limit:
            raise CannotUnpack(f"the answer is longer than {limit} bytes", bytes(whole[:_SHOWN]))
        if not member.eof:
            raise CannotUnpack("the answer is compressed, and was cut", bytes(whole))
        body = member.unused_data
        # Gzip may have several members; what follows the last is padding.
        if window != _GZIP_WINDOW or not body.startswith(_GZIP):
            break
    return bytes(whole)


def _is_text(body: bytes) -> bool:
    start = body[:512]
    if _CONTROLS.intersection(start):
        return False
    if start.lstrip().startswith(_TEXT_STARTS):
        return True
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return True
