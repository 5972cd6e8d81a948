"""The hook: the connection test, the account, waiting."""

from __future__ import annotations

import pytest

from sora2_provider.compat import AirflowFailException
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.hooks.sora2 import Sora2Hook

TESTS = {
    "fine": ({}, True, "offers sora-2 (also sora-2-pro"),
    "without sora-2": ({"body": {"data": [{"id": "veo3.1"}, {"id": "kling"}]}}, True, "sora-2 is not among its models"),
    "wrong address": ({"html": True}, False, "Wrong address"),
    "no such route": (
        {"status": 404, "body": {"error": {"message": "Invalid URL (GET /v1/models)"}}},
        False,
        "Wrong address: there is no /v1/models",
    ),
    "wrong key": ({"status": 401, "body": {"error": {"message": "无效的令牌"}}}, False, "does not accept the key"),
    "a firewall": ({"status": 405, "body": "error code: 1020"}, False, "User-Agent airflow-provider-sora2"),
    "an upstream's key": (
        {"status": 500, "body": {"error": {"code": "invalid_api_key", "message": "x"}}},
        False,
        "Tell the gateway's operator",
    ),
    "a refusal in HTTP 200": ({"body": {"success": False, "message": "维护中"}}, False, "维护中"),
    "broken": ({"status": 502, "html": True}, False, "not as it should"),
    "a redirect": ({"redirect": "https://other.example.com/login"}, False, "redirects to https://other.example.com"),
    "reset": ({"reset": "before"}, False, "Unreachable"),
}


@pytest.mark.parametrize(("fault", "fine", "said"), TESTS.values(), ids=TESTS)
def test_the_connection_test_says_which_it_is(gateway, fault, fine, said):
    if fault:
        gateway.fault(route="models", **fault)
    status, message = Sora2Hook().test_connection()
    assert status is fine
    assert said in message
    assert "sk-secret" not in message
    assert ".." not in message
    assert [request.route for request in gateway.requests] == ["models"]
    assert gateway.billed == ()


NOTHING_ASKED = {
    "unreachable": ({"host": "http://127.0.0.1:9"}, "Unreachable"),
    "no key": ({"host": "http://127.0.0.1:9", "password": ""}, "no API key"),
    "no scheme": ({"host": "api.example.com"}, "https://"),
    "no such connection": ({"host": "http://127.0.0.1:9", "conn_id": "another"}, "sora2_default"),
}


@pytest.mark.parametrize(("connection", "said"), NOTHING_ASKED.values(), ids=NOTHING_ASKED)
def test_the_connection_test_says_what_is_missing(connect, connection, said):
    connect(**connection)
    status, message = Sora2Hook().test_connection()
    assert status is False
    assert said in message


def test_waiting_asks_at_once_returns_the_video_and_names_one_that_does_not_come(gateway):
    hook = Sora2Hook()
    gateway.settings(render_seconds=0)
    video = hook.create_video(VideoRequest("a cat"))
    assert hook.wait_for_video(video.id, timeout=20).url.startswith(gateway.url)
    assert [request.route for request in gateway.requests] == ["create", "query"]
    gateway.end(video.id, "cancelled")
    with pytest.raises(Exception, match="cancelled"):
        hook.wait_for_video(video.id, timeout=20)
    gateway.end(video.id, "stuck")
    with pytest.raises(AirflowFailException, match=video.id):
        hook.wait_for_video(video.id, timeout=0.01, poll_interval=0.01)


def test_switching_tls_verification_off_is_warned_about(connect, logged):
    connect("https://gateway.example.com", verify_tls="false")
    Sora2Hook().get_conn()
    assert "does not verify TLS certificates" in logged()


def test_models_and_balance_cost_nothing(gateway):
    hook = Sora2Hook()
    assert "sora-2" in hook.list_models()
    assert hook.get_balance().remaining == 100
    assert gateway.billed == ()


def test_the_guard_of_a_fresh_hook_knows_what_the_connection_may_spend(connect):
    connect("http://127.0.0.1:9", max_creates_per_hour=1)
    assert Sora2Hook().spending_guard().limits.max_creates_per_hour == 1
