"""Why a call was refused or a video failed, dug out of an answer's JSON.

Gateways pass an upstream's refusal on inside their own, as an object or as JSON inside a text ("API request failed:
400 - {...}"). What the innermost layer says counts; where it is silent, the layer above.
"""

from __future__ import annotations

import json
import re
from typing import Any

from sora2_provider.gateway.parsing.error_kinds import Refusal
from sora2_provider.gateway.parsing.fields import Json, at, clean
from sora2_provider.gateway.parsing.links import as_link

#: How many objects and texts inside each other are followed: three layers of JSON in strings, each with its wrapping.
_DEPTH = 12
_MAX_NESTED = 65_536
_SUCCESS_CODES = (
    "",
    "0",
    "1",
    "200",
    "201",
    "202",
    "success",
    "succeed",
    "succeeded",
    "ok",
    "true",
    "none",
    "null",
)
_SUCCESS_TEXTS = (
    "success",
    "successful",
    "succeed",
    "succeeded",
    "ok",
    "submit success",
    "成功",
    "操作成功",
    "请求成功",
    "提交成功",
)
_REQUEST_ID = re.compile(r"[(（]request[ _]id:\s?([\w.:-]{1,200})\s?[)）]\Z", re.I)
_MESSAGE_KEYS = (
    "message",
    "msg",
    "error_message",
    "error_msg",
    "error_description",
    "detail",
    "reason",
    "errors",
    "data",
)
_ERROR_KEYS = ("error_message", "error_msg", "error_description", "errors")
_FAILURE_PATHS: tuple[tuple[str, ...], ...] = (
    ("error_message",),
    ("fail_reason",),
    ("failure_reason",),
    ("task_status_msg",),
    ("pending_info", "failure_reason"),
    ("detail", "pending_info", "failure_reason"),
    ("detail", "failure_reason"),
    ("error_msg",),
    ("reason",),
    ("metadata", "url"),
    ("message",),
    ("msg",),
)


def refusal(body: Any, *, refused: bool = False) -> Refusal | None:
    """Return the error that a body tells of, or ``None`` where it tells of none.

    :param refused: the HTTP status says that it is an error, so any text in it is the error's.
    """
    return _explain(body, refused=refused, depth=_DEPTH)


def says_error(body: Json) -> bool:
    """Whether a body calls itself an error outright, and does not only hold an odd code or a remark."""
    error, succeeded = body.get("error"), body.get("success")
    if isinstance(error, dict):
        denied = _code(error.get("code")) is None and error.get("code") not in (None, "")
    else:
        denied = isinstance(error, str) and _code(error) is None
    return (_tells(error) and not denied) or error is True or succeeded is False or succeeded == "false"


def failure(body: Json) -> Refusal:
    """Return why a video failed, from wherever that stands."""
    roots = [at(body, *path) for path in ((), ("data",), ("result",), ("output",), ("data", "data"))]
    levels = [root for root in roots if isinstance(root, dict)]
    said = [_explain(level["error"], refused=True, depth=_DEPTH) for level in levels if _tells(level.get("error"))]
    for path in _FAILURE_PATHS:
        for value in (at(level, *path) for level in levels):
            if isinstance(value, (str, dict)) and _tells(value) and not as_link(value) and not _is_praise(value):
                said.append(_explain(value, refused=True, depth=_DEPTH))
    found = [one for one in said if one is not None]
    first = next((one for one in found if one.message), None) or next(iter(found), Refusal())
    code = first.code or next((one.code for one in found if one.code), None) or _failure_code(levels)
    return Refusal(first.message, code=code, type=first.type, request_id=first.request_id)


def request_id(body: Any) -> str | None:
    """Return the id of the request that an answer carries in its body."""
    return clean(at(body, "request_id"))[:200] or None


def _explain(node: Any, *, refused: bool, depth: int) -> Refusal | None:
    if depth <= 0:
        return None
    if isinstance(node, str):
        return _explain_text(node, depth)
    if isinstance(node, list):
        return _explain_list(node, depth)
    if not isinstance(node, dict):
        return None
    code = _code(node.get("code")) or _code(node.get("error_code"))
    if not (refused or says_error(node) or _names_an_error(node)):
        if code is None:
            return None
        praised = any(_is_praise(node.get(key)) for key in ("message", "msg"))
        if praised and not code.startswith(("4", "5")):
            return None
    inner = None
    for key in ("error", *_MESSAGE_KEYS):
        if _tells(node.get(key)):
            found = _explain(node[key], refused=True, depth=depth - 1)
            inner = inner or found
            if found is not None and found.message:
                inner = found
                break
    inner = inner or Refusal()
    return Refusal(
        message=inner.message,
        code=inner.code or code,
        type=inner.type or clean(node.get("type"))[:100] or None,
        request_id=inner.request_id or request_id(node),
    )


def _explain_text(text: str, depth: int) -> Refusal | None:
    nested = _nested_json(text)
    if nested is not None:
        inner = _explain(nested, refused=True, depth=depth - 1)
        if inner is not None and (inner.message or inner.code):
            return inner
    message = clean(text)
    if not message:
        return None
    match = _REQUEST_ID.search(message)
    if match is None:
        return Refusal(message)
    return Refusal(message[: match.start()].rstrip() or message, request_id=match.group(1))


def _explain_list(nodes: list[Any], depth: int) -> Refusal | None:
    # Validation errors of FastAPI: [{"loc": ["body", "duration"], "msg": "..."}].
    texts = []
    for node in nodes[:5]:
        one = _explain(node, refused=True, depth=depth - 1)
        if one is not None and one.message:
            where = at(node, "loc")
            steps = where[:5] if isinstance(where, list) else []
            name = ".".join(clean(step) for step in steps if isinstance(step, str) and step != "body")
            texts.append(f"{name}: {one.message}" if name else one.message)
    return Refusal(clean("; ".join(texts))) if texts else None


def _nested_json(text: str) -> Any:
    clipped = text[:_MAX_NESTED]
    start = -1
    for _ in range(5):
        start = clipped.find("{", start + 1)
        if start < 0:
            return None
        try:
            found, _ = json.JSONDecoder().raw_decode(clipped, start)
        except (ValueError, RecursionError):
            continue
        if found:
            return found
    return None


def _tells(node: Any) -> bool:
    """Whether a value says anything: gateways fill their error fields with empty texts, zeros and empty objects."""
    if isinstance(node, dict):
        return any(value not in (None, "", 0, False, [], {}) for value in node.values())
    return bool(node.strip()) if isinstance(node, str) else bool(node) and isinstance(node, list)


def _is_praise(value: Any) -> bool:
    """Whether a message says that all is well: one gateway's code for that is 0, another's 200, a third's 10000."""
    return isinstance(value, str) and value.strip(" .!。！").lower() in _SUCCESS_TEXTS


def _names_an_error(node: Json) -> bool:
    for key in _ERROR_KEYS:
        if key in node and _tells(node[key]):
            return True
    return isinstance(node.get("detail"), (str, list)) and _tells(node["detail"])


def _code(value: Any) -> str | None:
    if value is None or isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    if isinstance(value, int):
        value = str(value) if abs(value) < 10**18 else ""
    text = clean(value)[:200]
    return None if text.lower() in _SUCCESS_CODES else text


def _failure_code(levels: list[Json]) -> str | None:
    for level in levels:
        for path in (
            ("error_code",),
            ("detail", "pending_info", "moderation_result", "code"),
            ("detail", "pending_info", "moderation_result", "type"),
        ):
            if found := _code(at(level, *path)):
                return found
    return None
