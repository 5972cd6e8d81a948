"""A proxy on loopback that loses answers: it passes a request on, and closes the connection without a word."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

_HOP_BY_HOP = ("connection", "content-length", "expect", "transfer-encoding")


class LossyProxy:
    """What the proxy does.

    :ivar loses: how many of the next answers to each method get lost.
    :ivar refusal: how the storage says that a file is there already; gets the body of its answer (HTTP 412).
    :ivar seen: the methods that have come through.
    """

    def __init__(self, url: str) -> None:
        self._target, self.url = url, ""
        self.loses: Counter[str] = Counter()
        self.refusal: Callable[[bytes], tuple[int, bytes]] = lambda body: (412, body)
        self.seen: list[str] = []

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Pass a request on, and its answer back or not."""
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        answer = requests.request(request.command, self._target + request.path, data=body, headers=headers, timeout=20)
        self.seen.append(request.command)
        if self.loses[request.command]:
            self.loses[request.command] -= 1
            request.close_connection = True
            return
        status, content = answer.status_code, answer.content
        if status == 412:
            status, content = self.refusal(content)
        request.send_response(status)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                request.send_header(name, value)
        length = answer.headers.get("Content-Length", "0") if request.command == "HEAD" else str(len(content))
        request.send_header("Content-Length", length)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(content)


@contextlib.contextmanager
def lossy_proxy(url: str) -> Iterator[LossyProxy]:
    """Run a proxy in front of a server."""
    proxy = LossyProxy(url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    for method in ("DELETE", "GET", "HEAD", "PUT"):
        setattr(Handler, f"do_{method}", lambda request: proxy.answer(request))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
