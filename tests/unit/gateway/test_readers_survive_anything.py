"""Whatever bytes, statuses and headers come, a reader gives a sound value or a ``GatewayError``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sora2_provider.gateway import errors
from sora2_provider.gateway.parsing import videos as responses
from tests.unit.gateway.soundness import check_all_readers

ROWS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "responses.json").read_text("utf-8"))

stable = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)

statuses = st.one_of(
    st.sampled_from([200, 200, 200, 201, 202, 204, 302, 400, 401, 403, 404, 408, 429, 500, 502, 503, 504, 524]),
    st.integers(0, 999),
)
texts = st.text(st.characters(), max_size=30)
header_names = st.sampled_from(
    ["Content-Type", "retry-after", "Retry-After", "Date", "Location", "x-request-id", "X-Oneapi-Request-Id", "cf-ray"]
)
header_values = st.one_of(
    texts,
    st.sampled_from(
        ["text/html", "application/json", "1", "1e400", "-1", "nan", "inf", "Wed, 21 Oct 2015 07:28:00 GMT",
         "Wed, 99 Oct 99999 07:28:00 +9999", "Mon, 01 Jan 0001 00:00:00 +2359", "http://[::1", "https://x@y/z", "//", "\ud800"]
    ),
    st.floats().map(str),
    st.integers().map(str),
)  # fmt: skip
headers = st.dictionaries(st.one_of(header_names, texts), header_values, max_size=4)

KEYS = (
    "id", "task_id", "taskId", "video_id", "status", "task_status", "state", "video_url", "url", "result_url",
    "detail", "metadata", "data", "content", "output", "outputs", "result", "results", "task_result",
    "videos", "video", "choices", "message", "finish_reason", "index", "error", "errors", "code", "type",
    "param", "msg", "error_message", "error_code", "error_msg", "fail_reason", "failure_reason",
    "task_status_msg", "reason", "success", "progress", "progress_pct", "pending_info", "moderation_result",
    "created", "created_at", "updated_at", "completed_at", "expires_at", "status_update_time", "submit_time",
    "finish_time", "usage", "prompt_tokens", "completion_tokens", "total_tokens", "model", "properties",
    "origin_model_name", "request_id", "images", "input", "request", "models", "hard_limit_usd",
    "total_usage", "total_granted", "total_used", "total_available", "unlimited_quota", "loc", "object",
)  # fmt: skip
WORDS = (
    "pending", "processing", "completed", "success", "SUCCESS", "failed", "error", "expired", "cancelled",
    "canceled", "unknown", "stop", "content_filter", "video_generation_completed", "video_1", "task_1",
    "https://x.example/v.mp4", "http://", "https://[", "ftp://x", "`https://x.example/v`", "30%", "0.5",
    "1e400", "nan", "Infinity", "-1", "99999999999999999999", "1700000000000", "2025-10-12T15:04:21Z",
    "9999-12-31T23:59:59-23:59", "model_not_found", "insufficient_user_quota", "sentinel_block",
    "task_not_exist", "bad_response_status_code", "400", "503", "ok", "当前分组上游负载已饱和",
)  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, 1, 2**63, 2**64, 10**30, 10**400, -(10**400), 1e400, -1e400, 1e308, 5e-324, float("nan")]),
    st.floats(),
    st.sampled_from(WORDS),
    st.sampled_from(["", " ", "\x00", "\ud800", "\udfff\ud800", "\u202e", "a" * 5_000, '{"error": {"code": "x"}}', '"[1]"']),
    texts,
)  # fmt: skip
arbitrary_json = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=20
)


def _deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named = st.dictionaries(st.sampled_from(KEYS), inner, max_size=7)
    return st.one_of(named, named, named, st.lists(inner, max_size=3), inner.map(json.dumps))


structured_json = st.dictionaries(
    st.sampled_from(KEYS), st.recursive(scalars, _deeper, max_leaves=25), min_size=1, max_size=8
)


def encoded(node: Any, style: int = 0) -> bytes:
    if style == 1:
        return json.dumps(json.dumps(node)).encode()
    if style == 2:
        return json.dumps(node, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return json.dumps([node] if style == 3 else node).encode()


looks_like_json_or_a_page = st.text(st.sampled_from('{}[]":,<>/!&\\ titlehtm01e.-+n\n\ufeff'), max_size=60).map(
    str.encode
)


@settings(stable, max_examples=400)
@given(statuses, headers, st.binary(max_size=200) | looks_like_json_or_a_page)
def test_readers_survive_arbitrary_bytes(status: int, headers: dict[str, str], body: bytes) -> None:
    check_all_readers(status, headers, body)


@stable
@given(statuses, headers, arbitrary_json, st.integers(0, 3))
def test_readers_survive_arbitrary_json(status: int, headers: dict[str, str], body: Any, style: int) -> None:
    check_all_readers(status, headers, encoded(body, style))


@settings(stable, max_examples=500)
@given(statuses, structured_json, st.integers(0, 3))
def test_readers_survive_wild_values_under_known_names(status: int, body: Any, style: int) -> None:
    check_all_readers(status, {}, encoded(body, style))


@settings(stable, max_examples=200)
@given(st.sampled_from(KEYS), st.sampled_from(KEYS), scalars, st.sampled_from(WORDS))
def test_readers_survive_a_named_video_with_one_wild_value_at_two_depths(
    outer: str, inner: str, value: Any, word: str
) -> None:
    for shape in ({inner: value}, {outer: {inner: value}}, {outer: [{inner: value}]}):
        check_all_readers(200, {}, encoded({"id": "v", "status": word, **shape}))


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(found for step, inner in steps for found in places(inner, (*path, step)))]


def changed(node: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    if not path:
        return change(node)
    copy = node.copy()
    copy[path[0]] = changed(node[path[0]], path[1:], change)
    return copy


def without(node: Any, path: tuple[Any, ...]) -> Any:
    return changed(node, path[:-1], lambda level: _less(level, path[-1])) if path else None


def _less(level: Any, step: Any) -> Any:
    if isinstance(level, dict):
        return {key: value for key, value in level.items() if key != step}
    return [value for index, value in enumerate(level) if index != step]


def renamed(node: Any, path: tuple[Any, ...], name: str) -> Any:
    if not path or not isinstance(path[-1], str):
        return node
    old = path[-1]
    return changed(node, path[:-1], lambda level: {name if key == old else key: value for key, value in level.items()})


@settings(stable, max_examples=500)
@given(st.data())
def test_readers_survive_mutations_of_real_answers(data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(ROWS))
    body = row["body"]
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(body)))
        action = data.draw(st.sampled_from(["delete", "replace", "rename", "wrap", "quote", "list"]))
        if action == "delete":
            body = without(body, path)
        elif action == "replace":
            body = changed(body, path, lambda _: data.draw(scalars))
        elif action == "rename":
            body = renamed(body, path, data.draw(st.sampled_from(KEYS)))
        elif action == "wrap":
            body = changed(body, path, lambda value: {data.draw(st.sampled_from(KEYS)): value})
        elif action == "quote":
            body = changed(body, path, json.dumps)
        else:
            body = changed(body, path, lambda value: [value])
    status = data.draw(st.one_of(st.just(row["http_status"]), statuses))
    check_all_readers(status, row["headers"], encoded(body, data.draw(st.integers(0, 2))))


@settings(stable, max_examples=300)
@given(st.sampled_from(ROWS), st.data())
def test_readers_survive_real_answers_whose_bytes_are_cut_and_flipped(row: dict[str, Any], data: st.DataObject) -> None:
    body = row["body"].encode() if isinstance(row["body"], str) else encoded(row["body"])
    body = body[: data.draw(st.integers(0, len(body)))]
    if body and data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(body) - 1))
        body = body[:at] + data.draw(st.binary(max_size=3)) + body[at + 1 :]
    check_all_readers(row["http_status"], row["headers"], body)


ACCEPTED = [row for row in ROWS if row["endpoint"] == "create" and row["expect"]["status"] != "error"]


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row["name"])
def test_an_accepted_create_that_is_cut_anywhere_is_unknown_and_never_refused(row: dict[str, Any]) -> None:
    whole = encoded(row["body"])
    for length in range(len(whole)):
        with pytest.raises(errors.SubmissionUnknown):
            responses.read_created(200, row["headers"], whole[:length])
