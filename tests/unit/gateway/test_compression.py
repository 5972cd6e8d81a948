"""Bodies are unpacked by their bytes, whatever Content-Encoding says, and never to more than a limit."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from sora2_provider.gateway.compression import MAX_BODY, CannotUnpack, unpack

JSON = '{"id": "video_1", "status": "排队中"}'.encode()
PACKED = gzip.compress(JSON)
RAW = zlib.compressobj(wbits=-15)
RAW_DEFLATE = RAW.compress(JSON) + RAW.flush()
# A brotli stream and a zstd frame as they begin.
BROTLI, ZSTD = b"\x0b\x02\x80" + JSON[:5] + b"\x03", b"\x28\xb5\x2f\xfd\x04\x58" + JSON

READ = {
    "plain": (JSON, ""),
    "gzip": (PACKED, "gzip"),
    "x-gzip": (PACKED, "x-gzip"),
    "gzip that no header tells of": (PACKED, ""),
    "gzip under another name": (PACKED, "br"),
    "gzip in two members": (gzip.compress(JSON[:9]) + gzip.compress(JSON[9:]), "gzip"),
    "gzip with padding behind it": (PACKED + b"\0" * 7, "gzip"),
    "gzip in gzip": (gzip.compress(PACKED), "gzip, gzip"),
    "deflate with zlib's header": (zlib.compress(JSON), "deflate"),
    "deflate in capitals": (zlib.compress(JSON), " Deflate "),
    "deflate without zlib's header": (RAW_DEFLATE, "deflate"),
    "deflate in gzip": (gzip.compress(zlib.compress(JSON)), "deflate, gzip"),
    **{
        f"plain under the name {name}": (JSON, name)
        for name in ("gzip", "deflate", "br", "zstd", "gzip, br", "identity", "none", "utf-8", "aws-chunked", "binary")
    },
}


@pytest.mark.parametrize(("body", "encoding"), READ.values(), ids=READ)
def test_a_body_is_what_its_bytes_say(body, encoding):
    assert unpack(body, encoding) == JSON


def test_an_empty_body_is_empty_and_bytes_that_are_nothing_known_stay_as_they_are():
    assert unpack(b"", "gzip") == unpack(gzip.compress(b"")) == b""
    assert unpack(b"\0\0\0\x18ftypmp42", "") == b"\0\0\0\x18ftypmp42"


REFUSED = {
    "cut": (PACKED[:-9], "gzip", "was cut"),
    "cut behind its head": (PACKED[:4], "gzip", "was cut"),
    "damaged": (PACKED[:14] + b"\xff\xff\xff\xff" + PACKED[18:], "gzip", "damaged"),
    "damaged deflate": (b"\xff" * 20, "deflate", "damaged"),
    "brotli": (BROTLI, "br", "compressed with br, which was not asked for"),
    "zstd": (ZSTD, "zstd", "compressed with zstd, which was not asked for"),
    "packed three times": (gzip.compress(gzip.compress(PACKED)), "gzip", "compressed more than 2 times"),
}


@pytest.mark.parametrize(("body", "encoding", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_unpacked_says_why(body, encoding, why):
    with pytest.raises(CannotUnpack, match=why):
        unpack(body, encoding)


BOMB = gzip.compress(b"\0" * (60 * 1024 * 1024))


@pytest.mark.parametrize("bomb", [BOMB, gzip.compress(BOMB), zlib.compress(b"\0" * (60 * 1024 * 1024))])
def test_a_bomb_is_never_held_beyond_the_limit(bomb):
    tracemalloc.start()
    try:
        with pytest.raises(CannotUnpack, match=f"longer than {MAX_BODY} bytes"):
            unpack(bomb, "deflate")
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_BODY
    finally:
        tracemalloc.stop()


def test_members_count_together_against_the_limit():
    with pytest.raises(CannotUnpack, match="longer than 100 bytes"):
        unpack(gzip.compress(b"x" * 60) * 2, limit=100)
    assert unpack(gzip.compress(b"x" * 50) * 2, limit=100) == b"x" * 100
