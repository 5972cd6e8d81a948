"""Texts that were packed or encoded in another way than their headers tell."""

from __future__ import annotations

import json

from sora2_provider.gateway.compression import CannotUnpack, unpack

_TEXT_STARTS = ("{", "[", '"', "<", "data:", "event:")


def plain_text(body: bytes) -> bytes:
    """Return a body as UTF-8 without a byte order mark, where it is gzip or another Unicode encoding; else as it is."""
    if body[:1] == b"{" and body[1:2] != b"\0":
        return body
    try:
        body = unpack(body)
    except CannotUnpack as error:
        body = error.so_far or body
    encoding = json.detect_encoding(body)
    if encoding == "utf-8":
        return body
    try:
        text = body.decode(encoding)
    except ValueError:
        return body
    return text.encode("utf-8", "replace") if text.lstrip().startswith(_TEXT_STARTS) else body
