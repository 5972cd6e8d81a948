"""Workers and the triggerer read the same answers, take the same proxies, and say the same of what fails."""

from __future__ import annotations

import gzip
import os
import socket
import zlib
from typing import Any

import pytest

from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.errors import GatewayError, InvalidRequest
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.gateway.settings import GatewaySettings
from tests.unit.link_hosts import LinkHost, answer
from tests.unit.test_what_was_sent import AUTHORITY, Peer, close, in_plain_bytes, read_head, reset, says, then, with_tls
from tests.unit.two_clients import CLIENTS

JSON = '{"id": "video_1", "status": "processing", "word": "排队中"}'.encode()
ODD = '{"id": "video_1", "status": "processing", "word": "é"}'.encode("latin-1")
LENGTH = f"Content-Length: {len(JSON)}"
CHUNKED = "Transfer-Encoding: chunked"
CUT = "the connection broke (closed before the answer was complete)"
NOT_HTTP = "the answer cannot be read as HTTP"
READ = "the video's state"


def http(*headers: str, body: bytes = JSON, status: str = "HTTP/1.1 200 OK") -> bytes:
    return "\r\n".join([status, *headers, "", ""]).encode() + body


def chunks(body: bytes = JSON, *, extension: bytes = b"", end: bytes = b"0\r\n\r\n") -> bytes:
    return b"%x%s\r\n%s\r\n%s" % (len(body), extension, body, end)


def packed(encoding: str, body: bytes) -> bytes:
    return http(f"Content-Encoding: {encoding}", f"Content-Length: {len(body)}", body=body)


def many(count: int) -> list[str]:
    return [f"X-{number}: 1" for number in range(count)]


