"""Searches a whole answer for the one link that can be the film, where none stands in a known place.

Every link has evidence for and against it: the keys that it stands under, what stands beside it, the ending of its
name. What was sent by the caller, shows a picture, or leads to a page is never taken; nor is one of two that are as good.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sora2_provider.gateway.parsing.fields import Json, clean, unpacked, words

_FILM = re.compile(r"\.(mp4|mov|webm|m4v|mkv|avi)$", re.I)
_PLAYLIST = re.compile(r"\.(m3u8|mpd)$", re.I)
NO_FILM = re.compile(
    r"\.(jpe?g|png|webp|gif|bmp|heic|heif|avif|svg|tiff?|ico|mp3|wav|m4a|aac|flac|ogg|srt|vtt|json|txt|md|html?|pdf|zip|js|css)$",
    re.I,
)
#: Hosts and paths of pages for people.
_PAGES = re.compile(
    r"^(docs?|help|support|developers?|status|console|platform|github)\.|/(docs?|help|pricing|guides?|terms)(/|$)", re.I
)

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+[a-z]*|[^\x00-\x7f]+")
_NEVER = words("""
    input image img picture pic photo cover thumbnail thumb poster preview reference ref frame keyframe mask callback
    notify notification hook webhook request prompt avatar logo icon user author owner creator profile doc
    documentation help support term policy homepage website site page web share permalink gif sprite spritesheet audio
    music sound voice subtitle caption srt upload uploaded poll polling status cancel self draft source remix remixed
    parent example demo error log model license billing invoice console dashboard character cameo param params
    parameter argument args info more
""")
_NEVER_IN = re.compile("图|封面|参考|缩略|头像|回调|输入|提示|音频|文档|用户")
_FILM_WORDS = words("video vid film movie clip mp4 视频 影片 成片")
_OUTPUT_WORDS = words("""
    output result generation generated download downloadable play playback file media asset artifact creation work
    content stream final render rendered
