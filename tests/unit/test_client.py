"""The blocking client on the wire: what it sends, to whom, and what it makes of a connection that breaks."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest

from sora2_provider.emulator import Emulator
from sora2_provider.gateway.async_client import AsyncSora2Client
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.dialects import dialect
from sora2_provider.gateway.errors import (
    AuthenticationError,
    GatewayError,
    GatewayUnavailable,
    SubmissionUnknown,
    UnreadableResponse,
    VideoNotFound,
)
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.gateway.settings import GatewaySettings
from tests.unit.link_hosts import LinkHost, answer

GUIDE_BODY = {
    "images": ["https://example.com/img1.jpg"],
    "model": "sora-2",
    "orientation": "portrait",
    "prompt": "make animate with cartoon style",
    "size": "large",
    "duration": 15,
}
GUIDE_ANSWER = b"""{"id": "video_123456", "object": "video.create", "created": 1740000000, "choices": [{"index": 0,
"message": {"role": "assistant", "content": "\\u89c6\\u9891"}, "finish_reason": "processing"}],
"usage": {"prompt_tokens": 50, "completion_tokens": 0, "total_tokens": 50}}"""
REQUEST = VideoRequest("a cat")


def reset(connection: socket.socket, _: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def client(url: str, **options) -> Sora2Client:
    return Sora2Client(GatewaySettings(url, "sk_xxxxxx", **options))


def test_the_create_is_the_guides_example_to_the_letter():
    with LinkHost(answer(GUIDE_ANSWER, "Content-Type: application/json")) as server, client(server.url) as one:
        video = one.create_video(VideoRequest(**GUIDE_BODY))
    head, _, body = server.heads[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert lines[0] == "POST /v1/video/create HTTP/1.1"
    assert headers["Content-Type"] == "application/json"
    assert headers["Accept"] == "application/json"
    assert headers["Authorization"] == "Bearer sk_xxxxxx"
    sent = json.loads(body)
    assert sent == GUIDE_BODY
    assert list(sent) == ["images", "model", "orientation", "prompt", "size", "duration"]
    assert type(sent["duration"]) is int
    assert (video.id, video.status) == ("video_123456", "in_progress")


def test_ids_are_url_encoded_in_every_route():
    odd = "sora-2:task_01k/..?&id=x#é"
    encoded = "sora-2%3Atask_01k%2F..%3F%26id%3Dx%23%C3%A9"
    for path, target in (
        ("/v1/video/query", "/v1/video/query?id={id}"),
        *((one, one) for one in ("/v1/videos/{id}", "/v1/video/query?task_id={id}", "/q/{id}?video={id}&all=1")),
    ):
        first = f"GET {target.replace('{id}', encoded)} HTTP/1.1".encode()
        with LinkHost(answer(b'{"status": "queued"}')) as server:
            settings = GatewaySettings(server.url, "sk_xxxxxx", query_path=path)
            with Sora2Client(settings) as one:
                assert one.get_video(odd).id == odd
            assert asyncio.run(asked_by_the_triggerer(settings, odd)) == odd
        assert [head.partition(b"\r\n")[0] for head in server.heads] == [first, first]


async def asked_by_the_triggerer(settings: GatewaySettings, video_id: str) -> str:
    one = await AsyncSora2Client.open(settings)
    try:
        return (await one.get_state(video_id)).id
    finally:
        await one.close()


BALANCE_ROUTES = {
    b"/v1/dashboard/billing/subscription": (404, b'{"error": {"message": "no billing here"}}'),
    b"/api/usage/token": (500, b'{"message": "the points are away"}'),
}


def test_why_the_balance_of_the_account_cannot_be_read_comes_before_that_of_the_key():
    def script(connection: socket.socket, head: bytes) -> None:
        status, body = BALANCE_ROUTES[head.split()[1]]
        connection.sendall(answer(body, "Content-Type: application/json", status=f"{status} X"))

    with LinkHost(script) as server, client(server.url) as one:
        with pytest.raises(GatewayError, match=r"^no billing here .*cannot be read either: the points are away"):
            one.get_balance()


BROKEN_ANSWERS = {
    "a reset": reset,
    "a cut answer": answer(b'{"id": "vid', length=300),
    "no HTTP": b"SSH-2.0-OpenSSH_9\r\n",
    "an empty answer": answer(b""),
}


@pytest.mark.parametrize("broken", BROKEN_ANSWERS.values(), ids=BROKEN_ANSWERS)
def test_without_a_whole_answer_a_create_is_unknown_and_a_query_may_be_repeated(broken):
    with LinkHost(broken) as server, client(server.url) as one:
        with pytest.raises(SubmissionUnknown) as lost:
            one.create_video(REQUEST)
        with pytest.raises(GatewayError) as failed:
            one.get_video("video_1")
    assert lost.value.transient is False
    assert failed.value.transient is True


NOT_SENT = {
    "refused": ("http://127.0.0.1:9", "refused"),
    "no such host": ("http://gateway.invalid", "cannot be resolved"),
}


@pytest.mark.parametrize(("url", "said"), NOT_SENT.values(), ids=NOT_SENT)
def test_a_create_that_could_not_be_sent_is_safe_to_repeat(url, said):
    with client(url) as one, pytest.raises(GatewayUnavailable, match=said) as caught:
        one.create_video(REQUEST)
    assert caught.value.transient is True
    assert "Nothing was sent" in str(caught.value)


def test_https_to_a_plain_http_port_was_not_sent_and_is_told_as_a_wrong_address(gateway):
    url = gateway.url.replace("http://", "https://")
    with client(url) as one, pytest.raises(GatewayError, match="TLS") as caught:
        one.create_video(REQUEST)
    assert not isinstance(caught.value, SubmissionUnknown)
    assert caught.value.transient is False
    assert gateway.billed == ()


def test_an_answer_that_never_ends_is_given_up():
    endless = answer(b"x" * 5_000_000, length=10_000_000)
    with LinkHost(endless) as server, client(server.url) as one, pytest.raises(SubmissionUnknown, match="longer than"):
        one.create_video(REQUEST)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_refused_and_the_key_stays_at_home(status):
    with Emulator(canned=True) as home, Emulator(canned=True) as foreign:
        home.fault(route="any", times=None, status=status, redirect=f"{foreign.url}/v1/video/create?sig=1")
        with client(home.url) as one:
            for call in (lambda: one.create_video(REQUEST), lambda: one.get_video("x"), one.list_models):
                with pytest.raises(UnreadableResponse) as caught:
                    call()
                assert caught.value.transient is False
                assert foreign.url in str(caught.value)
                assert "sig=1" not in str(caught.value)
        assert foreign.requests == ()
        assert home.billed == ()


def test_extra_headers_go_to_the_gateway_and_a_login_in_netrc_does_not_replace_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    models = answer(b'{"data": []}')
    with LinkHost(models) as server, client(server.url, extra_headers={"X-Team": "video"}) as one:
        one.list_models()
    (sent,) = server.heads
    assert b"Authorization: Bearer sk_xxxxxx" in sent
    assert b"Basic" not in sent
    assert b"X-Team: video" in sent


def test_connections_are_reused(gateway):
    with Sora2Client(GatewaySettings(gateway.url, "sk-x")) as one:
        one.list_models()
        (pool,) = one.transport._session.get_adapter(gateway.url).poolmanager.pools._container.values()
        for _ in range(5):
            one.list_models()
        assert pool.num_connections == 1
        assert pool.num_requests == 6


def test_the_balance_is_what_was_granted_less_what_was_spent_and_without_billing_routes_the_keys_quota():
    with Emulator(canned=True, balance=25.0) as emulator, Sora2Client(GatewaySettings(emulator.url, "sk-x")) as one:
        one.create_video(REQUEST)
        balance = one.get_balance()
        emulator.fault(route="billing", status=404, body={"error": {"message": "Invalid URL (GET /v1/dashboard)"}})
        quota = one.get_balance()
    assert balance.remaining == pytest.approx(25.0 - emulator.billed[0].price)
    assert balance.used == pytest.approx(emulator.billed[0].price)
    assert (balance.unit, quota.unit) == ("usd", "quota")
    assert quota.remaining is not None


def test_an_unknown_id_and_a_wrong_key_are_told_apart(gateway):
    with Sora2Client(GatewaySettings(gateway.url, "sk-x")) as one, pytest.raises(VideoNotFound):
        one.get_video("video_unknown")
    with Sora2Client(GatewaySettings(gateway.url, "wrong")) as one, pytest.raises(AuthenticationError):
        one.create_video(REQUEST)
    assert gateway.billed == ()


def test_only_the_settings_know_the_key():
    settings = GatewaySettings(
        "https://g.example.com", "sk-1234567890", proxy="http://me:sk-1234567890-too@p.example.com:3128"
    )
    assert settings.headers()["Authorization"] == "Bearer sk-1234567890"
    assert settings.redact("sk-1234567890-too and sk-1234567890") == "*** and ***"
    assert settings.redact_body(b"Incorrect API key provided: sk-1234567890") == b"Incorrect API key provided: ***"
    assert "sk-1234567890" not in repr(settings) + settings.account


def test_an_account_is_told_by_its_address_and_its_key():
    def account(url: str = "https://g.example.com", key: str = "sk-x", **options) -> str:
        return GatewaySettings(url, key, **options).account

    assert account() == account("https://g.example.com/v1", read_timeout=5)
    assert len({account(), account("https://other.example.com"), account(key="sk-y")}) == 3


def test_a_dialect_is_found_by_its_name():
    sent = dialect("unified").create(REQUEST, "/v1/video/create")
    assert json.loads(sent.content) == REQUEST.to_json()
    with pytest.raises(ValueError, match="dialect='unknown': it must be one of generations, openai, unified, v2"):
        dialect("unknown")