HEADS = {
    "usual": (http(LENGTH), READ),
    "a length twice": (http(LENGTH, LENGTH), READ),
    "a length three times, in other letters": (http(LENGTH, LENGTH.lower(), LENGTH.replace(": ", ":")), READ),
    "lengths that a proxy joined": (http(f"{LENGTH}, {len(JSON)}", "Connection: keep-alive"), READ),
    "lengths that differ": (http(LENGTH, "Content-Length: 7"), NOT_HTTP),
    "lengths that differ and were joined": (http("Content-Length: 7, 9"), NOT_HTTP),
    "a length that is none": (http("Content-Length: many"), READ),
    "a negative length": (http("Content-Length: -5"), READ),
    "an empty length": (http("Content-Length:"), READ),
    "a length with a plus": (http(f"Content-Length: +{len(JSON)}"), READ),
    "no length": (http(), READ),
    "HTTP/1.0": (http(status="HTTP/1.0 200 OK"), READ),
    "chunks": (http(CHUNKED, body=chunks()), READ),
    "chunks beside a length": (http(LENGTH, CHUNKED, body=chunks()), READ),
    "chunks beside a wrong length": (http(CHUNKED, "Content-Length: 3", body=chunks()), READ),
    "chunks beside lengths that differ": (http("Content-Length: 3", CHUNKED, LENGTH, body=chunks()), READ),
    "chunks, said twice": (http(CHUNKED, CHUNKED.upper(), body=chunks()), READ),
    "chunks with an extension": (http(CHUNKED, body=chunks(extension=b";a=b")), READ),
    "chunks with blanks": (http(CHUNKED, body=chunks(extension=b"  ")), READ),
    "chunks with a trailer": (http(CHUNKED, body=chunks(end=b"0\r\nX: y\r\n\r\n")), READ),
    "chunks that are compressed on the way": (
        http("Transfer-Encoding: gzip, chunked", body=chunks(gzip.compress(JSON))),
        READ,
    ),
    "an encoding that is none beside a length": (http(LENGTH, "Transfer-Encoding: identity"), READ),
    "chunks that are cut": (http(CHUNKED, body=chunks(end=b"")), CUT),
    "chunks that are none": (http(CHUNKED), CUT),
    "a body that is cut": (http(f"{LENGTH}0"), CUT),
    "a body that is longer": (http(LENGTH, body=JSON + b"\r\n"), READ),
    "a header of 9 KB": (http(LENGTH, "X: " + "x" * 9_000), READ),
    "a header of 60 KB": (http(LENGTH, "X: " + "x" * 60_000), READ),
    "a header of 70 KB": (http(LENGTH, "X: " + "x" * 70_000), NOT_HTTP),
    "cookies of 18 KB": (http(LENGTH, *[f"Set-Cookie: {'x' * 900}"] * 20), READ),
    "a reason of 9 KB": (http(LENGTH, status=f"HTTP/1.1 200 {'x' * 9_000}"), READ),
    "98 more headers": (http(LENGTH, *many(98)), READ),
    "99 more headers": (http(LENGTH, *many(99)), NOT_HTTP),
    "500 headers": (http(LENGTH, *many(500)), NOT_HTTP),
    "other headers twice": (http(LENGTH, *["Server: x", "ETag: y", "Location: z", "Content-Type: a/b"] * 2), READ),
    "a folded header": (http(LENGTH, "X: a\r\n  b"), READ),
    "a blank before a colon": (http("Content-Length : 62", "X : y"), READ),
    "a line that is no header": (http(LENGTH, "nonsense", "X: y"), READ),
    "a header without a name": (http(LENGTH, ": y"), READ),
    "a header with an odd name": (http(LENGTH, "X[1]: y"), READ),
    "a header with odd letters": (http(LENGTH, "X: é好\x01\x00"), READ),
    "lines without CR": (http(LENGTH, "X: y").replace(b"\r\n", b"\n"), READ),
    "no reason": (http(LENGTH, status="HTTP/1.1 200"), READ),
    "a reason in other letters": (http(LENGTH, status="HTTP/1.1 200 好"), READ),
    "an interim answer": (http(body=b"", status="HTTP/1.1 100 Continue") + http(LENGTH), READ),
    "other interim answers": (
        http(body=b"", status="HTTP/1.1 102 Processing")
        + http("Link: </a>", body=b"", status="HTTP/1.1 103 Early Hints")
        + http(LENGTH),
        READ,
    ),
    "an interim answer before an odd one": (
        http(body=b"", status="HTTP/1.1 103 Early Hints") + http(LENGTH, LENGTH),
        READ,
    ),
    "an offer of HTTP/2": (http(LENGTH, "Upgrade: h2c", "Connection: Upgrade"), READ),
    "HTTP/2": (http(LENGTH, status="HTTP/2 200 OK"), NOT_HTTP),
    "a status of four digits": (http(LENGTH, status="HTTP/1.1 2000 OK"), NOT_HTTP),
    "a status below 100": (http(LENGTH, status="HTTP/1.1 099 OK"), NOT_HTTP),
    "no status": (b"HTTP/1.1\r\n\r\n", NOT_HTTP),
    "no HTTP": (b"SSH-2.0-OpenSSH_9\r\n", NOT_HTTP),
    "an alert of TLS": (b"\x15\x03\x03\x00\x02\x02\x28", NOT_HTTP),
    "a head that is cut": (b"HTTP/1.1 400 Bad Request\r\nX: y", CUT),
    "a head that is cut behind a line": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", CUT),
}
BODIES = {
    **{f"plain under the name {name}": (packed(name, JSON), READ) for name in ("br", "gzip", "zstd", "utf-8", "none")},
    **{f"plain in no UTF-8 under the name {name}": (packed(name, ODD), READ) for name in ("gzip", "deflate", "br")},
    "gzip": (packed("gzip", gzip.compress(JSON)), READ),
    "gzip in gzip": (packed("gzip, gzip", gzip.compress(gzip.compress(JSON))), READ),
    "gzip that no header tells of": (answer(gzip.compress(JSON)), READ),
    "deflate": (packed("deflate", zlib.compress(JSON)), READ),
    "deflate without its head": (packed("deflate", zlib.compress(JSON)[2:-4]), READ),
    "gzip that is cut": (packed("gzip", gzip.compress(JSON)[:-9]), "the answer is compressed, and was cut"),
    "brotli": (packed("br", b"\x0b\x02\x80{}\x03"), "the answer is compressed with br, which was not asked for"),
    "a bomb": (packed("gzip", gzip.compress(b"\0" * 5_000_000)), "the answer is longer than 4194304 bytes"),
    "an endless answer": (http(body=b"x" * 5_000_000), "the answer is longer than 4194304 bytes"),
}


