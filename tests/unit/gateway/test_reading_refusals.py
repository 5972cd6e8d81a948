"""Whether a create was accepted, refused or lost, and what a query's error is, by the API's rules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sora2_provider.gateway import errors
from tests.unit.gateway.reading import SATURATED, created, refused_create, refused_query


@pytest.mark.parametrize(
    "body",
    [{}, {"id": ""}, {"id": None}, {"id": 0}, {"id": True}, {"id": []}, {"id": {"a": 1}}, {"id": " "}, {"data": ""},
     {"data": "success"}, {"data": "任务已提交"}, {"data": []}, {"status": "queued"}, {"success": True}, {"code": 0},
     {"code": "success", "message": "", "data": None}, [], "", "null", "1", '"text"', "{", '{"id": "video_1', "ok",
     b"\xff\xfe", "<", '<br />\n<b>Warning</b>: x\n{"id": "v"}', {"success": False}, {"error": {"message": "bad response status code 504"}}, {"error": "Bad Gateway"}],
    ids=repr,
)  # fmt: skip
def test_a_200_that_names_no_video_and_no_reason_is_unknown(body: Any) -> None:
    error = refused_create(body)
    assert isinstance(error, errors.SubmissionUnknown)
    assert not error.transient


def test_json_that_a_proxy_labels_as_html_and_cuts_is_a_lost_answer_and_no_wrong_address() -> None:
    headers = {"Content-Type": "text/html; charset=utf-8"}
    assert isinstance(refused_create('{"id": "video_1', headers=headers), errors.SubmissionUnknown)
    assert created('{"id": "video_1"}', headers=headers).id == "video_1"


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
@pytest.mark.parametrize("wrap", ["{}", "API request failed: 400 - {}"])
def test_the_innermost_of_three_layers_of_errors_counts(layers: int, wrap: str) -> None:
    body: dict[str, Any] = {"error": {"code": "sentinel_block", "message": "Please try again later"}}
    for _ in range(layers):
        body = {"code": "fail_to_fetch_task", "message": wrap.format(json.dumps(body)), "data": None}
    error = refused_create(body, 500)
    assert isinstance(error, errors.ContentRejected)
    assert (error.message, error.code, error.transient) == ("Please try again later", "sentinel_block", False)


REFUSED: dict[type[errors.GatewayError], list[tuple[int, Any]]] = {
    errors.InvalidRequest: [
        (404, b""), (422, b""),
        (400, {"detail": "duration must be one of 10, 15"}),
        (422, {"detail": [{"loc": ["body", "size"], "msg": "field required"}]}),
        (200, {"code": 400, "message": "prompt is required", "data": None}),
        (499, {"error": {"message": "prompt is required"}}),
        *((status, {"error": {"message": "x", "code": "model_not_found"}}) for status in (200, 400, 403, 404)),
    ],
    errors.ContentRejected: [
        (400, {"detail": {"code": "prompt_blocked", "message": "no"}}),
        (200, {"code": "prompt_blocked", "message": "no", "id": "req_1"}),
        (429, {"error": {"message": "try again later", "code": "content_policy_violation"}}),
        (500, {"error": {"message": "try again later", "code": "moderation_blocked"}}),
    ],
    errors.InsufficientBalance: [
        (402, b""),
        (200, {"success": False, "message": "用户额度不足"}),
        (200, {"error": {"code": "insufficient_user_quota", "message": ""}}),
        (200, {"id": "req_1", "error": {"message": "no", "code": "insufficient_quota"}}),
        (429, {"error": {"message": SATURATED, "code": "insufficient_user_quota"}}),
    ],
    errors.AuthenticationError: [
        (401, b""),
        (200, {"code": 401, "message": "no", "data": None}),
        (401, {"error": {"message": "no", "type": "invalid_request_error"}}),
    ],
    errors.PermissionDenied: [(403, b"")],
    errors.RateLimited: [
        (429, b""), (429, "<html><title>Access denied</title></html>"), (429, {"error": {"message": SATURATED}}),
        (429, {"error": {"message": "slow down", "type": "invalid_request_error"}}),
        (200, {"code": 429, "message": "slow", "data": None}),
        (200, {"error": "rate limit exceeded"}), (408, {"error": {"message": "too many requests"}}),
    ],
    errors.GatewayUnavailable: [
        (200, {"success": False, "message": SATURATED}), (200, {"status": "error", "message": SATURATED}),
        (400, {"error": {"message": "please try again later", "code": ""}}),
        *((status, {"error": {"message": SATURATED}}) for status in (403, 404, 500, 502)),
        (500, {"error": {"message": "no GPU", "code": ""}}), (524, {"error": {"message": "no GPU"}}),
        (500, {"error": {"message": "", "code": "upstream_load_saturated"}}),
        (503, {"error": {"message": "x", "code": "model_not_found"}}),
        (504, {"error": {"message": SATURATED, "code": "service_err"}}),
    ],
}  # fmt: skip


def by_kind(table: dict[type[errors.GatewayError], list[tuple[int, Any]]]) -> list[Any]:
    return [pytest.param(kind, *row, id=f"{kind.__name__} {row}") for kind, rows in table.items() for row in rows]


@pytest.mark.parametrize(("kind", "status", "body"), by_kind(REFUSED))
def test_a_create_that_is_refused_in_words_of_the_table_was_not_accepted(
    kind: type[errors.GatewayError], status: int, body: Any
) -> None:
    error = refused_create(body, status)
    transient = kind in (errors.RateLimited, errors.GatewayUnavailable)
    assert (type(error), error.transient, error.http_status) == (kind, transient, status)


LOST_BODIES: list[Any] = [
    b"",
    "<html><head><title>502 Bad Gateway</title></head></html>",
    '{"error": {"message": "cut',
    "upstream connect error or disconnect/reset before headers",
    {},
    {"error": {"message": "", "code": ""}},
    {"error": {"message": "bad response status code 502", "code": "bad_response_status_code"}},
    {"error": {"message": "openai_error", "code": "bad_response_status_code"}},
    {"error": {"message": "Bad Gateway"}},
    {"message": "Internal Server Error"},
]


@pytest.mark.parametrize("body", LOST_BODIES, ids=str)
@pytest.mark.parametrize("status", [408, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524])
def test_a_server_that_gives_up_without_a_reason_leaves_a_create_unknown_and_a_query_to_be_asked_again(
    status: int, body: Any
) -> None:
    error = refused_create(body, status)
    assert isinstance(error, errors.SubmissionUnknown)
    assert not error.transient
    again = refused_query(body, status)
    assert isinstance(again, errors.GatewayUnavailable)
    assert again.transient


@pytest.mark.parametrize(
    "text",
    ["Endpoint request timed out", "The upstream server is timing out", "upstream request timeout",
     "An invalid response was received from the upstream server", "context deadline exceeded",
     "read: connection reset by peer", "unexpected EOF"],
)  # fmt: skip
@pytest.mark.parametrize("status", [408, 499, 502, 504, 524])
def test_a_proxy_that_says_in_json_that_the_answer_was_lost_leaves_a_create_unknown(status: int, text: str) -> None:
    assert isinstance(refused_create({"message": text}, status), errors.SubmissionUnknown)
    assert refused_query({"message": text}, status).transient


NO_VIDEO: dict[type[errors.GatewayError], list[tuple[int, Any]]] = {
    errors.UnreadableResponse: [
        (200, b""), (200, "[]"), (200, '{"id": "v", "sta'), (200, "<html><title>New API</title></html>"),
    ],
    errors.VideoNotFound: [
        (200, {"error": {"message": "no", "code": "task_not_exist"}}),
        (200, {"code": "task_not_exist", "message": "task_not_exist"}),
        (200, {"status": "error", "message": "task not found"}),
        (404, b""), (404, {"error": {"message": "nothing here", "type": "invalid_request_error"}}),
    ],
    errors.GatewayUnavailable: [
        (200, {"status": "error", "message": SATURATED}), (401, {"error": {"message": SATURATED}}),
        (200, {"code": 400, "message": "fail_to_fetch_task"}), (200, {"success": False}),
        (502, {"error": {"message": "bad gateway", "code": "bad_gateway"}}),
        (500, {"error": {"message": "x", "type": "invalid_request_error"}}),
        (503, {"error": {"message": "x", "code": "model_not_found"}}),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "status", "body"), by_kind(NO_VIDEO))
def test_a_query_without_a_video_is_an_error_of_its_kind(
    kind: type[errors.GatewayError], status: int, body: Any
) -> None:
    error = refused_query(body, status)
    assert (type(error), error.transient) == (kind, kind is not errors.VideoNotFound)


def test_a_200_page_on_a_create_is_a_wrong_address_and_names_the_page() -> None:
    error = refused_create("<!DOCTYPE html><html><head><title>\n Log\n in </title></head></html>")
    assert isinstance(error, errors.UnreadableResponse)
    assert not error.transient
    assert '"Log in"' in error.message
    assert "base URL" in error.message


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_and_names_only_where_to(status: int) -> None:
    for refused in (refused_create, refused_query):
        error = refused(b"", status, {"Location": "https://user:secret@new.example.com/v1?token=secret"})
        assert isinstance(error, errors.UnreadableResponse)
        assert not error.transient
        assert "https://new.example.com" in error.message
        assert "secret" not in str(error)


HALF_A_MINUTE = {"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}
PAUSES = {"7": 7.0, " 1.5 ": 1.5, "0": 0.0, "-5": 0.0, "99999999": 86_400.0, HALF_A_MINUTE["Retry-After"]: 0.0,
          "soon": None, "nan": None, "": None}  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        *(({"Retry-After": value}, seconds) for value, seconds in PAUSES.items()),
        *(({name: "7"}, 7.0) for name in ("retry-after", "RETRY-AFTER")),
        (HALF_A_MINUTE, 30.0),
        ({**HALF_A_MINUTE, "Retry-After": "Wed, 21 Oct 2015 07:28:30 -0000"}, 30.0),
        ({}, None),
    ],
    ids=str,
)
def test_retry_after_is_read_in_seconds_and_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert refused_create(b"", 429, headers).retry_after == seconds


@pytest.mark.parametrize(
    ("body", "headers", "request_id"),
    [
        ({"error": {"message": "no (request id: abc123)"}}, {}, "abc123"),
        ({"error": {"message": "no（request id: abc123）"}}, {}, "abc123"),
        ({"error": {"message": "no"}, "request_id": "abc123"}, {}, "abc123"),
        ({"error": {"message": "no", "request_id": "abc123"}}, {}, "abc123"),
        ({"error": {"message": "no"}}, {"X-Request-Id": "abc123"}, "abc123"),
        ({"error": {"message": "no"}}, {"x-oneapi-request-id": "abc123"}, "abc123"),
        ({"error": {"message": "no (request id: abc123)"}}, {"x-request-id": "other"}, "abc123"),
        ({"error": {"message": "no"}}, {}, None),
    ],
    ids=str,
)
def test_a_request_id_is_kept_apart_from_the_message(
    body: Any, headers: dict[str, str], request_id: str | None
) -> None:
    error = refused_create(body, 400, headers)
    assert (error.message, error.request_id) == ("no", request_id)


def test_a_message_is_never_a_whole_body() -> None:
    assert len(str(refused_create({"error": {"message": "x" * 100_000}}, 400))) < 2_100
    assert len(str(refused_query("x" * 100_000, 400))) < 400
