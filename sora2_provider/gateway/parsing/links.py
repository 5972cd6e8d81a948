"""Where the link to a video can stand in an answer, and which text is a link at all."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pendulum

from sora2_provider.gateway.parsing.fields import Json, Path, at, paths
from sora2_provider.gateway.parsing.times import as_moment
from sora2_provider.gateway.settings import web_address

_MAX_LINK = 8_192

# The order is the order of trust. Each path is tried in the body as it came.
_LINK_PATHS = paths("""
    video_url url result_url
    detail.video_url detail.url metadata.url metadata.video_url
    data.video_url data.url data.result_url data.metadata.url data.metadata.video_url
    data.data.video_url data.data.url data.data.result_url data.data.content.video_url
    data.output data.outputs.0 data.data.output data.data.outputs.0
    data.content.video_url data.output.video_url data.result.video_url data.result.url
    data.0.video_url data.0.url
    content.video_url output.video_url output.url output output.0 outputs.0
    result.video_url result.url result.result_url result.output result.outputs.0 result.videos.0.url result.video.url result
    task_result.videos.0.url data.task_result.videos.0.url data.data.task_result.videos.0.url
    video.url video.video_url data.video.url data.videos.0.url videos.0.url
""")
# An old server puts the link where the reason of a failure stands.
_LAST_LINK_PATHS = paths("fail_reason data.fail_reason")
# Where an answer repeats what the caller sent.
_INPUT_PATHS = paths("""
    images input.images detail.input.images request.images
    data.images data.input.images data.detail.input.images data.request.images
""")
_ROOTS = frozenset(str(path[0]) for path in (*_LINK_PATHS, *_LAST_LINK_PATHS, *_INPUT_PATHS))

_PICTURE = re.compile(r"\.(jpe?g|png|webp|gif|bmp|heic|heif|avif|svg|tiff?)$", re.I)
_FILM = re.compile(r"\.(mp4|mov|webm|m4v|mkv|avi|m3u8)$", re.I)

_MARKDOWN_LINK = re.compile(r"(?<!!)\[[^\[\]]{0,200}\]\((https?://[^\s()<>]+)\)")
_BARE_LINK = re.compile(r"https?://[^\s()<>\"'`\]]+")
_MAX_LINKS_IN_TEXT = 100


def find_link(body: Json) -> str | None:
    """Return the first http(s) link that stands where links stand, and is not a picture nor sent by the caller."""
    links, last, inputs = _paths_below(_ROOTS.intersection(body))
    lists = [at(body, *path) for path in inputs]
    own = {link for found in lists if isinstance(found, list) for one in found[:50] if (link := as_link(one))}
    for path in links:
        value = at(body, *path)
        if value is not None and (found := _video_link(value, own)):
            return found
    if "choices" in body or "data" in body:
        for root in (body, body.get("data")):
            if found := _link_in_text(at(root, "choices", 0, "message", "content"), own):
                return found
    return next((found for path in last if (found := _video_link(at(body, *path), own))), None)


@lru_cache(maxsize=512)
def _paths_below(roots: frozenset[str]) -> tuple[tuple[Path, ...], ...]:
    """Return the paths that begin with one of a body's keys. A gateway's bodies have the same few, poll after poll."""
    known = (_LINK_PATHS, _LAST_LINK_PATHS, _INPUT_PATHS)
    return tuple(tuple(path for path in paths if path[0] in roots) for paths in known)


def _video_link(value: Any, own: set[str]) -> str | None:
    link = as_link(value)
    return link if link and link not in own and not _PICTURE.search(urlsplit(link).path) else None


def as_link(value: Any) -> str | None:
    """Return a text as a usable http(s) link, without the blanks and backticks that some gateways add.

    A login in it is left out: it would be sent nowhere, and shown wherever the link is.
    """
    if not isinstance(value, str) or len(value) > _MAX_LINK:
        return None
    text = value.strip(" \t\r\n`")
    parts = web_address(text)
    # One reader takes a backslash for the end of the host, another one for a part of it.
    if parts is None or "\\" in parts.netloc:
        return None
    login, at_sign, _ = parts.netloc.rpartition("@")
    return text.replace(login + at_sign, "", 1)


def _link_in_text(value: Any, own: set[str]) -> str | None:
    """Return the link in a chat's text: the first whose name is a film's, else the first Markdown link."""
    if not isinstance(value, str):
        return None
    text = value[: 4 * _MAX_LINK]
    marked, bare = (
        [link for one in pattern.findall(text)[:_MAX_LINKS_IN_TEXT] if (link := _video_link(one, own))]
        for pattern in (_MARKDOWN_LINK, _BARE_LINK)
    )
    films = (link for link in (*marked, *bare) if _FILM.search(urlsplit(link).path))
    return next(films, marked[0] if marked else None)


def link_expiry(url: str | None) -> pendulum.DateTime | None:
    """Return when a signed link ends, from its ``se=`` parameter."""
    if not url:
        return None
    try:
        values = parse_qs(urlsplit(url).query, max_num_fields=100).get("se", [])
    except ValueError:
        return None
    return as_moment(values[0]) if values else None
