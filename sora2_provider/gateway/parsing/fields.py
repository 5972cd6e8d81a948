"""Where things stand in an answer's JSON: the id, the status word, progress, counts, the model.

Gateways nest the same few facts in a dozen ways. Each function here looks in the known places, in order, and
gives a checked value or nothing; none of them raises, whatever the JSON holds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from sora2_provider.gateway.models import Usage, VideoStatus

Json = dict[str, Any]
Path = tuple[str | int, ...]
#: What one level of an answer says of the video: its status word, and its id or an empty string.
Level = tuple[str | None, str]

# To look a member up in its enum takes longer than to read a field, on Python 3.11.
_COMPLETED, _UNKNOWN = VideoStatus.COMPLETED, VideoStatus.UNKNOWN

_MAX_TEXT = 2_000
_MAX_ID = 512

_WORDS: dict[str, VideoStatus] = {
    word: status
    for words, status in (
        ("pending queued submitted not_start", VideoStatus.QUEUED),
        (
            "processing in_progress running generating initializing preprocessing image_downloading",
            VideoStatus.IN_PROGRESS,
        ),
        ("video_generating video_upsampling video_generation_completed", VideoStatus.IN_PROGRESS),
        ("completed success succeeded succeed done finished ready video_upsampling_completed", VideoStatus.COMPLETED),
        ("failed failure fail error expired content_filter", VideoStatus.FAILED),
        ("video_generation_failed video_upsampling_failed", VideoStatus.FAILED),
        ("cancelled canceled", VideoStatus.CANCELLED),
    )
    for word in words.split()
}


def paths(dotted: str) -> tuple[Path, ...]:
    """Return the paths of a text such as ``"url data.outputs.0"``: steps between dots, and paths between blanks."""
    return tuple(tuple(int(step) if step.isdigit() else step for step in one.split(".")) for one in dotted.split())


def words(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


_ID_KEYS = ("id", "task_id", "taskId", "video_id")
# In an envelope's data, "id" can be the row number of a database: the task's id comes first.
_NESTED_ID_KEYS = ("task_id", "taskId", "video_id", "id")
_ENVELOPES = ("data", "result", "output", "task", "video", "job", "generation", "response", "payload", "resultJson")
_ENVELOPE_SET = frozenset(_ENVELOPES)
# In these the id can be a file's: it is the video's where a status stands beside it.
_FILES_TOO = ("video", "generation", "response", "payload", "resultJson")
_MAX_NESTINGS = 3
_MAX_JSON_TEXT = 65_536
_STATUS_KEYS = ("status", "task_status", "state")
# Where an upstream's own answer is passed on: its word counts where the gateway has none.
_UPSTREAM = paths("detail data.data")
_FRACTIONS = paths("progress_pct pending_info.progress_pct detail.pending_info.progress_pct")
_USAGES = paths("usage data.usage data.data.usage")
_MODELS = paths("model data.model properties.origin_model_name data.properties.origin_model_name")


def at(node: Any, *path: str | int) -> Any:
    """Return what stands at a path of keys and indexes, or ``None``."""
    for step in path:
        if isinstance(step, str):
            node = node.get(step) if isinstance(node, dict) else None
        else:
            node = node[step] if isinstance(node, list) and len(node) > step else None
        if node is None:
            return None
    return node


def clean(text: Any) -> str:
    """Return a text that any log, database and terminal takes: no half characters, no controls, not endless."""
    if not isinstance(text, str):
        return ""
    if text.isascii() and text.isprintable():
        return text[:_MAX_TEXT].strip()
    safe = text[:_MAX_TEXT].encode("utf-8", "replace").decode("utf-8")
    return "".join(ch if ch.isprintable() or ch in "\n\t" else " " for ch in safe).strip()


def levels(body: Json) -> list[Level]:
    """Return what each level that can describe the video says of it, the outermost first."""
    described = [outermost(body)]
    if _ENVELOPE_SET.isdisjoint(body):
        return described
    return described + _nested_levels(body, _MAX_NESTINGS, some_word=described[0][0] is not None)


def outermost(body: Json) -> Level:
    """Return what the answer's own level says of the video."""
    named = body.get("id")
    return _word(body), (isinstance(named, str) and _id(named)) or _id_in(body, _ID_KEYS)


def _nested_levels(body: Json, depth: int, *, some_word: bool) -> list[Level]:
    inside = envelopes(body)
    described = [(_word(inner), _id_in(inner, _NESTED_ID_KEYS)) for _, inner in inside]
    described = [
        (word, "" if word is None and key in _FILES_TOO else found)
        for (key, _), (word, found) in zip(inside, described, strict=True)
    ]
    # Where no level has a status word, it stands further in.
    if depth > 1 and not some_word and all(word is None for word, _ in described):
        for _, inner in inside:
            described += _nested_levels(inner, depth - 1, some_word=False)
    return described


def envelopes(body: Json) -> list[tuple[str, Json]]:
    """Return the objects in a level that can describe the video, by key: also one alone in a list, and JSON in a text."""
    found = []
    present = _ENVELOPE_SET.intersection(body)
    for key in present if len(present) < 2 else [key for key in _ENVELOPES if key in present]:
        inner = body[key]
        if isinstance(inner, list) and len(inner) == 1:
            inner = inner[0]
        if isinstance(inner, str) and inner[:1] == "{":
            inner = unpacked(inner)
        if isinstance(inner, dict):
            found.append((key, inner))
    return found