def outcome(ask: Any, settings: GatewaySettings) -> str:
    try:
        ask(settings)
    except GatewayError as error:
        shown = str(error).removeprefix(f"The gateway at {settings.base_url} cannot be reached: ").removesuffix(".")
        return f"{shown}, for ever" if not error.transient else shown
    return READ


def outcomes(url: str, **options: Any) -> dict[str, str]:
    settings = GatewaySettings(url, "sk-x", connect_timeout=5, read_timeout=5, **options)
    return {name: outcome(ask, settings) for name, ask in CLIENTS.items()}


@pytest.mark.parametrize(("sent", "read"), (HEADS | BODIES).values(), ids=HEADS | BODIES)
def test_both_clients_make_the_same_of_an_answer(sent, read):
    with LinkHost(sent) as host:
        assert outcomes(host.url) == dict.fromkeys(CLIENTS, read)


@pytest.mark.parametrize("kind", ["chunks beside a length", "interim answers", "a length twice"])
def test_a_head_that_comes_byte_by_byte_is_read_too(kind):
    def script(connection: socket.socket, _: bytes) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in (HEADS | {"interim answers": HEADS["other interim answers"]})[kind][0]:
            connection.sendall(bytes([byte]))

    with LinkHost(script) as host:
        assert outcomes(host.url) == dict.fromkeys(CLIENTS, READ)


def over_tls(connection: socket.socket) -> None:
    with_tls(then(read_head, says(HEADS["chunks beside a wrong length"][0])))(connection)


def read_hello(connection: socket.socket) -> None:
    connection.recv(65536)


TLS = {
    "as usual": (over_tls, True, READ),
    "by an authority that is not trusted": (
        over_tls,
        False,
        "TLS failed (unable to get local issuer certificate), for ever",
    ),
    "with an end in the handshake": (then(read_hello, close), True, "no connection to the host (closed at once)"),
    "with a reset in the handshake": (
        then(read_hello, reset),
        True,
        "no connection to the host (connection reset by peer)",
    ),
    "with an end after the question": (with_tls(then(read_head, close)), True, CUT),
    "with plain bytes in it": (in_plain_bytes(read_head), True, "the TLS connection broke (wrong version number)"),
}


@pytest.mark.parametrize(("script", "is_trusted", "said"), TLS.values(), ids=TLS)
def test_both_clients_make_the_same_of_tls(tmp_path, script, is_trusted, said):
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    options = {"verify_tls": str(tmp_path / "ca.pem")} if is_trusted else {}
    with Peer(lambda connection, _: script(connection), address="127.0.0.1") as host:
        assert outcomes(f"https://localhost:{host.port}", **options) == dict.fromkeys(CLIENTS, said)


def passed_on(connection: socket.socket, head: bytes) -> None:
    is_forwarded = head.startswith(b"GET http://gateway.invalid/")
    connection.sendall(http(LENGTH) if is_forwarded else http("Content-Length: 0", status="HTTP/1.1 400 No"))


