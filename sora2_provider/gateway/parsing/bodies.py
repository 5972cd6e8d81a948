"""The JSON of an answer's body, whatever stands around it; and a body as people are shown it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from sora2_provider.gateway.parsing.fields import Json, clean, levels

_JSON_LAYERS = 3
#: Texts with raw line breaks and tabs in them are read too.
_decode = json.JSONDecoder(strict=False).raw_decode
#: The same without its wrapping.
_scan = json.JSONDecoder(strict=False).scan_once  # type: ignore[attr-defined]
#: Bytes of an answer that may be parsed a second time, when it is not what nearly all are.
_SHORT = 16_384
#: No answer has a hundredth of them; to build hundreds of thousands of lists would hold up the triggerer's loop.
_MAX_BRACKETS = 50_000
#: Objects of an event stream, or one after the other, that are looked at.
_MAX_OBJECTS = 100
_BLANK = " \t\r\n"
_EVENT_FIELD = re.compile(r"(?:data|event|id|retry)?:")
_EVENT_DATA = re.compile(r"^data: ?(.*)$", re.M)

_SHOWN = 200
_SEARCHED = 16_384
_SECRETS = re.compile(
    r"(?<![a-z0-9])(?:sk|pk|rk|ak|key)-[^\s\"',}]{6,}|(?<=bearer )[^\s\"',}]+|eyj[\w-]{10,}\.[\w.-]+|"
    r"(?<=://)[^/@\s\"]+(?=@)|\b(?:AKIA|AIza)[\w-]{12,}|"
    r"(?<![a-z])(?:[\w-]{0,20}(?:api[-_ ]?key|access[-_ ]?key|token|secret|password|signature|credential)|authorization|key|sig)"
    r"\\?[\"']?\s{0,3}[:=]\s{0,3}(?:\\?[\"'])?(?:bearer |basic )?(?P<value>[^\s\"'\\,;&}]+)",
    re.I,
)
_ID = re.compile(
    r"[\"'](\w{0,30}(?:(?<![a-z])id|Id|ID|uuid)|job|task|name|operation|polling_url)\\?[\"']\s{0,3}:\s{0,3}\\?[\"']?([^\s\"'\\,}\[{]{1,300})"
)


#: The id of what renders, wherever it stands.
_TASK = re.compile(
    rb"[\"'](?:task|video|job|generation)_?id\\?[\"']\s{0,3}:\s{0,3}\\?[\"']?(?!(?:null|none|0|false)\b)[\w-]", re.I
)


def parse_json(body: bytes) -> Any:
    """Return the JSON of a body, through up to three layers of JSON in a string; ``None`` for anything else.

    What stands behind it is not looked at. Of several objects (an event stream, lines of JSON) the last that names a video
    counts. Where something else stands before it, it is not what the gateway meant to say, and counts as unread.
    """
    if len(body) > _MAX_BRACKETS and body.count(b"[") + body.count(b"{") > _MAX_BRACKETS:
        return None
    if len(body) <= _SHORT and (usual := _parse_object(body)) is not None:
        return usual
    node: Any = body
    for layer in range(_JSON_LAYERS + 1):
        try:
            node = json.loads(node, strict=False)
        except (ValueError, RecursionError):
            return _parse_loosely(body) if layer == 0 else node
        if isinstance(node, list) and len(node) == 1 and isinstance(node[0], dict):
            return node[0]
        if not isinstance(node, str):
            break
    return node


def shown(text: str) -> str:
    """Return an answer as a message can quote it: short, on one line, without what looks like a key, with the ids in it."""
    if text.count("\ufffd") > len(text) // 20 + 1:
        return f"{len(text)} characters that are no text"
    safe = _masked(_ends(text))
    start = clean(" ".join(safe[: _SHOWN * 4].split()))
    if len(start) <= _SHOWN:
        return start
    start = start[:_SHOWN]
    ids = [f"{name} {value}" for name, value in _ID.findall(safe) if value[:100] not in start]
    return f"{start}..." + (f" with {clean(', '.join(dict.fromkeys(ids[:5])))[:400]}" if ids else "")


def ids_beside(body: Json, video_id: str) -> str:
    """Return what else in an answer can be a video's id, in which one may have been mistaken for it; empty if nothing can."""
    text = _masked(_ends(json.dumps(body, ensure_ascii=False)))
    others = [f"{name} {value}" for name, value in _ID.findall(text) if value not in (video_id, "null")]
    return clean(", ".join(dict.fromkeys(others[:5])))[:400]


def names_something(text: str) -> bool:
    """Whether an answer holds an id of any name, which a person may want to see."""
    return _ID.search(_ends(text)) is not None


def _ends(text: str) -> str:
    """Return what is searched of a text: an answer may repeat a long prompt before it comes to the id."""
    return text if len(text) <= 2 * _SEARCHED else f"{text[:_SEARCHED]} {text[-_SEARCHED:]}"


def names_a_task(body: bytes) -> bool:
    """Whether an answer holds the id of a task or a video, however deep."""
    return _TASK.search(body[:_SEARCHED]) is not None or _TASK.search(body[-_SEARCHED:]) is not None


def _masked(text: str) -> str:
    return _SECRETS.sub(lambda found: found.group().replace(found.group("value") or found.group(), "***"), text)


def _parse_object(body: bytes) -> Json | None:
    """Return what ``json.loads`` does of an object in UTF-8, which nearly all answers are, in two thirds of its time."""
    try:
        text = body.decode().strip(_BLANK)
        node, end = _scan(text, 0)
    except (ValueError, RecursionError, StopIteration):
        return None
    return node if end == len(text) and isinstance(node, dict) else None


def _parse_loosely(body: bytes) -> Json | None:
    if len(body) > _SHORT:
        return None
    text = body.decode("utf-8", "replace").strip(_BLANK)
    is_stream = _EVENT_FIELD.match(text) is not None
    found = list(_objects("\n".join(_EVENT_DATA.findall(text)) if is_stream else text))
    if len(found) > 1:
        found = [one for one in found if any(name for _, name in levels(one))]
    return found[-1] if found else None


def _objects(text: str) -> Iterator[Json]:
    """Yield the objects at the beginning of a text, one after the other."""
    for _ in range(_MAX_OBJECTS):
        try:
            node, end = _decode(text)
        except (ValueError, RecursionError):
            return
        if isinstance(node, dict):
            yield node
        text = text[end:].lstrip(_BLANK)
