"""What an error tracker shows of an error, the values in its frames, holds neither the key nor a proxy's password."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from sora2_provider.compat import AirflowFailException
from sora2_provider.exceptions import InvalidParameter, RenderingFailed
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.errors import GatewayError
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from tests.exact_errors import raises_exactly
from tests.unit.conftest import KEY
from tests.unit.link_hosts import LinkHost, answer
from tests.unit.two_clients import ask_as_the_triggerer

PASSWORD, TOKEN = "pass-word-of-the-proxy", "token-in-a-header"
SECRETS = (KEY, PASSWORD, TOKEN)
#: What a gateway may say that knows the key.
ECHO = f'{{"error": {{"message": "no such key: {KEY}", "type": "invalid"}}}}'.encode()


def reset(connection: socket.socket, _: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


ANSWERS: dict[str, Any] = {
    "refuses the key and repeats it": answer(ECHO, status="401 Unauthorized"),
    "repeats the key in an answer that is cut": answer(ECHO, length=9_000),
    "repeats the key in an endless answer": answer(ECHO + b"x" * 5_000_000),
    "repeats the key in a page": answer(b"<html><title>" + ECHO + b"</title>"),
    "repeats the key in nonsense": answer(b"\0" + ECHO),
    "repeats the key, packed with what nobody asked for": answer(b"\0" + ECHO, "Content-Encoding: br"),
    "repeats the key where its headers should be": ECHO,
    "repeats the key in a header that is none": b"HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n" + ECHO + b"\r\n\r\n",
    "resets": reset,
    "never answers": lambda connection, _: connection.recv(1),
}


def chain(error: BaseException | None) -> Iterator[BaseException]:
    if error is not None:
        yield error
        yield from chain(error.__cause__)
        yield from chain(error.__context__)


def frames(error: BaseException) -> Iterator[FrameType]:
    for one in chain(error):
        yield from (frame for frame, _ in traceback.walk_tb(one.__traceback__))


def leaks(error: BaseException) -> list[str]:
    """Return each local that shows a secret, of all frames but the tests'."""
    found = []
    for frame in frames(error):
        module = frame.f_globals.get("__name__", "")
        if module.startswith("tests."):
            continue
        for name, value in frame.f_locals.items():
            shown = repr(value)
            if any(secret in shown for secret in SECRETS):
                found.append(f"{module}.{frame.f_code.co_name}: {name} = {shown[:300]}")
    return found + [f"{one!r}" for one in chain(error) for secret in SECRETS if secret in f"{one!r} {one}"]


def create(client: Sora2Client) -> object:
    return client.create_video(VideoRequest("a cat"))


def query(client: Sora2Client) -> object:
    return client.get_video("video_1")


def models(client: Sora2Client) -> object:
    return client.list_models()


def content(client: Sora2Client) -> object:
    return client.open_content(f"{client.settings.base_url}/v1/videos/x/content", {}, video_id="x")


def by_a_worker(call: Callable[[Sora2Client], object]) -> Callable[[GatewaySettings], object]:
    def run(settings: GatewaySettings) -> object:
        with Sora2Client(settings) as client:
            return call(client)

    return run


CALLS = {
    **{call.__name__: by_a_worker(call) for call in (create, query, models)},
    "in the triggerer": ask_as_the_triggerer,
}


def settings_for(url: str, **options: Any) -> GatewaySettings:
    defaults = {"extra_headers": {"X-Token": TOKEN}, "connect_timeout": 0.5, "read_timeout": 0.5}
    return GatewaySettings(url, KEY, **{**defaults, **options})


