"""The ways a create's answer can be lost in which it is easy to believe that nothing was sent."""

from __future__ import annotations

import contextlib
import gzip
import socket

import pytest

from sora2_provider.compat import AirflowFailException, AirflowTaskTimeout
from sora2_provider.emulator import Emulator
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.errors import AuthenticationError, GatewayUnavailable, SubmissionUnknown
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from tests.unit.durable import failing
from tests.unit.link_hosts import LinkHost, answer

REQUEST = VideoRequest("a cat")
RESET = b"\x01\x00\x00\x00\x00\x00\x00\x00"


def forwarded(connection: socket.socket, head: bytes) -> bytes:
    """Do what an HTTP proxy does with a request; return the gateway's answer."""
    target = head.split(b" ")[1].decode().removeprefix("http://").partition("/")[0]
    host, _, port = target.partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as gateway:
        gateway.sendall(head)
        # The body may still be on its way.
        connection.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            while part := connection.recv(65536):
                gateway.sendall(part)
        return gateway.recv(65536)


def lose_the_answer(connection: socket.socket, head: bytes) -> None:
    forwarded(connection, head)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def create_at_one_of(first: str, second: str) -> None:
    try:
        Sora2Hook(first).create_video(REQUEST)
    except GatewayUnavailable:
        Sora2Hook(second).create_video(REQUEST)


def client(url: str, **options) -> Sora2Client:
    return Sora2Client(GatewaySettings(url, "sk-x", **options))


@pytest.mark.parametrize("named_by", ["connection", "environment"])
def test_a_proxy_that_loses_the_answer_leaves_the_outcome_unknown(monkeypatch, named_by):
    with Emulator(canned=True) as gateway, LinkHost(lose_the_answer) as proxy:
        if named_by == "environment":
            monkeypatch.setenv("http_proxy", proxy.url)
            monkeypatch.setenv("no_proxy", "")
        options = {"proxy": proxy.url} if named_by == "connection" else {}
        with client(gateway.url, **options) as one, pytest.raises(SubmissionUnknown):
            one.create_video(REQUEST)
        assert len(gateway.billed) == 1


def test_a_proxy_that_works_is_used():
    pass_on = lambda connection, head: connection.sendall(forwarded(connection, head))  # noqa: E731
    with Emulator(canned=True) as gateway, LinkHost(pass_on) as proxy:
        with client(gateway.url, proxy=proxy.url) as one:
            assert one.create_video(REQUEST).id == gateway.billed[0].id


def test_a_proxy_that_refuses_a_tunnel_is_named_and_nothing_was_sent():
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    with LinkHost(refusal) as proxy, client("https://gateway.invalid", proxy=proxy.url) as one:
        with pytest.raises(GatewayUnavailable, match=r"Nothing was sent.*407.*Proxy field"):
            one.create_video(REQUEST)


def test_a_proxy_that_is_not_there_means_that_nothing_was_sent():
    with client("http://gateway.invalid", proxy="http://127.0.0.1:9") as one:
        with pytest.raises(GatewayUnavailable, match="no connection to the proxy"):
            one.create_video(REQUEST)


def test_an_error_that_the_caller_is_handling_is_no_evidence_about_this_create(gateway, connect):
    connect("http://127.0.0.1:9", conn_id="primary")
    connect(gateway.url, conn_id="backup")
    gateway.fault(route="create", reset="after")
    with pytest.raises(SubmissionUnknown):
        create_at_one_of("primary", "backup")
    assert len(gateway.billed) == 1


HOOKS_ERRORS = {
    "lost": ({"reset": "after"}, SubmissionUnknown, True),
    "refused": ({"status": 401, "body": {"error": {"message": "invalid token"}}}, AuthenticationError, True),
    "busy": ({"status": 503, "body": {"error": {"message": "no channel"}}, "times": None}, GatewayUnavailable, False),
}


