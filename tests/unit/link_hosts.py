"""Hosts on loopback that a video's link can lead to, and a map of which addresses and names they seem to have."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable

import pytest

from sora2_provider.gateway.transport import addresses, ssrf

FILE_BYTES = 400_000
#: The gateway's address and a public host's, as a :class:`FakeNetwork` sees them; all others are what they are.
GATEWAY, PUBLIC, INSIDE = "127.0.0.1", "127.0.0.2", "127.0.0.3"

Script = Callable[[socket.socket, bytes], None]


class LinkHost:
    """Answers each connection by a script that is given the request, and keeps what came: the head, and a body behind it."""

    def __init__(self, script: bytes | Script, *, address: str = INSIDE) -> None:
        self._script = script if callable(script) else lambda connection, _: connection.sendall(script)
        self._listener = socket.create_server((address, 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://{address}:{self.port}"
        self.connections = 0
        self.heads: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> LinkHost:
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(20)
            request = b""
            while not is_whole(request) and (part := connection.recv(65536)):
                request += part
            if request:
                self.heads.append(request)
                self._script(connection, request)


def is_whole(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


def answer(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", "Connection: close"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


class FakeNetwork:
    """What the addresses and names of a test stand for."""

    def __init__(self) -> None:
        self.public = {GATEWAY, PUBLIC}
        #: Addresses of a name, one for each time that it is asked for; the last one stays.
        self.names: dict[str, list[str]] = {}

    def classify_address(self, address: str) -> str | None:
        return None if address in self.public else addresses.classify_address(address)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make it the network of this test, without the proxies of the machine."""
        ask_system = socket.getaddrinfo

        def getaddrinfo(host: str, *args: object, **options: object) -> object:
            known = self.names.get(host)
            if known:
                host = known.pop(0) if len(known) > 1 else known[0]
            return ask_system(host, *args, **options)

        monkeypatch.setattr(ssrf, "classify_address", self.classify_address)
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