def error_of(call: Callable[[GatewaySettings], object], settings: GatewaySettings) -> Exception:
    with pytest.raises(GatewayError) as caught:
        call(settings)
    return caught.value


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("call", [create, query])
def test_an_interruption_while_an_answer_is_awaited_leaves_no_secret_in_the_frames(call):
    """Neither in those of requests and urllib3, through which it goes."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        if "getresponse" in [each.f_code.co_name for each, _ in traceback.walk_stack(frame)]:
            raise Interrupted
        # The answer is not awaited yet.
        threading.Timer(0.01, os.kill, [os.getpid(), number]).start()

    def script(connection: socket.socket, _: bytes) -> None:
        os.kill(os.getpid(), signal.SIGUSR1)
        connection.recv(1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with LinkHost(script) as host, pytest.raises(Interrupted) as caught:
            by_a_worker(call)(settings_for(host.url, read_timeout=60))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert leaks(caught.value) == []


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("script", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_fails_leaves_no_secret_in_the_frames(script, call):
    with LinkHost(script) as host:
        error = error_of(call, settings_for(host.url))
    assert leaks(error) == []


LOGIN = f"robot:{PASSWORD}@"
#: The base URL and the proxy, where {host} refuses each request.
BROKEN = {
    "refused": ("http://127.0.0.1:9", ""),
    "no such host": ("http://gateway.invalid", ""),
    "no TLS": ("https://{host}", ""),
    "no proxy": ("http://{host}", f"http://{LOGIN}127.0.0.1:9"),
    "no proxy for a tunnel": ("https://{host}", f"http://{LOGIN}127.0.0.1:9"),
    "a proxy that refuses": ("https://{host}", f"http://{LOGIN}{{host}}"),
    "a proxy without TLS": ("https://{host}", f"https://{LOGIN}{{host}}"),
}


@pytest.mark.parametrize("call", [*CALLS.values(), by_a_worker(content)], ids=[*CALLS, "content"])
@pytest.mark.parametrize(("url", "proxy"), BROKEN.values(), ids=BROKEN)
def test_a_connection_that_fails_leaves_no_secret_in_the_frames(url, proxy, call):
    with LinkHost(answer(b"", status="407 Login")) as host:
        address = host.url.removeprefix("http://")
        error = error_of(call, settings_for(url.format(host=address), proxy=proxy.format(host=address)))
    assert leaks(error) == []


WRONG_FIELDS = [
    {"read_timeout": "soon"},
    {"create_path": "v1"},
    {"proxy": {"http": f"http://robot:{PASSWORD}@proxy.example.com"}},
    {"proxy": f"robot:{PASSWORD}@proxy.example.com"},
    {"extra_headers": {"X-Token": [TOKEN]}},
    {"verify_tls": "/no/such/file.pem"},
]


@pytest.mark.parametrize("wrong", WRONG_FIELDS)
def test_a_connection_that_cannot_be_used_leaves_no_key_in_the_frames(connect, wrong):
    connect("https://gateway.example.com", **{"extra_headers": {"X-Token": TOKEN}, **wrong})
    with pytest.raises(InvalidParameter) as caught:
        Sora2Hook().get_conn()
    assert [leak for leak in leaks(caught.value) if KEY in leak or "hooks.sora2" in leak] == []


@pytest.mark.parametrize("key", [f"{KEY} {KEY}", f"{KEY}\n{KEY}", f"{KEY}é"])
def test_a_key_that_cannot_be_one_is_not_shown_either(connect, key):
    connect("https://gateway.example.com", password=key)
    with pytest.raises(Exception, match="copy it again") as caught:
        Sora2Hook().get_conn()
    assert leaks(caught.value) == []


def test_a_task_that_fails_leaves_no_secret_in_the_frames(connect, context):
    with LinkHost(answer(ECHO, status="403 Forbidden")) as host:
        connect(host.url, extra_headers={"X-Token": TOKEN})
        with pytest.raises(AirflowFailException) as caught:
            Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    assert KEY.encode() in host.heads[0]
    assert leaks(caught.value) == []


def test_a_key_with_signs_that_encoders_escape_reaches_no_xcom(connect, context, ti):
    key = "sk-a/b&c+d=="
    said = json.dumps({"id": "video_1", "status": "failed", "error": {"message": f"key {key} is blocked", "note": key}})
    said = said.replace("/", "\\/").replace("&", "\\u0026")
    with LinkHost(answer(said.encode())) as host:
        connect(host.url, password=key)
        operator = Sora2CreateVideoOperator(task_id="create", prompt="a cat", wait_for_completion=True)
        with raises_exactly(RenderingFailed) as caught:
            operator.execute(context)
    assert key not in json.dumps(ti.xcoms)
    assert key not in str(caught.value)
    assert "key *** is blocked" in f"{caught.value} {json.dumps(ti.xcoms)}"
