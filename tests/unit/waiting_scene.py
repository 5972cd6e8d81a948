"""Videos that wait in the triggerer, before a gateway that answers as told; hours pass in no time."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from sora2_provider.triggers.sora2 import Sora2VideoTrigger
from tests.unit.loop_time import LoopTime

DEADLINE = 450.0
INTERVAL = 20.0
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class End(NamedTuple):
    """The event of a trigger, and when it came, in seconds from the beginning."""

    at: float
    event: dict[str, Any]

    @property
    def outcome(self) -> str:
        return self.event["outcome"]

    @property
    def why(self) -> str:
        return (self.event["error"] or {"message": ""})["message"]


class Scene:
    """A gateway that answers as told, a connection to it, and videos that wait."""

    def __init__(self, clock: LoopTime, patch: pytest.MonkeyPatch) -> None:
        self.clock, self.patch = clock, patch
        self.began = clock.now
        self.answer: Answer = self.unfinished
        self.asked: list[tuple[float, str]] = []
        self.port = 0
        self.tls: ssl.SSLContext | None = None

    @property
    def now(self) -> float:
        return self.clock.now - self.began

    def connect(self, path: str = "", *, conn_id: str = "sora2_default", **fields: Any) -> None:
        host = f"{'https://localhost' if self.tls else 'http://127.0.0.1'}:{self.port}{path}"
        facts = {"conn_type": "sora2", "host": host, "password": "sk-secret", **fields}
        self.patch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(facts))

    async def wait(self, video_id: str = "video_1", *, clock: float = 0.0, **facts: Any) -> End:
        """Return the end of the wait for a video that was created just now, by a clock that is so much ahead."""
        kept = facts.pop("timeout_after", None)
        created = self.clock.since_1970 + clock
        trigger = Sora2VideoTrigger(
            video_id,
            **{
                "sora2_conn_id": "sora2_default",
                "started": created,
                "deadline": created + DEADLINE,
                "poll_interval": INTERVAL,
                **facts,
            },
        )
        if kept is not None:
            trigger.timeout_after = kept
        async for event in trigger.run():
            return End(self.now, event.payload)
        raise AssertionError("no event")

    async def unfinished(self, request: web.Request) -> web.Response:
        return web.json_response({"id": request.query["id"], "status": "processing"})

    async def completed(self, request: web.Request) -> web.Response:
        return web.json_response({"id": request.query["id"], "status": "completed", "video_url": "https://a.b/c.mp4"})

    async def silence(self, _: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        async def answer(request: web.Request) -> web.StreamResponse:
            self.asked.append((self.now, request.query["id"]))
            return await self.answer(request)

        application = web.Application()
        application.router.add_get("/{rest:.*}", answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.01, handler_cancellation=True)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self.tls).start()
            self.port = runner.addresses[0][1]
            self.connect()
            yield
        finally:
            await runner.cleanup()


def played(scene: Scene, play: Callable[[], Awaitable[Any]]) -> Any:
    """Return what a play comes to, in which the gateway is there and the connection leads to it."""

    async def all_of_it() -> Any:
        async with scene.served():
            return await play()

    return scene.clock.run(all_of_it())
