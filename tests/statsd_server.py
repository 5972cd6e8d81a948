"""A StatsD server on loopback that keeps what it gets."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class StatsdServer:
    """What came in, as ``(name, value, kind)``: ``("airflow.sora2.created", 1.0, "c")``."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.received: list[tuple[str, float, str]] = []
        self._thread = threading.Thread(target=self._listen, name="statsd-server", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while (datagram := self._socket.recv(65536)) != b"end":
            for line in datagram.decode().splitlines():
                name, _, rest = line.partition(":")
                value, kind = rest.split("|")[:2]
                self.received.append((name, float(value), kind))

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"end", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def total(self, name: str) -> float:
        return sum(value for one, value, _ in tuple(self.received) if one == name)

    def kinds(self, prefix: str) -> dict[str, str]:
        """The names that begin with a prefix, each with its kind."""
        return {name: kind for name, _, kind in tuple(self.received) if name.startswith(prefix)}


@contextlib.contextmanager
def statsd_server() -> Iterator[StatsdServer]:
    server = StatsdServer()
    try:
        yield server
    finally:
        server.close()
