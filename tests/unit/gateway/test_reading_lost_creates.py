"""Which answers leave a create's outcome unknown, and how much of an answer that cannot be read is shown."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from sora2_provider.gateway import errors
from tests.unit.gateway.reading import created, refused_create

UNKNOWN: list[tuple[int, Any]] = [
    # A server error in words that nobody knows, in JSON.
    *((status, {"message": "Something went wrong"}) for status in (500, 502, 503, 504, 520, 522, 524, 529, 530)),
    (500, {"error": {"message": "An error occurred, please try again later"}}),
    (503, {"message": "Service temporarily unavailable"}), (503, {"error": {"code": "service_unavailable", "message": ""}}),
    (500, {"error": "Internal Server Error", "status": 500, "path": "/v1/video/create", "timestamp": 1}),
    (500, {"detail": "Internal error"}), (500, {"code": 500, "msg": "系统异常", "data": None}),
    (500, {"error": {"code": "upstream_error", "message": "upstream returned error"}}), (500, [{"message": "x"}, {"message": "y"}]),
    (500, {"code": "bad_response_status_code", "message": "bad response status code 502"}),
    (500, {"message": "java.util.ConcurrentModificationException"}), (500, {"message": "SQLITE_BUSY: database is locked"}),
    (502, {"status": "error", "code": 502, "message": "Application failed to respond", "request_id": "r"}),
    (525, {"title": "Error 525", "status": 525, "error_code": 525, "cloudflare_error": True, "detail": "SSL handshake failed",
           "type": "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/"}),
    # HTTP 200 with an error in words that nobody knows.
    (200, {"code": 503, "message": "no", "data": None}), (200, {"code": 500, "msg": "服务异常，请稍后重试"}), (200, {"code": -1, "msg": "失败"}),
    (200, {"success": False, "message": "操作失败"}), (200, {"error": "unknown"}), (201, {"error": {"message": "oops"}}),
    (200, {"code": "task_not_exist", "message": "task_not_exist"}), (202, {"success": True}),
    # A loss beside what elsewhere is a refusal.
    (500, {"code": "do_request_failed", "message": 'Post "https://up/v1": EOF'}),
    (500, {"code": "do_request_failed", "message": "net/http: request canceled (Client.Timeout exceeded while awaiting headers)"}),
    (500, {"code": "do_request_failed", "message": "http: server closed idle connection"}),
    (500, {"code": "do_request_failed", "message": "请求上游超时"}), (500, {"code": "build_request_failed", "message": "socket hang up"}),
    (500, {"code": "do_request_failed", "message": "context canceled"}), (200, {"error": "Create Video failed", "details": {"error": {"message": "read timeout", "code": "busy"}}}),
    (500, {"error": {"code": "rate_limit_exceeded", "message": "ECONNRESET"}}), (408, {"error": {"code": "busy", "message": "Read timed out."}}),
    (200, {"code": 429, "msg": "连接被重置"}), (200, {"code": 400, "message": "Remote end closed connection without response"}),
    (200, {"success": False, "message": "quota exhausted", "cause": {"message": "context deadline exceeded"}}),
    (500, {"error": {"message": json.dumps({"error": {"message": "读取超时", "code": "overloaded"}}), "code": "fail_to_fetch_task"}}),
    (504, {"error": {"message": "timed out for a slot", "code": "overloaded"}}), (200, {"code": 10001, "msg": "任务排队中，系统繁忙"}),
    (200, {"error": {"code": "busy", "message": "Your video is still processing"}}), (500, {"message": "The task was accepted, system busy"}),
    *((500, {"error": {"code": "channel_error", "message": text}}) for text in (
        "The read operation timed out", "Gateway Time-out", "TimeoutError", "ETIMEDOUT", "ReadTimeout", "i/o timeout", "UPSTREAM_TIMEOUT",
        "connection reset by peer", "Connection aborted.", "Connection closed prematurely", "stream was reset", "websocket closed", "broken pipe",
        "Server disconnected without sending a response.", "peer closed connection without sending complete message body (incomplete chunked read)",
        "unexpected EOF", "EOFError", "IncompleteRead(0 bytes read)", "hung up", "The model took too long to answer", "It is taking longer than usual",
        "no response from upstream", "empty response", "upstream did not respond", "unmarshal_response_body_failed", "read_response_body_failed",
        "json: cannot unmarshal string into Go value", "Expecting value: line 1 column 1 (char 0)", "Unexpected token < in JSON at position 0",
        "invalid character '<' looking for beginning of value", "Unexpected end of JSON input", "the request is being processed", "已超时", "請求逾時",
        "连接中断", "連線已關閉", "上游连接断开", "任务处理中", "處理中", "任务正在处理", "耗时过长", "上游无响应", "未收到响应", "网络异常",
        "タイムアウトしました", "接続がリセットされました", "接続が切断されました", "処理中です", "応答がありません", "시간이 초과되었습니다", "연결이 끊어졌습니다", "처리 중입니다",
        "Превышено время ожидания ответа", "Соединение было сброшено", "Тайм-аут", "запрос обрабатывается", "Zeitüberschreitung der Anforderung",
        "Die Verbindung wurde zurückgesetzt", "Die Anfrage wird noch verarbeitet", "Délai d'attente dépassé", "La connexion a été réinitialisée",
        "Traitement toujours en cours", "Tiempo de espera agotado", "La conexión fue cerrada por el servidor", "La solicitud está en proceso",
        "Tempo limite excedido", "A conexão foi encerrada", "Ainda em processamento", "Tempo scaduto",
    )),
    # LiteLLM has sent it several times.
    (500, {"error": {"message": "litellm.APIConnectionError: OpenAIException - Server disconnected", "code": "500"}}),
    (500, {"error": {"message": 'litellm.RateLimitError: OpenAIException - {"error": {"message": "busy", "code": "rate_limit"}}', "code": "429"}}),
    (408, {"error": {"message": "litellm.Timeout: Read timed out.", "code": "408"}}),
    # A proxy's page of loss, and a redirect that is the answer to what was taken.
    *((200, f"<html><head><title>{title}</title></head><body></body></html>") for title in (
        "504 Gateway Time-out", "api.example.com | 524: A timeout occurred", "502 Bad Gateway", "Error 522", "Internal Server Error", "网关超时")),
    (200, "<html><body><h1>503 Service Unavailable</h1></body></html>"), (303, b""), (303, "<html><title>See Other</title></html>"),
    (503, "no healthy upstream"), (500, "rate limit exceeded"), (200, "insufficient balance"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body"), UNKNOWN, ids=str)
def test_an_answer_that_does_not_say_that_nothing_was_accepted_leaves_a_create_unknown(status: int, body: Any) -> None:
    error = refused_create(body, status)
    assert isinstance(error, errors.SubmissionUnknown)
    assert not error.transient


REFUSED: list[tuple[int, Any, bool]] = [
    # In words of the table, with a status that would say nothing: transient or not.
    *((status, {"error": {"message": text, "code": code}}, transient) for status in (200, 500, 502, 503) for text, code, transient in (
        ("no available channel for model sora-2", "", True), ("系统繁忙", "", True), ("", "rate_limit_exceeded", True), ("Too many requests", "", True),
        ("the model is overloaded", "internal_error", True), ("x", "insufficient_quota", False), ("余额不足", "", False), ("x", "content_policy_violation", False),
        ("duration must be one of 10, 15", "", False), ("x", "invalid_parameter", False), ("The prompt is too long", "", False), ("x", "400", False),
    )),
    (500, {"code": "do_request_failed", "message": "请求上游地址失败"}, True),
    (500, {"code": "do_request_failed", "message": "dial tcp 10.0.0.1:443: connect: connection refused"}, True),
    (500, {"code": "build_request_failed", "message": "failed to parse multipart form"}, False),
    (500, {"code": "build_request_failed", "message": "kling-v3 视频时长只支持5到15秒"}, False),
    (200, {"code": 401, "message": "no"}, False), (200, {"code": "422", "message": "no"}, False), (408, {"message": "too many requests"}, True),
    (500, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, True),
    # Not of a loss, though words of one stand in it.
    (200, {"error": {"code": "insufficient_quota", "message": "Quota exhausted. It resets at 00:00 UTC."}}, False),
    (500, {"error": {"code": "rate_limit", "message": "Rate limit, resets in 20 s"}}, True),
    (200, {"code": 400, "message": "timeout must be an integer"}, False),
    (500, {"error": {"code": "busy", "message": "busy"}, "request": {"prompt": "a socket that timed out"}}, True),
    # 4xx, whatever its words.
    *((status, {"error": {"message": text}}, False) for status in (400, 404, 405, 409, 413, 415, 422) for text in (
        "timed out", "socket hang up", "prompt: a fox with a socket, closed eyes, after a reset", "unexpected EOF", "still processing", "处理中",
        "json: cannot unmarshal number into Go struct field .seconds of type string", "timeout parameter must be below 60")),
    (429, {"message": "timed out"}, True), (425, b"", True), (429, "<html><title>504</title></html>", True), (401, {"message": "连接超时"}, False),
    *((status, b"", False) for status in (300, 301, 302, 304, 307, 308)), (301, "<html><title>301 Moved</title></html>", False),
    (200, "<html><title>New API</title></html>", False), (200, "<!doctype html><title>AI 视频</title><p>timeout", False),
    (200, '<html><title>App</title><script>window.x = {"id": "a", "task_id": 1}</script></html>', False), (200, "<html><title>Over 500 models</title></html>", False),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "transient"), REFUSED, ids=str)
def test_an_answer_that_is_known_to_refuse_a_create_says_whether_it_may_be_sent_again(
    status: int, body: Any, transient: bool
) -> None:
    error = refused_create(body, status)
    assert not isinstance(error, errors.SubmissionUnknown)
    assert error.transient is transient


@pytest.mark.parametrize("status", [200, 202, 408, 499, 500, 502, 504, 524])
@pytest.mark.parametrize(
    "body",
    [
        {"id": "v1"}, {"task_id": "v1", "error": {"message": "timed out"}}, {"id": "v1", "error": {"code": "insufficient_quota"}},
        {"data": {"task_id": "v1"}, "success": False, "message": "socket hang up"}, {"id": "v1", "code": 400, "message": "prompt is required"},
        {"id": "v1", "status": "queued", "error": {"code": "moderation_blocked", "message": "x"}},
    ],
    ids=str,
)  # fmt: skip
def test_a_create_whose_answer_names_a_video_is_accepted_whatever_error_stands_beside(status: int, body: Any) -> None:
    assert created(body, status).id == "v1"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"id": "req_1", "error": {"code": "insufficient_quota"}}, errors.InsufficientBalance),
        (200, {"id": "request-7", "error": {"message": "oops"}}, errors.SubmissionUnknown),
        (500, {"id": "rate_limit", "message": "API rate limit exceeded."}, errors.RateLimited),
        (500, {"id": "service_unavailable", "message": "Something broke"}, errors.SubmissionUnknown),
        (200, {"success": False, "message": "余额不足", "data": "trace-1"}, errors.InsufficientBalance),
        (200, {"success": False, "message": "操作失败", "data": "trace-1"}, errors.SubmissionUnknown),
    ],
    ids=str,
)
def test_the_id_of_a_request_or_an_error_is_no_video(status: int, body: Any, kind: type[errors.GatewayError]) -> None:
    assert type(refused_create(body, status)) is kind


VIDEO = '{"id": "v1", "status": "pending"}'
READ: dict[str, Any] = {
    "a raw line break": '{"id": "v1", "message": "a\nb\tc\r\x01"}', "a byte order mark": b"\xef\xbb\xbf" + VIDEO.encode(),
    "UTF-16": VIDEO.encode("utf-16"), "UTF-16 without a mark": VIDEO.encode("utf-16-le"), "UTF-32": VIDEO.encode("utf-32"),
    "gzip": gzip.compress(VIDEO.encode()), "gzip of UTF-16": gzip.compress(VIDEO.encode("utf-16")),
    "a comment behind": VIDEO + "\n<!-- 0.2s -->", "a notice behind": VIDEO + "\nNotice: x in y.php", "a zero behind": VIDEO + "\0",
    "an object behind": VIDEO + '{"took": 3}', "an error before": '{"error": "x"}\n' + VIDEO, "lines of JSON": '{"progress": 0}\n' + VIDEO + "\n",
    "events": f"data: {VIDEO}\n\ndata: [DONE]\n\n", "named events": f": hi\nevent: task\nid: 7\ndata:{VIDEO}\n\n", "events with CRLF": f"data: {VIDEO}\r\n\r\n",
    "several events": f'data: {{"status": "queued"}}\n\ndata: {VIDEO}\n\ndata: {{"progress": 3}}\n\n', "another text encoding": b'{"id": "v1", "message": "\xc9\xcf"}',
    "gzip with events": gzip.compress(f"data: {VIDEO}\n\n".encode()), "an object in a list": f"[{VIDEO}]",
}  # fmt: skip


@pytest.mark.parametrize("body", READ.values(), ids=READ)
def test_a_creates_answer_is_read_whatever_it_is_packed_in(body: Any) -> None:
    assert created(body).id == "v1"


QUOTED: dict[str, Any] = {
    "a place nobody named": {"code": 200, "data": {"job_id": "v1-777"}}, "deep inside": {"ok": 1, "payload": {"job": {"uuid": "v1-777"}}},
    "camel case": {"jobId": "v1-777"}, "a word": {"task": "v1-777"}, "behind much else": {"text": "x" * 4_000, "data": {"generation_id": "v1-777"}},
    "a warning before": '<br />\n<b>Warning</b>: x\n{"id":"v1-777"}', "a notice before": 'Notice: x\n{"id":"v1-777"}', "a callback": 'cb({"id":"v1-777"})',
    "Python": "{'id': 'v1-777'}", "cut": '{"id": "v1-777", "sta', "plain": "v1-777", "XML": "<task><id>v1-777</id></task>",
    "beside a loss": {"message": "timed out", "job_id": "v1-777"}, "escaped": json.dumps(json.dumps({"a": json.dumps({"job_id": "v1-777"})})),
    "a page around it": '<html><head><title>x</title></head><body><pre>{"id":"v1-777"}</pre></body></html>',
    "a page of entities": "<html><body>{&quot;task_id&quot;: &quot;v1-777&quot;}</body></html>", "a list of texts": '["v1-777"]', "a comma": '{"id": "v1-777",}',
    "gzip": gzip.compress(b'{"jobId": "v1-777"}'), "cut gzip": gzip.compress(b'{"id": "v1-777", "x": "' + b"y" * 400 + b'"}')[:-20],
}  # fmt: skip


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("body", QUOTED.values(), ids=QUOTED)
def test_an_id_that_cannot_be_read_is_quoted(body: Any, status: int) -> None:
    error = refused_create(body, status)
    assert isinstance(error, errors.SubmissionUnknown)
    assert "v1-777" in error.message
    assert len(error.message) < 900


@pytest.mark.parametrize(
    "body",
    [
        "Incorrect API key provided: sk-abcdefABCDEF123456", '{"authorization": "Bearer abcdefABCDEF123456", "job_id": "j"}',
        '{"api_key": "abcdefABCDEF123456", "job_id": "j"}', "token=abcdefABCDEF123456&x=1", '{"headers": {"X-Api-Key": "abcdefABCDEF123456"}, "job_id": 1}',
        'https://user:abcdefABCDEF123456@example.com/ <x>', '{"jwt": "eyJhbGciOiJIUzI1NiJ9.abcdefABCDEF123456.abcdefABCDEF123456", "job_id": 1}',
        json.dumps({"text": json.dumps({"password": "abcdefABCDEF123456"}), "job_id": 1}), "x" * 300 + '{"job_id": "sk-abcdefABCDEF123456"}',
        "https://cdn.example.com/a?sig=abcdefABCDEF123456", "Authorization: Basic abcdefABCDEF123456",
    ],
)  # fmt: skip
def test_nothing_like_a_key_is_quoted(body: str) -> None:
    error = refused_create(body)
    assert isinstance(error, errors.SubmissionUnknown)
    assert "***" in error.message
    assert "ABCDEF123456" not in str(error)


def test_what_is_no_text_is_counted() -> None:
    assert "300 characters that are no text" in refused_create(b"\xff\x80\x9d" * 100).message


VIDEOS = [
    "/v1/videos/v1-777",
    "https://gateway.example.com/v1/video/query?id=v1-777",
    "/tasks/1",
    "/q?a=b&task_id=7",
    "/api/jobs/01k8/",
]
NO_VIDEOS = [
    "",
    "/",
    "/v1/video/create/",
    "https://gateway.example.com/v1/video/create",
    "/v2/videos",
    "/login?client_id=7&next=/v1",
    "/status/404",
    "/v1/videos/v2",
    "https://www.example.com",
]


@pytest.mark.parametrize(
    ("target", "is_video"), [*((one, True) for one in VIDEOS), *((one, False) for one in NO_VIDEOS)]
)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_a_videos_own_address_may_be_the_answer_to_a_create_that_was_taken(
    status: int, target: str, is_video: bool
) -> None:
    error = refused_create(b"", status, {"Location": target})
    # 307 and 308 ask for the create to be sent there: it was not taken.
    assert isinstance(error, errors.SubmissionUnknown) is (is_video and status < 303)
    assert not error.transient


@pytest.mark.parametrize("status", [201, 202, 303])
def test_where_an_answer_points_to_is_shown_without_what_may_be_a_secret(status: int) -> None:
    error = refused_create(
        b"", status, {"Location": "https://user:secret@gateway.example.com/v1/videos/v1-777?token=secret"}
    )
    assert "It points to /v1/videos/v1-777" in error.message
    assert "secret" not in str(error)


def test_the_text_that_tells_of_a_loss_is_shown() -> None:
    body = {"success": False, "error": "Create Video failed", "details": {"error": {"message": "read timeout"}}}
    assert '("read timeout")' in refused_create(body).message
