"""Where the link to a video can stand in an answer, and which text is a link at all."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, quote, urljoin, urlsplit

import pendulum

from sora2_provider.gateway.parsing.fields import Json, Path, at, paths
from sora2_provider.gateway.parsing.link_search import NO_FILM, Search, search
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

_FILM = re.compile(r"\.(mp4|mov|webm|m4v|mkv|avi|m3u8)$", re.I)

_AROUND_LINKS = " \t\r\n`'\"<>\ufeff\u200b\u00a0"
_LINE_BREAKS = re.compile(r"[\t\r\n]+")
_NEXT_LINK = re.compile(r"[\s,;|]+(?=https?://)")
_FILE_NAME = re.compile(r"\.(mp4|mov|webm|m4v|mkv|avi)([?#]\S*)?\Z", re.I)
_ASCII = "".join(chr(code) for code in range(33, 127))
_USUAL_LINK = re.compile(r"https?://[!-%'-;=?-\[\]-_a-~]+\Z")
_ORIGIN = re.compile(r"https?://[^\s/?#]+", re.I)
_PATH = re.compile(r"/[^\s/\\][^\\\r\n]*\Z")
_FILE = re.compile(r"[\w./%~-]{1,2000}\.(mp4|mov|webm|m4v|mkv|avi)([?#]\S*)?\Z", re.I)
_SERVES_FILE = re.compile(r"(\.(mp4|mov|webm|m4v|mkv|avi)|/content|/download)([?#].*)?\Z", re.I)
_HOST_FIRST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}(:\d+)?/", re.I)
# A data: address, or the first bytes of an MP4 (a size, and "ftyp") or a WebM in base64.
_DATA_FILM = re.compile(
    r"\s*((?i:data:(video/|application/(octet-stream|mp4))[^,]*;\s*base64,)|AAAA[A-Za-z0-9+/][GWm2]Z0eX|GkXfo[A-Za-z0-9+/_-]{50})"
)
_SHOWN_FILM = 64

_MARKDOWN_LINK = re.compile(r"(?<!!)\[[^\[\]]{0,200}\]\((https?://[^\s()<>]+)\)")
_BARE_LINK = re.compile(r"https?://[^\s()<>\"'`\]]+")
_MAX_LINKS_IN_TEXT = 100


def find_link(body: Json) -> str | None:
    """Return the link of the film: see :func:`find`."""
    return find(body).link


def find(body: Json) -> Search:
    """Return the first link that stands where links stand, else the one that a search of the whole answer finds.

    It is an http(s) link that is no picture and was not sent by the caller; or what :func:`complete` can make one of; or
    the beginning of the film itself, as a ``data:`` address.
    """
    links, last, inputs = _paths_below(_ROOTS.intersection(body))
    lists = [at(body, *path) for path in inputs]
    own = {link for found in lists if isinstance(found, list) for one in found[:50] if (link := mended_link(one))}
    values = [value for path in links if (value := at(body, *path)) is not None]
    for value in values:
        if found := _video_link(value, own):
            return Search(found)
    if "choices" in body or "data" in body:
        for root in (body, body.get("data")):
            if found := _link_in_text(at(root, "choices", 0, "message", "content"), own):
                return Search(found)
    if found := next((found for path in last if (found := _video_link(at(body, *path), own))), None):
        return Search(found)
    if found := next(filter(None, map(_relative_link, values)), None):
        return Search(found)
    searched = search(body, own, lambda value: mended_link(value) or _film_or_file(value))
    return (
        searched if searched != Search() else Search(next((one[:_SHOWN_FILM] for one in values if is_film(one)), None))
    )


def complete(link: str | None, base_url: str) -> str | None:
    """Return a link that was found as an http(s) one; ``None`` where it is none.

    :param base_url: the gateway's address, to which a link can be relative; empty where that is not known.
    """
    if not link or is_film(link):
        return None
    if web_address(link):
        return link
    return mended_link(urljoin(f"{base_url}/", link)) if base_url else None


def is_film(value: Any) -> bool:
    """Whether a text is a film itself, in base64."""
    return isinstance(value, str) and _DATA_FILM.match(value[:200]) is not None


@lru_cache(maxsize=512)
def _paths_below(roots: frozenset[str]) -> tuple[tuple[Path, ...], ...]:
    """Return the paths that begin with one of a body's keys. A gateway's bodies have the same few, poll after poll."""
    known = (_LINK_PATHS, _LAST_LINK_PATHS, _INPUT_PATHS)
    return tuple(tuple(path for path in paths if path[0] in roots) for paths in known)


def _video_link(value: Any, own: set[str]) -> str | None:
    link = mended_link(value)
    return link if link and link not in own and not NO_FILM.search(urlsplit(link).path) else None


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


def mended_link(value: Any) -> str | None:
    """Return a text as a usable http(s) link, mended where other clients mend it too.

    Quotes and invisible characters around it, a missing scheme, HTML's and JSON's escapes, and characters that must be
    encoded.
    """
    if not isinstance(value, str) or len(value) > _MAX_LINK:
        return None
    return as_link(value if _USUAL_LINK.match(value) else _mended(value))


def _mended(value: str) -> str:
    text = _LINE_BREAKS.sub("", _NEXT_LINK.split(value.strip(_AROUND_LINKS), maxsplit=1)[0])
    if text.startswith(("http:\\/", "https:\\/", "\\/")):
        text = text.replace("\\/", "/")
    if text.startswith("//"):
        text = f"https:{text}"
    text = text.replace("&amp;", "&") if "&amp;" in text else text
    start = _ORIGIN.match(text)
    if start is None or not text.isprintable() or text[start.end() : start.end() + 1] not in ("", "/", "?", "#"):
        return text
    if " " in text and _FILE_NAME.search(first := text.split(" ", 1)[0]) and not _FILE_NAME.search(text):
        text = first
    # The host stays as it is: whether it can be used is for others to say.
    host, rest = text[: start.end()], text[start.end() :]
    mended = host + quote(rest, safe=_ASCII, errors="replace")
    return mended if len(mended) <= _MAX_LINK else ""


def _relative_link(value: Any) -> str | None:
    """Return a link without scheme and host, or without scheme only, in a place where links stand."""
    text = value.strip(_AROUND_LINKS) if isinstance(value, str) and len(value) <= _MAX_LINK else ""
    if text[:1] == "/" and _PATH.match(text) and not NO_FILM.search(urlsplit(text).path):
        return quote(text.replace("&amp;", "&"), safe=_ASCII)
    return _film_or_file(text)


def _film_or_file(value: Any) -> str | None:
    """Return what can only be a film: a path that ends as one, or the beginning of the film itself."""
    if not isinstance(value, str):
        return None
    if is_film(value):
        return value[:_SHOWN_FILM]
    text = value.strip(_AROUND_LINKS)
    if len(text) > _MAX_LINK or not (_FILE.match(text) or (_PATH.match(text) and _SERVES_FILE.search(text))):
        return None
    return mended_link(f"https://{text}") if _HOST_FIRST.match(text) else quote(text.replace("&amp;", "&"), safe=_ASCII)


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
