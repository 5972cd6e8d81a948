"""Whether a create may have reached the gateway is known from the bytes that its connection was given, and from nothing else."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.errors import GatewayError, GatewayUnavailable, InvalidRequest, SubmissionUnknown
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.gateway.settings import GatewaySettings
from tests.unit.link_hosts import LinkHost, answer, is_whole

REQUEST = VideoRequest("a cat " * 40_000)
PLAIN = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
NO_LINGER = b"\x01\x00\x00\x00\x00\x00\x00\x00"


class Peer(LinkHost):
    """Runs a script with each connection as it was accepted."""

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(20)
            self._script(connection, b"")


Script = Callable[[socket.socket], None]


def read_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and (part := connection.recv(1)):
        head += part
    return head


def read_all(connection: socket.socket) -> None:
    request = b""
    while not is_whole(request) and (part := connection.recv(65536)):
        request += part


def with_tls(script: Script) -> Script:
    """Shake hands, and go on over TLS."""

    def run(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            script(SERVER.wrap_socket(connection, server_side=True))

    return run


def in_plain_bytes(script: Script) -> Script:
    """Shake hands, go on over TLS, and answer with bytes that are no TLS."""

    def run(connection: socket.socket) -> None:
        plain = connection.dup()
        with contextlib.suppress(OSError), plain:
            script(SERVER.wrap_socket(connection, server_side=True))
            plain.sendall(PLAIN)

    return run


def close(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)


def then(*scripts: Script) -> Script:
    def run(connection: socket.socket) -> None:
        for script in scripts:
            script(connection)

    return run


def says(what: bytes) -> Script:
    return lambda connection: connection.sendall(what)


AUTHORITY = trustme.CA()
SERVER = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
AUTHORITY.issue_cert("localhost").configure_cert(SERVER)
TUNNEL = then(read_head, says(b"HTTP/1.1 200 Connection established\r\n\r\n"))

#: What the peer does, by the scheme of the base URL, and whether the create may have been taken.
GATEWAYS: dict[str, tuple[str, Script, bool]] = {
    "closes before a byte": ("http", close, True),
    "closes after the headers": ("http", then(read_head, reset), True),
    "closes after the whole create": ("http", then(read_all, close), True),
    "resets after the whole create": ("http", then(read_all, reset), True),
    "answers something that is no HTTP": ("http", then(read_all, says(b"\x15\x03\x03\x00\x02\x02\x28")), True),
    "closes before the handshake": ("https", close, False),
    "resets before the handshake": ("https", reset, False),
    "answers the handshake with plain bytes": ("https", says(PLAIN), False),
    "closes after the handshake": ("https", with_tls(close), True),
    "answers plain bytes after the handshake": ("https", in_plain_bytes(lambda _: None), True),
    "answers plain bytes after the headers": ("https", in_plain_bytes(read_head), True),
    "answers plain bytes after the whole create": ("https", in_plain_bytes(read_all), True),
    "closes TLS after the whole create": ("https", with_tls(then(read_all, close)), True),
}
PROXIES: dict[str, tuple[str, Script, bool]] = {
    "refuses the tunnel": ("https", then(read_head, says(answer(b"", status="407 Login"))), False),
    "fails to open the tunnel": ("https", then(read_head, says(answer(b"no", status="502 Bad Gateway"))), False),
    "closes when it is asked for a tunnel": ("https", then(read_head, close), False),
    "resets when it is asked for a tunnel": ("https", then(read_head, reset), False),
    "answers nonsense": ("https", then(read_head, says(b"\x00\x01\x02\r\n\r\n"), close), False),
    "never answers": ("https", then(read_head, lambda connection: connection.recv(1)), False),
    "opens the tunnel and dies": ("https", then(TUNNEL, reset), False),
    "opens the tunnel and speaks no TLS": ("https", then(TUNNEL, says(PLAIN)), False),
    "opens the tunnel and dies after the create": ("https", then(TUNNEL, with_tls(then(read_all, reset))), True),
    "opens the tunnel, and plain bytes come back": ("https", then(TUNNEL, in_plain_bytes(read_all)), True),
    "dies with a create that it forwards": ("http", then(read_all, reset), True),
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(path)
    return str(path)


def error_of(settings: GatewaySettings) -> GatewayError:
    with Sora2Client(settings) as client, pytest.raises(GatewayError) as caught:
        client.create_video(REQUEST)
    return caught.value


def check(error: GatewayError, may_be_taken: bool) -> None:
    assert isinstance(error, SubmissionUnknown) is may_be_taken, error
    if may_be_taken:
        assert not error.transient
    else:
        assert isinstance(error, (GatewayUnavailable, InvalidRequest))
        assert "Nothing was sent" in str(error)


@pytest.mark.parametrize(("scheme", "script", "may_be_taken"), GATEWAYS.values(), ids=GATEWAYS)
def test_of_a_gateway_that_breaks_off(bundle, scheme, script, may_be_taken):
    with Peer(lambda connection, _: script(connection), address="127.0.0.1") as peer:
        settings = GatewaySettings(f"{scheme}://localhost:{peer.port}", "sk-x", verify_tls=bundle, read_timeout=10)
        check(error_of(settings), may_be_taken)
        assert peer.connections == 1


@pytest.mark.parametrize(("scheme", "script", "may_be_taken"), PROXIES.values(), ids=PROXIES)
def test_of_a_proxy_that_breaks_off(bundle, scheme, script, may_be_taken):
    with Peer(lambda connection, _: script(connection), address="127.0.0.1") as peer:
        settings = GatewaySettings(
            f"{scheme}://localhost:1", "sk-x", verify_tls=bundle, proxy=peer.url, connect_timeout=1, read_timeout=10
        )
        check(error_of(settings), may_be_taken)


def test_a_certificate_that_is_not_trusted_and_a_closed_port_mean_that_nothing_was_sent():
    with Peer(lambda connection, _: with_tls(read_all)(connection), address="127.0.0.1") as peer:
        untrusted = error_of(GatewaySettings(f"https://localhost:{peer.port}", "sk-x"))
    check(untrusted, may_be_taken=False)
    assert not untrusted.transient
    check(error_of(GatewaySettings("http://127.0.0.1:9", "sk-x")), may_be_taken=False)


def test_one_client_tells_each_create_by_itself(bundle):
    scripts = iter([close, with_tls(then(read_all, reset)), close])
    with Peer(lambda connection, _: next(scripts)(connection), address="127.0.0.1") as peer:
        with Sora2Client(GatewaySettings(f"https://localhost:{peer.port}", "sk-x", verify_tls=bundle)) as client:
            for kind in (GatewayUnavailable, SubmissionUnknown, GatewayUnavailable):
                with pytest.raises(kind):
                    client.create_video(REQUEST)


class KeepAliveHost(LinkHost):
    """Keeps a connection for one answer, and closes it when the next request comes: its keep-alive had just ended."""

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            read_all(connection)
            connection.sendall(answer(b'{"id": "video_1", "status": "queued"}').replace(b"Connection: close\r\n", b""))
            connection.recv(1)


@pytest.mark.parametrize("by_proxy", [False, True])
def test_a_create_goes_out_on_a_connection_of_its_own(by_proxy):
    with KeepAliveHost(b"") as host:
        settings = GatewaySettings("http://localhost:1" if by_proxy else host.url, "sk-x", proxy=host.url)
        with Sora2Client(settings) as client:
            for _ in range(3):
                client.get_video("video_1")
                assert client.create_video(VideoRequest("a cat")).id == "video_1"
                client.transport.close()
        assert host.connections == 6