def unpacked(text: str) -> Any:
    """Return the JSON object or list in a text; ``None`` for any other text."""
    if text.lstrip()[:1] not in ("{", "[") or len(text) > _MAX_JSON_TEXT:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def video_id(body: Json, described: list[Level]) -> str:
    """Return the id of the video, or an empty string, from a body and its ``levels``."""
    # A level with both speaks of the video; an id alone around it can be that of the request.
    for word, found in described:
        if word is not None and found:
            return found
    for _, found in described:
        if found:
            return found
    bare = body.get("data")
    # A sentence or a status word in its place is no id.
    named = (
        isinstance(bare, str)
        and bare.isascii()
        and bare[:1] not in ("{", "[")
        and bare.strip().lower() not in (*_WORDS, "ok", "true", "none")
    )
    return _id(bare) if named else ""


def status(
    body: Json, described: list[Level], *, find_link: Callable[[Json], str | None], some_id: bool
) -> tuple[VideoStatus | None, str | None]:
    """Return the normalised status and the gateway's word for it; ``(None, None)`` where none stands.

    A level that names both an id and a status speaks of the video. A level without an id, around one that has it, may
    be an envelope, whose "success" only says that the call worked: it gives way to a word further in, and without one
    it counts only beside a link.

    :param find_link: finds the link in the body; asked only where a link decides, which is in few answers.
    :param some_id: whether the answer names a video anywhere.
    """
    for word, found in described:
        if word is not None and found:
            return _meaning(word, body, find_link), word
    known = [*described, *((_word(level), "") for path in _UPSTREAM if isinstance(level := at(body, *path), dict))]
    for position, (word, _) in enumerate(known):
        if word is None:
            continue
        if _WORDS.get(word.lower()) is _COMPLETED:
            around_a_word = any(inner is not None for inner, _ in known[position + 1 :])
            around_the_id = some_id and not any(outer for _, outer in known[:position])
            if around_a_word or (around_the_id and find_link(body) is None):
                continue
        return _meaning(word, body, find_link), word
    return _finish_reason(body, find_link)


def _meaning(word: str, body: Json, find_link: Callable[[Json], str | None]) -> VideoStatus:
    lowered = word.lower()
    if lowered == "video_generation_completed" and find_link(body):
        return _COMPLETED
    return _WORDS.get(lowered, _UNKNOWN)


def _finish_reason(body: Json, find_link: Callable[[Json], str | None]) -> tuple[VideoStatus | None, str | None]:
    for root in (body, body.get("data")):
        reason = at(root, "choices", 0, "finish_reason")
        if isinstance(reason, str) and reason:
            word = clean(reason)
            if word.lower() == "stop":
                return (_COMPLETED if find_link(body) else _UNKNOWN), word
            return _WORDS.get(word.lower(), _UNKNOWN), word
    return None, None


def _id_in(level: Json, keys: tuple[str, ...]) -> str:
    if isinstance(level.get("id"), int):
        # A number called "id" can be the row of a database: any other id beside it comes first.
        keys = (*(key for key in keys if key != "id"), "id")
    for key in keys:
        if key in level and (found := _id(level[key])):
            return found
    return ""


def _id(value: Any) -> str:
    if not isinstance(value, str):
        is_number = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**64
        return str(value) if is_number else ""
    text = value.strip()
    usable = 0 < len(text) <= _MAX_ID and text.isprintable() and " " not in text
    is_link = text[:1] in ("h", "H") and text.lower().startswith(("http://", "https://"))
    return text if usable and not is_link else ""


def _word(level: Json) -> str | None:
    for key in _STATUS_KEYS:
        value = level.get(key)
        if isinstance(value, str) and value in _WORDS:
            return value
        if isinstance(value, str) and (word := clean(value)[:100]) and not word.isdigit():
            return word
    return None


def progress(body: Json) -> int | None:
    """Return the progress in percent, 0 to 100."""
    if type(plain := body.get("progress")) is int and 0 <= plain <= 100:
        return plain
    for root in (body, body.get("data"), body.get("result"), body.get("output")):
        if not isinstance(root, dict):
            continue
        if (found := _percent(at(root, "progress"), fraction=False)) is not None:
            return found
        for path in _FRACTIONS:
            if (found := _percent(at(root, *path), fraction=True)) is not None:
                return found
    return None


def _percent(value: Any, *, fraction: bool) -> int | None:
    if isinstance(value, str):
        text = value.strip()
        try:
            value = float(text.rstrip("% ")) if len(text) < 20 else None
        except ValueError:
            return None
        # "0.5%" is half a percent, "0.5" a half.
        has_sign = text.endswith("%")
        fraction = fraction and not has_sign
        if value is not None and math.isfinite(value) and (has_sign or value >= 1):
            value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if (fraction and value <= 1) or (isinstance(value, float) and value < 1):
        value = value * 100
    percent: float = max(0, min(100, value))
    return round(percent)


def usage(body: Json) -> Usage | None:
    """Return the token counts, where there are any."""
    if "usage" not in body and "data" not in body:
        return None
    for path in _USAGES:
        counts = at(body, *path)
        if isinstance(counts, dict):
            names = ("prompt_tokens", "completion_tokens", "total_tokens")
            read = {name: counts[name] for name in names if type(counts.get(name)) is int and 0 <= counts[name] < 2**63}
            if read:
                return Usage(**read)
    return None


def model(body: Json) -> str | None:
    """Return the name of the model as the user knows it."""
    for path in _MODELS:
        value = at(body, *path)
        if isinstance(value, str) and (name := clean(value)[:200]):
            return name
    return None
