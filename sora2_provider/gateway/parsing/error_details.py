"""Why a call was refused or a video failed, as an answer's JSON tells it.

Gateways pass an upstream's refusal on inside their own, as an object or as JSON inside a text ("API request failed:
400 - {...}"). What the innermost layer says counts; where it is silent, the layer above.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

from sora2_provider.gateway.parsing.error_kinds import ErrorDetail, most_telling
from sora2_provider.gateway.parsing.fields import Json, at, clean, paths
from sora2_provider.gateway.parsing.links import as_link

#: What repeats the request.
_REQUEST_KEYS = ("prompt", "input", "request", "params", "parameters", "images")
_MAX_VALUES = 20
_MAX_SEARCHED = 2_000
#: How many objects and texts inside each other are followed: three layers of JSON in strings, each with its wrapping.
_DEPTH = 12
_MAX_NESTED = 65_536
_SUCCESS_CODES = ("", *["0", "1", "200", "201", "202", "success", "succeed", "succeeded", "ok", "true", "none", "null"])
_SUCCESS_TEXTS = (
    *["success", "successful", "succeed", "succeeded", "ok", "成功", "操作成功", "请求成功", "提交成功"],
    "submit success",
)
_REQUEST_ID = re.compile(r"[(（]request[ _]id:\s?([\w.:-]{1,200})\s?[)）]\Z", re.I)
_TEXT_KEYS = ("error_message", "error_msg", "error_description")
_ERROR_KEYS = (*_TEXT_KEYS, "errors")
_ERROR_KEY_SET, _CODE_KEYS = frozenset(_ERROR_KEYS), frozenset({"code", "error_code"})
_DETAIL_KEYS = ("detail", "details")
_MESSAGE_KEYS = (
    *("message", "msg", *_TEXT_KEYS, *_DETAIL_KEYS, "reason", "failure_reason", "fail_reason", "errors", "data"),
    *("title", "inner_error", "innererror", "upstream_error", "cause"),
    *("status_msg", "base_resp", "Response", "Error", "Message"),
)
_FAILURE_PATHS = paths(
    "error_message fail_reason failure_reason failReason failureReason failMsg fail_msg failure task_status_msg "
    "pending_info.failure_reason detail.pending_info.failure_reason detail.failure_reason error_msg reason detail details "
    "detail.error details.error status_message metadata.url url result_url message msg"
)
_FAILURE_CODE_PATHS = paths(
    "error_code detail.pending_info.moderation_result.code detail.pending_info.moderation_result.type"
)


def error_detail(node: Any, *, is_error: bool = False, depth: int = _DEPTH) -> ErrorDetail | None:
    """Return the error that a body tells of, or ``None`` where it tells of none.

    :param node: the body, or a value in it.
    :param is_error: the HTTP status says that it is an error, so any text in it is the error's.
    :param depth: how many objects and texts inside each other are followed.
    """
    if depth <= 0:
        return None
    if isinstance(node, str):
        return _text_detail(node, depth)
    if isinstance(node, list):
        return _list_detail(node, depth)
    if not isinstance(node, dict):
        return None
    code = None if _CODE_KEYS.isdisjoint(node) else _code(node.get("code")) or _code(node.get("error_code"))
    if not (is_error or says_error(node) or _names_an_error(node)):
        if code is None:
            return None
        succeeded = any(_says_success(node.get(key)) for key in ("message", "msg"))
        if succeeded and not code.startswith(("4", "5")):
            return None
    inner = _innermost(node, depth)
    return ErrorDetail(
        message=inner.message,
        code=inner.code or code,
        type=inner.type or clean(node.get("type"))[:100] or None,
        request_id=inner.request_id or request_id(node),
        passed_on=inner.passed_on,
    )


def says_error(body: Json) -> bool:
    """Whether a body calls itself an error outright, and does not only hold an odd code or a remark."""
    error, succeeded = body.get("error"), body.get("success")
    if not error:
        return succeeded is False or succeeded == "false"
    if isinstance(error, dict):
        denied = _code(error.get("code")) is None and error.get("code") not in (None, "")
    else:
        denied = isinstance(error, str) and _code(error) is None
    refused = succeeded in (False, "false") or at(body, "base_resp", "status_code") not in (None, 0)
    return (_is_filled(error) and not denied) or error is True or refused


def failure_detail(body: Json) -> ErrorDetail:
    """Return why a video failed, from wherever that stands."""
    roots = [at(body, *path) for path in ((), ("data",), ("result",), ("output",), ("data", "data"))]
    levels = [root for root in roots if isinstance(root, dict)]
    named = [level["error"] for level in levels if _is_filled(level.get("error"))]
    for value in (at(level, *path) for path in _FAILURE_PATHS for level in levels):
        if isinstance(value, (str, dict)) and _is_filled(value) and not as_link(value) and not _says_success(value):
            named.append(value)
    found = [detail for value in named if (detail := error_detail(value, is_error=True)) is not None]
    reason = most_telling(found)
    codes = (_code(at(level, *path)) for level in levels for path in _FAILURE_CODE_PATHS)
    code = next(filter(None, (reason.code, *(one.code for one in found), *codes)), None)
    return dataclasses.replace(reason, code=code)


def texts(node: Any, depth: int = _DEPTH) -> Iterator[str]:
    """Yield the texts of an error, in all its layers, but for what it repeats of the request."""
    if depth <= 0:
        return
    if isinstance(node, str):
        yield node[:_MAX_SEARCHED]
        yield node[-_MAX_SEARCHED:]
        yield from texts(_nested_json(node), depth - 1)
    for value in _values(node):
        yield from texts(value, depth - 1)


def _values(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return [value for key, value in node.items() if key not in _REQUEST_KEYS][:_MAX_VALUES]
    return node[:_MAX_VALUES] if isinstance(node, list) else []


def request_id(body: Any) -> str | None:
    """Return the id of the request that an answer carries in its body."""
    return clean(at(body, "request_id"))[:200] or None


def _innermost(node: Json, depth: int) -> ErrorDetail:
    """Return the reason among what stands under the keys of errors."""
    values = (node[key] for key in ("error", *_MESSAGE_KEYS) if _is_filled(node.get(key)))
    found = (error_detail(value, is_error=True, depth=depth - 1) for value in values)
    return most_telling([detail for detail in found if detail is not None])


def _text_detail(text: str, depth: int) -> ErrorDetail | None:
    nested = _nested_json(text)
    if nested is not None:
        inner = error_detail(nested, is_error=True, depth=depth - 1)
        if inner is not None and (inner.message or inner.code):
            return dataclasses.replace(inner, passed_on=True)
    message = clean(text)
    if not message:
        return None
    match = _REQUEST_ID.search(message)
    if match is None:
        return ErrorDetail(message)
    return ErrorDetail(message[: match.start()].rstrip() or message, request_id=match.group(1))


def _list_detail(nodes: list[Any], depth: int) -> ErrorDetail | None:
    # Validation errors of FastAPI: [{"loc": ["body", "duration"], "msg": "..."}].
    found = [(node, error_detail(node, is_error=True, depth=depth - 1)) for node in nodes[:5]]
    lines = []
    for node, one in found:
        if one is not None and one.message:
            where = at(node, "loc")
            steps = where[:5] if isinstance(where, list) else []
            name = ".".join(clean(step) for step in steps if isinstance(step, str) and step != "body")
            lines.append(f"{name}: {one.message}" if name else one.message)
    code = next((one.code for _, one in found if one is not None and one.code), None)
    return ErrorDetail(clean("; ".join(lines)), code) if lines or code else None


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


def _is_filled(node: Any) -> bool:
    """Whether a value says anything: gateways fill their error fields with empty texts, zeros and empty objects."""
    if isinstance(node, dict):
        return any(value not in (None, "", 0, False, [], {}) for value in node.values())
    return bool(node.strip()) if isinstance(node, str) else bool(node) and isinstance(node, list)


def _says_success(value: Any) -> bool:
    """Whether a message says that all is well: one gateway's code for that is 0, another's 200, a third's 10000."""
    return isinstance(value, str) and value.strip(" .!。！").lower() in _SUCCESS_TEXTS


def _names_an_error(node: Json) -> bool:
    for key in () if _ERROR_KEY_SET.isdisjoint(node) else _ERROR_KEYS:
        if key in node and _is_filled(node[key]):
            return True
    for key in _DETAIL_KEYS:
        value = node.get(key)
        if value and _is_filled(value.get("error") if isinstance(value, dict) else value):
            return True
    return False


def _code(value: Any) -> str | None:
    if value is None or isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    if isinstance(value, int):
        value = str(value) if abs(value) < 10**18 else ""
    text = clean(value)[:200]
    return None if text.lower() in _SUCCESS_CODES else text