""")
_BETTER = words("hd high uhd original 1080p 4k hq")
_WORSE = words("watermark watermarked wm low ld small compressed proxy temp temporary")
_UNMARKED = re.compile(r"(no|non|without|un|remove)_?watermark|watermark_?free", re.I)
_ADDRESSES = words("url uri link href src location path address")
#: Beside a link these say what it is.
_KIND_KEYS = (
    "type",
    "kind",
    "role",
    "mime_type",
    "mimeType",
    "content_type",
    "contentType",
    "media_type",
    "mediaType",
    "format",
)

_LINK_IN_TEXT = re.compile(r"https?://[^\s()<>\"'`\]\\]+")
_MAX_NODES, _MAX_DEPTH, _MAX_TEXT, _MAX_LINKS = 3_000, 16, 65_536, 200
#: The least evidence for a link among others, and for one that is alone.
_ENOUGH, _ENOUGH_ALONE = 2, 1


class Search(NamedTuple):
    """What a search found.

    :param link: the film's link; ``None`` where there is none, or none is better than another.
    :param places: where those stand of which none is taken.
    """

    link: str | None = None
    places: tuple[str, ...] = ()


class _Candidate(NamedTuple):
    evidence: int
    place: str
    #: The place without the numbers of lists: the entries of one list are the outputs of one rendering.
    shelf: str


def search(body: Json, own: set[str], as_link: Callable[[Any], str | None]) -> Search:
    """Search an answer.

    :param own: links that the caller has sent.
    :param as_link: returns a text as a link, or ``None``.
    """
    walk = _Walk(as_link)
    walk.visit(body, (), 0, 0)
    found = {link: one for link, one in walk.found.items() if link not in own and link not in walk.excluded}
    enough = _ENOUGH_ALONE if len(found) == 1 else _ENOUGH
    most = max((one.evidence for one in found.values()), default=0)
    best = {link: one for link, one in found.items() if one.evidence == most >= enough}
    if len({one.shelf for one in best.values()}) > 1:
        return Search(None, tuple(one.place for one in best.values())[:5])
    return Search(next(iter(best), None))


class _Walk:
    """One way through an answer, which ends after so many nodes."""

    def __init__(self, as_link: Callable[[Any], str | None]) -> None:
        self.found: dict[str, _Candidate] = {}
        self.excluded: set[str] = set()
        self._as_link = as_link
        self._nodes = _MAX_NODES
        self._text = _MAX_TEXT

    def visit(self, node: Any, path: tuple[str | int, ...], evidence: int, depth: int, *, never: bool = False) -> None:
        self._nodes -= 1
        if self._nodes < 0 or depth > _MAX_DEPTH:
            return
        if isinstance(node, dict):
            beside = _says_of_itself(node)
            never = never or beside is None
            for key, value in node.items():
                if self._nodes < 0:
                    return
                if isinstance(value, (dict, list, str)):
                    weight = _weight(key[:100])
                    more = max(evidence, weight or 0) + (beside or 0 if isinstance(value, str) else 0)
                    self.visit(value, (*path, key), more, depth + 1, never=never or weight is None)
        elif isinstance(node, list):
            for number, value in enumerate(node[:_MAX_LINKS]):
                self.visit(value, (*path, number), evidence, depth + 1, never=never)
        elif isinstance(node, str):
            self._text_found(node, path, evidence, depth, never=never)

    def _text_found(self, text: str, path: tuple[str | int, ...], evidence: int, depth: int, *, never: bool) -> None:
        if len(text) < 5 or self._text < 0:
            return
        if text[:1] in ("{", "[") and len(text) <= self._text and (inner := unpacked(text)) is not None:
            self._text -= len(text)
            self.visit(inner, path, evidence, depth + 1, never=never)
        elif link := self._as_link(text):
            self._take(link, path, evidence, never=never)
        elif "http" in text:
            self._text -= min(len(text), _MAX_TEXT)
            for one in _LINK_IN_TEXT.findall(text[:_MAX_TEXT])[:_MAX_LINKS]:
                link = self._as_link(one.rstrip(".,;!。，；！"))
                if link and _FILM.search(urlsplit(link).path):
                    self._take(link, path, evidence - 2, never=never)

    def _take(self, link: str, path: tuple[str | int, ...], evidence: int, *, never: bool) -> None:
        if never:
            self.excluded.add(link)
            return
        parts = urlsplit(link)
        name = parts.path.rstrip("/")
        if NO_FILM.search(name):
            return
        if _FILM.search(name):
            evidence += 4
        elif _PLAYLIST.search(name):
            evidence = 1
        elif _PAGES.search(parts.hostname or "") or _PAGES.search(name) or (not evidence and not _is_address(path)):
            return
        known = self.found.get(link)
        if known is None or known.evidence < evidence:
            steps = [f"[{step}]" if isinstance(step, int) else f".{clean(step)[:60]}" for step in path]
            shelf = ".".join(step for step in path if isinstance(step, str))
            self.found[link] = _Candidate(max(evidence, 1), "".join(steps).lstrip("."), shelf)


def is_never_the_film(key: str) -> bool:
    """Whether nothing that stands under this key is the film: it is an input, a picture, a page."""
    return _weight(key) is None


def _is_address(path: Iterable[str | int]) -> bool:
    """Whether the last key of a path says that an address stands there, and nothing of what."""
    last = next((step for step in reversed(tuple(path)) if isinstance(step, str)), "")
    return any(word in _ADDRESSES for word in _words(last))


def _says_of_itself(node: Json) -> int | None:
    """Return the evidence in what an object calls itself; ``None``: it is no film."""
    said = [value.lower()[:100] for key in _KIND_KEYS if isinstance(value := node.get(key), str)]
    if any(word in _FILM_WORDS for text in said for word in _words(text.replace("/", "_"))):
        return 2
    is_other = any(
        NO_FILM.search(f".{text}") or any(word in _NEVER for word in _words(text.replace("/", "_"))) for text in said
    )
    return None if is_other else 0


@lru_cache(maxsize=2_048)
def _weight(key: str) -> int | None:
    """Return how much a key says for a link under it; ``None``: what stands there is never the film."""
    said = _words(key)
    if _UNMARKED.search(key):
        return 5
    is_input = any(word in _NEVER or word.removesuffix("s") in _NEVER for word in said - {"sources"})
    if is_input or _NEVER_IN.search(key):
        return None
    plain = {word.removesuffix("s") for word in said} | said
    weight = 4 if plain & _FILM_WORDS or "视频" in key else 2 if plain & _OUTPUT_WORDS else 0
    return weight + bool(plain & _BETTER) - bool(plain & _WORSE)


@lru_cache(maxsize=2_048)
def _words(key: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORDS.findall(key))
