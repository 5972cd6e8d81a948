"""The one server that every contestant asks: a raw asyncio protocol, fast enough never to be what is measured.

Usage: python -m tests.benchmarks.gateway_server CERTIFICATE KEY. Prints one JSON line with its two ports, and serves until it is stopped.

What an answer says moves on from one to the next as a real gateway's does: progress, timestamps, and lengths with them.
The id says how: ``..._p40_...`` is completed at the 40th question, ``..._s90_...`` in its 90th second.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from urllib.parse import unquote

_PROMPT = (
    "A paper boat drifts down a rain-filled gutter at dusk, street lamps in the water, slow dolly shot from behind, "
    "shallow depth of field, soft piano in the distance, no text."
)
_VIDEO = (
    '{"id":"%s","object":"video","model":"sora-2","status":"%s","progress":%d,"created_at":%d,"status_update_time":%d,'
    '"completed_at":%s,"expires_at":null,"seconds":"10","size":"720x1280","video_url":%s,"enhanced_prompt":"%s",'
    '"detail":{"id":"%s","status":"%s","pending_info":{"id":"%s","status":"%s","progress_pct":%s,'
    '"failure_reason":null}},"error":null}'
)
_CREATED = (
    '{"id":"sora-2:task_p1_%d","object":"video","model":"sora-2","status":"queued","progress":0,"created_at":%d,'
    '"seconds":"10","size":"720x1280","error":null}'
)
_HEAD = "HTTP/1.1 %s\r\nContent-Type: application/json\r\nX-Request-Id: %d\r\nContent-Length: %d\r\n\r\n"


class Counts:
    """What the server saw."""

    def __init__(self) -> None:
        self.open = 0
        self.reset()

    def reset(self) -> None:
        self.connections = 0
        self.most_open = self.open
        self.requests = 0
        self.questions: dict[str, int] = {}
        self.births: dict[str, float] = {}


class Gateway(asyncio.Protocol):
    """One connection."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        counts = self._counts
        counts.connections += 1
        counts.open += 1
        counts.most_open = max(counts.most_open, counts.open)

    def connection_lost(self, _: Exception | None) -> None:
        self._counts.open -= 1

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end]
            length = 0
            if head.startswith(b"POST"):
                at = head.lower().find(b"content-length:")
                length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
                if len(self._received) < end + 4 + length:
                    return
            self._received = self._received[end + 4 + length :]
            self._answer(head.split(b" ", 2)[1].decode("ascii"))

    def _answer(self, target: str) -> None:
        path, _, query = target.partition("?")
        counts = self._counts
        if path == "/counts":
            seen = {"open": counts.open, "connections": counts.connections, "requests": counts.requests}
            body = json.dumps({**seen, "most_open": counts.most_open})
            if query == "reset":
                counts.reset()
            return self._send("200 OK", body)
        counts.requests += 1
        if path == "/v1/video/create":
            return self._send("200 OK", _CREATED % (counts.requests, time.time()))
        body, completed = self._video(unquote(query.partition("=")[2]))
        # The HTTP provider's sensor trigger asks on only after a 404.
        return self._send("404 Not Found" if path.startswith("/sensor") and not completed else "200 OK", body)

    def _video(self, video_id: str) -> tuple[str, bool]:
        counts, now = self._counts, time.time()
        asked = counts.questions[video_id] = counts.questions.get(video_id, 0) + 1
        born = counts.births.setdefault(video_id, now)
        lasts = video_id.split("_")[1]
        share = asked / int(lasts[1:]) if lasts[0] == "p" else (now - born) / float(lasts[1:])
        completed = share >= 1
        progress = min(100, int(share * 100))
        word = "completed" if completed else "processing"
        link = f'"https://files.example.com/{video_id[-12:]}.mp4?se={int(now) + 86400}"' if completed else "null"
        ended = int(now) if completed else "null"
        moments = (born, now * 1000, ended, link, _PROMPT)
        inner = video_id.rpartition(":")[2]
        return _VIDEO % (video_id, word, progress, *moments, inner, word, inner, word, progress / 100), completed

    def _send(self, status: str, body: str) -> None:
        self._transport.write((_HEAD % (status, self._counts.requests, len(body)) + body).encode("ascii"))


async def serve(certificate: str, key: str) -> None:
    """Serve on two free ports of the loopback interface."""
    loop = asyncio.get_running_loop()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    counts = Counts()
    plain = await loop.create_server(lambda: Gateway(counts), "127.0.0.1", 0, backlog=1024)
    secure = await loop.create_server(lambda: Gateway(counts), "127.0.0.1", 0, ssl=tls, backlog=1024)
    ports = {"http": plain.sockets[0].getsockname()[1], "https": secure.sockets[0].getsockname()[1]}
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
