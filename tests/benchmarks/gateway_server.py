"""The one server that every contestant asks: a raw asyncio protocol, fast enough never to be what is measured.

Usage: python -m tests.benchmarks.gateway_server. Prints its port, and serves until it is stopped.

What an answer says moves on from one to the next as a real gateway's does: progress, timestamps, and lengths with them.
The id says how: ``..._p40_...`` is completed at the 40th question, ``..._s90_...`` in its 90th second.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
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
_HEAD = "HTTP/1.1 %s\r\nContent-Type: application/json\r\nX-Request-Id: %d\r\nContent-Length: %d\r\n\r\n"

_request_ids = itertools.count(1)
#: By video id: how often it was asked for, and when first.
_questions: Counter[str] = Counter()
_births: dict[str, float] = {}


class Gateway(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._received = transport, b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head, self._received = self._received[:end], self._received[end + 4 :]
            self._answer(head.split(b" ", 2)[1].decode("ascii"))

    def _answer(self, target: str) -> None:
        path, _, query = target.partition("?")
        body, completed = _video(unquote(query.partition("=")[2]))
        # The HTTP provider's sensor trigger asks on only after a 404.
        status = "404 Not Found" if path.startswith("/sensor") and not completed else "200 OK"
        self._transport.write((_HEAD % (status, next(_request_ids), len(body)) + body).encode("ascii"))


def _video(video_id: str) -> tuple[str, bool]:
    now = time.time()
    _questions[video_id] += 1
    born = _births.setdefault(video_id, now)
    lasts = video_id.split("_")[1]
    share = _questions[video_id] / int(lasts[1:]) if lasts[0] == "p" else (now - born) / float(lasts[1:])
    completed = share >= 1
    word = "completed" if completed else "processing"
    link = f'"https://files.example.com/{video_id[-12:]}.mp4?se={int(now) + 86400}"' if completed else "null"
    moments = (born, now * 1000, int(now) if completed else "null", link, _PROMPT)
    inner = video_id.rpartition(":")[2]
    progress = min(100, int(share * 100))
    return _VIDEO % (video_id, word, progress, *moments, inner, word, inner, word, progress / 100), completed


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Gateway, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
