"""Signed links that expire, as object storage makes them: whoever has one may read the file without a key."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

from sora2_provider.emulator.answers import Answer
from sora2_provider.emulator.videos import Link, Video

_SIGNED = ("st", "se", "sr", "sp", "sv")


def link_url(base: str, video: Video, link: Link, secret: bytes) -> str:
    query = {"st": _text(link.made_at), "se": _text(link.expires_at), "sr": "b", "sp": "r", "sv": str(link.serial)}
    query["sig"] = _signature(video.file_name, query, secret)
    return f"{base}/files/{video.file_name}?{urlencode(query)}"


def check_link(video: Video | None, query: Mapping[str, str], secret: bytes, now: float) -> Answer | Video:
    """Return the video, or a refusal where the link does not open its file."""
    missing = _xml(404, "BlobNotFound", "The specified file does not exist.")
    if video is None:
        return missing
    link = next((link for link in video.links if str(link.serial) == query.get("sv")), None)
    if link is None or query.get("sig") != _signature(video.file_name, query, secret):
        return _xml(403, "AuthenticationFailed", "Signature did not match.")
    if now >= link.expires_at:
        detail = f"Signed expiry time [{query['se']}] has to be after the current time [{_text(now)}]."
        return _xml(403, "AuthenticationFailed", detail)
    return missing if link.dead else video


def _signature(file_name: str, query: Mapping[str, str], secret: bytes) -> str:
    text = "\n".join([file_name, *(query.get(name, "") for name in _SIGNED)])
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _xml(status: int, code: str, message: str) -> Answer:
    body = f'<?xml version="1.0" encoding="utf-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Answer(status, body.encode(), "application/xml")