class TestProxies:
    @pytest.fixture(autouse=True)
    def clean(self, monkeypatch):
        for name in list(os.environ):
            if name.lower().endswith("_proxy"):
                monkeypatch.delenv(name)

    @pytest.mark.parametrize("name", ["http_proxy", "all_proxy"])
    @pytest.mark.parametrize("written", ["{host}", "http://{host}", "http://{host}/", "robot:pass-word@{host}"])
    def test_a_proxy_of_the_environment_is_read_with_a_scheme_and_without(self, monkeypatch, name, written):
        with LinkHost(passed_on) as proxy:
            monkeypatch.setenv(name, written.format(host=proxy.url.removeprefix("http://")))
            assert outcomes("http://gateway.invalid") == dict.fromkeys(CLIENTS, READ)

    def test_no_proxy_is_obeyed(self, monkeypatch):
        monkeypatch.setenv("http_proxy", "127.0.0.1:9")
        monkeypatch.setenv("no_proxy", "127.0.0.0/8")
        with LinkHost(http(LENGTH)) as host:
            assert outcomes(host.url) == dict.fromkeys(CLIENTS, READ)

    @pytest.mark.parametrize("written", ["socks5://127.0.0.1:9", "socks5h://me:pass-word@127.0.0.1", "socks4://a:1080"])
    @pytest.mark.parametrize("name", ["http_proxy", "ALL_PROXY"])
    def test_a_socks_proxy_is_named_with_what_to_do(self, monkeypatch, name, written):
        monkeypatch.setenv(name, written)
        settings = GatewaySettings("http://gateway.invalid", "sk-x")
        for ask in CLIENTS.values():
            with pytest.raises(
                InvalidRequest, match="is a SOCKS proxy, .* only with PySocks.*nothing was sent"
            ) as caught:
                ask(settings)
            assert "requests[socks]" in caught.value.remedy
            assert "HTTP proxy into the Proxy field" in caught.value.remedy
            assert "pass-word" not in f"{caught.value} {caught.value.remedy}"
        with Sora2Client(settings) as client, pytest.raises(InvalidRequest, match="^Nothing was sent .*SOCKS proxy"):
            client.create_video(VideoRequest("a cat"))

    @pytest.mark.parametrize("written", ["ftp://127.0.0.1:9", "http://", "http://a:b:c", "http:// a"])
    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_a_proxy_that_is_none_is_named(self, monkeypatch, scheme, written):
        monkeypatch.setenv(f"{scheme}_proxy", written)
        said = "the proxy of the environment is no address of an HTTP proxy, such as http://proxy.example.com:3128"
        assert outcomes(f"{scheme}://gateway.invalid") == dict.fromkeys(CLIENTS, f"{said}, for ever")

    def test_a_proxy_that_refuses_a_tunnel(self):
        with LinkHost(answer(b"no", status="407 Who are you")) as proxy:
            said = "the proxy refused (407 who are you): check the Proxy field of the connection"
            assert outcomes("https://gateway.invalid", proxy=proxy.url) == dict.fromkeys(CLIENTS, said)


BROKEN = {
    "nobody listens": ("http://127.0.0.1:9", {}, "no connection to the host (connection refused)"),
    "nobody listens for TLS": ("https://127.0.0.1:9", {}, "no connection to the host (connection refused)"),
    "no such name": ("http://gateway.invalid", {}, "the host name cannot be resolved"),
    "no TLS": ("https://{host}", {}, "TLS failed (wrong version number), for ever"),
    "no proxy": (
        "http://{host}",
        {"proxy": "http://127.0.0.1:9"},
        "no connection to the proxy (connection refused)",
    ),
    "no proxy for a tunnel": (
        "https://{host}",
        {"proxy": "http://127.0.0.1:9"},
        "no connection to the proxy (connection refused)",
    ),
}


@pytest.mark.parametrize(("url", "options", "said"), BROKEN.values(), ids=BROKEN)
def test_both_clients_say_the_same_of_a_connection_that_fails(url, options, said):
    # A server without TLS, as it answers a handshake.
    with Peer(lambda connection, _: connection.sendall(connection.recv(65536) and answer(b""))) as host:
        assert outcomes(url.format(host=host.url.removeprefix("http://")), **options) == dict.fromkeys(CLIENTS, said)
