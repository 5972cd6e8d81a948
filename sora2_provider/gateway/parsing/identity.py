"""Which video an answer is about: gateways write one id in several ways, and answer with lists."""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import unquote

from sora2_provider.gateway.parsing.fields import Json, envelopes, levels, outermost
from sora2_provider.gateway.parsing.fields import video_id as field_of_id

#: What holds the entries of a list, directly in the answer or in its "data"; and what else only a list has.
_ENTRIES = ("data", "items", "list", "videos", "tasks", "jobs", "records", "rows", "results", "generations")
_LIST_MARKS = ("has_more", "first_id", "last_id", "total", "page", "page_size")
_MAX_ENTRIES, _MAX_FIELDS = 1_000, 200
#: LiteLLM's ids hold the upstream's: base64 of ``litellm:custom_llm_provider:..;model_id:..;video_id:..``.
_LITELLM = "bGl0ZWxsbTp"
_LITELLM_VIDEO = re.compile(r"litellm:.*video_id:([^;]+)", re.S)
_NESTINGS = 3
_MAX_ID = 1_024
#: The end of an id that is long enough to stand for the whole of it.
_SHORTEST_END = 8


@lru_cache(maxsize=1_024)
def same_video(asked: str, named: str) -> bool:
    """Whether the id that an answer names can be that of the video that was asked for.

    Gateways leave out the prefix of the create's id (``sora2:``), and LiteLLM wraps an upstream's id anew each time.
    """
    if asked == named:
        return True
    if len(named) > _MAX_ID:
        return False
    one, other = _core(asked), _core(named)
    return one == other or _ends_with(one, other) or _ends_with(other, one)


def names(level: Json, video_id: str) -> bool:
    """Whether an answer's level holds this id, under whichever name."""
    values = (value for value in islice(level.values(), _MAX_FIELDS) if isinstance(value, (str, int)))
    return any(same_video(video_id, value.strip() if isinstance(value, str) else str(value)) for value in values)


def names_video(body: Json, video_id: str) -> bool:
    """Whether an answer names this video where the id of a video stands."""
    named = field_of_id(body, levels(body))
    return bool(named) and same_video(video_id, named)


def says_nothing(named: str) -> bool:
    """Whether an id is that of a chat's answer, which is another one each time."""
    return named.startswith("chatcmpl")


def another_named(body: Json, video_id: str) -> str:
    """Return the id of another video that an answer is about; empty where it is about this one, or does not say.

    The number of a database's row says nothing.
    """
    another = ""
    for key, level in (("", body), *envelopes(body)):
        if names(level, video_id):
            return ""
        word, named = levels(level)[0]
        row = level.get("id")
        is_row = isinstance(row, int) and named == str(row) and not video_id.isdigit()
        is_file = key not in ("", "data", "task", "job") and word is None and named == level.get("id")
        if named and not (another or is_row or is_file):
            another = named
    return another


def entry_of(parsed: Any, video_id: str) -> Any:
    """Return the entry about a video where an answer is a list of them; any other answer as it is.

    :param video_id: the id that was asked for; empty where that is not known.
    :returns: ``None`` where the list does not hold the video.
    """
    if isinstance(parsed, list):
        return _entry_among(parsed, video_id)
    if not isinstance(parsed, dict):
        return parsed
    is_marked = parsed.get("object") == "list"
    if not is_marked and any(outermost(parsed)):
        return parsed
    inner = parsed.get("data")
    for level in (parsed, inner) if isinstance(inner, dict) else (parsed,):
        entries = next((value for value in map(level.get, _ENTRIES) if isinstance(value, list)), None)
        if entries is None:
            continue
        if is_marked or any(mark in level for mark in _LIST_MARKS) or _describe_videos(entries, video_id):
            return _entry_among(entries, video_id)
    return parsed


def _describe_videos(entries: list[Any], video_id: str) -> bool:
    """Whether a list's entries describe videos: one alone does so only where the id to look for is known."""
    described = [levels(one)[0] for one in entries[:_MAX_ENTRIES] if isinstance(one, dict)]
    named = [found for word, found in described if word and found]
    return len(named) > 1 or bool(named and video_id)


def _entry_among(entries: list[Any], video_id: str) -> Json | None:
    described = [one for one in entries[:_MAX_ENTRIES] if isinstance(one, dict)]
    return next((one for one in described if video_id and names(one, video_id)), None)


def _ends_with(whole: str, end: str) -> bool:
    if not end or not whole.endswith(end) or whole == end:
        return False
    separator = whole[-len(end) - 1]
    return separator in ":/" or (separator in "_-." and len(end) >= _SHORTEST_END)


def _core(video_id: str) -> str:
    """Return the innermost id in one: without URL encoding, and without LiteLLM's wrapping."""
    core = unquote(video_id.strip())
    for _ in range(_NESTINGS):
        start = core.find(_LITELLM)
        if start < 0:
            break
        packed = core[start:].rstrip("=")
        try:
            text = base64.b64decode(
                packed + "=" * (-len(packed) % 4), altchars=b"-_" if "-" in packed or "_" in packed else None
            )
        except (binascii.Error, ValueError):
            break
        found = _LITELLM_VIDEO.search(text.decode("utf-8", "replace"))
        if found is None:
            break
        core = found[1]
    return core