@pytest.mark.parametrize(("fault", "kind", "is_final"), HOOKS_ERRORS.values(), ids=HOOKS_ERRORS)
def test_only_the_hooks_passing_errors_leave_a_task_of_the_users_own_to_retries(gateway, fault, kind, is_final):
    gateway.fault(route="create", **fault)
    with pytest.raises(kind) as caught:
        Sora2Hook().create_video(REQUEST)
    assert isinstance(caught.value, AirflowFailException) is is_final
    assert caught.value.transient is not is_final


@pytest.mark.parametrize("interruption", [AirflowTaskTimeout, SystemExit])
@pytest.mark.parametrize(
    ("interrupted", "said", "billed"),
    [
        ("gateway.client.Sora2Client.create_video", "The outcome of", 0),
        ("operators.create_run.await_outcome", "goes on rendering", 1),
    ],
)
def test_an_interruption_in_the_create_or_the_wait_is_not_retried(
    gateway, context, monkeypatch, interruption, interrupted, said, billed
):
    monkeypatch.setattr(f"sora2_provider.{interrupted}", failing(interruption("interrupted")))
    with pytest.raises(AirflowFailException, match=said):
        Sora2CreateVideoOperator(task_id="create", prompt="a cat", wait_for_completion=True).execute(context)
    assert len(gateway.billed) == billed


@pytest.mark.parametrize("images", [iter(["https://a.example/1.png"]), map(str, ["https://a.example/1.png"])])
def test_images_that_can_be_read_only_once_are_sent_all_the_same(gateway, context, images):
    Sora2CreateVideoOperator(task_id="create", prompt="a cat", images=images).execute(context)
    assert gateway.billed[0].request["images"] == ["https://a.example/1.png"]


def test_a_key_that_the_gateway_repeats_stands_in_no_message(gateway, connect, context):
    connect(gateway.url, password="sk-echo-1234567890")
    echo = {"error": {"message": "Incorrect API key provided: sk-echo-1234567890"}}
    gateway.fault(route="any", status=401, body=echo, times=None)
    with pytest.raises(AirflowFailException) as caught:
        Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    assert "Incorrect API key provided: ***" in str(caught.value)
    assert "sk-echo" not in f"{caught.value} {caught.value.__cause__} {Sora2Hook().test_connection()}"


@pytest.mark.parametrize("pack", [gzip.compress, lambda body: body.decode().encode("utf-16")], ids=["gzip", "UTF-16"])
def test_an_answer_that_is_packed_without_saying_so_is_read_and_shows_no_key(pack):
    unclear = b'{"message": "no idea what your-own-key is", "job_id": "j-123"}'
    with LinkHost(answer(pack(unclear))) as host, Sora2Client(GatewaySettings(host.url, "your-own-key")) as one:
        with pytest.raises(SubmissionUnknown, match=r"what \*\*\* is.*j-123"):
            one.create_video(REQUEST)
    with LinkHost(answer(pack(b'{"id": "video_1"}'))) as host, client(host.url) as one:
        assert one.create_video(REQUEST).id == "video_1"


BEGAN = b'{"id": "sora-2:task_9", "key": "your-own-key", "status": "pend'
GZIPPED = gzip.compress(BEGAN + b'ing"}')


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (b"Content-Length: 900", BEGAN),
        (b"Transfer-Encoding: chunked", b"%x\r\n%s\r\n" % (len(BEGAN), BEGAN)),
        (b"Content-Encoding: gzip\r\nContent-Length: %d" % len(GZIPPED), GZIPPED[:-10]),
    ],
    ids=["length", "chunks", "gzip"],
)
def test_the_beginning_of_an_answer_that_broke_off_is_shown_with_the_id_and_without_the_key(headers, body):
    cut = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + headers + b"\r\n\r\n" + body
    with LinkHost(cut) as host, Sora2Client(GatewaySettings(host.url, "your-own-key")) as one:
        with pytest.raises(SubmissionUnknown, match=r"It began: .*sora-2:task_9.*\*\*\*"):
            one.create_video(REQUEST)
