"""Who asks for a video's state: this provider, its peer as it is installed, and the least that asking can cost.

Each contestant is given ids and a way to start one waiter for each, and nothing that its users would not have: the
triggers are driven as the triggerer drives them, all on one loop, their logs going where the triggerer sends them.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, ClassVar

import aiohttp
from airflow.triggers.base import BaseTrigger, TriggerEvent

HTTP, OURS, BARE = "HttpSensorTrigger", "Sora2VideoTrigger", "bare loop"
FAR = 3600.0

_HEADERS = {"Accept": "application/json", "Authorization": "Bearer sk-benchmark"}
_numbers = itertools.count()

Waiters = Callable[[list[str]], Coroutine[Any, Any, None]]


def set_connections(url: str) -> None:
    """Let every contestant's connection lead to the server. That it is trusted stands in the environment already."""
    os.environ["AIRFLOW_CONN_SORA2_DEFAULT"] = json.dumps(
        {"conn_type": "sora2", "host": url, "password": "sk-benchmark"}
    )
    os.environ["AIRFLOW_CONN_HTTP_DEFAULT"] = json.dumps({"conn_type": "http", "host": url})


def new_id(lasts: str) -> str:
    """Return an id that the server has not seen yet, as long as real ones are, of a video that lasts so long."""
    return f"sora-2:task_{lasts}_{os.getpid():08d}{next(_numbers):018d}"


def log_as_the_triggerer_does() -> None:
    """Make JSON lines of what is logged from INFO up, and send them nowhere: the triggerer sends them to a socket."""
    from airflow.sdk.log import configure_logging

    sink = os.fdopen(os.open(os.devnull, os.O_WRONLY), "wb", buffering=0)
    configure_logging(json_output=True, output=sink, sending_to_supervisor=True)


class BareTrigger(BaseTrigger):
    """The least that a waiting trigger can be: it asks through a session that all share, as often as ours asks."""

    session: ClassVar[aiohttp.ClientSession | None] = None

    def __init__(self, address: str, started: float) -> None:
        super().__init__()
        self.address = address
        self.started = started

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "tests.benchmarks.contestants.BareTrigger", {"address": self.address, "started": self.started}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        pause = max(0.0, self.started + random.uniform(36.0, 44.0) - time.time())
        while True:
            await asyncio.sleep(pause)
            if BareTrigger.session is None:
                BareTrigger.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100))
            async with BareTrigger.session.get(self.address, headers=_HEADERS) as answer:
                video = json.loads(await answer.read())
            if video["status"] == "completed":
                yield TriggerEvent(video)
                return
            pause = random.uniform(7.2, 8.8)


async def run_trigger(trigger: BaseTrigger) -> TriggerEvent:
    events: AsyncIterator[TriggerEvent] = trigger.run()
    async for event in events:
        return event
    raise RuntimeError(f"{trigger!r} ended without an event")


async def all_of(triggers: list[BaseTrigger], expected: Callable[[Any], bool]) -> None:
    """Run triggers together; every one of them must end as expected."""
    for event in await asyncio.gather(*(run_trigger(trigger) for trigger in triggers)):
        if not expected(event.payload):
            raise RuntimeError(f"A trigger ended with {event.payload!r}")


async def ours(video_ids: list[str]) -> None:
    from sora2_provider.triggers.sora2 import Sora2VideoTrigger

    now = time.time()
    made = [Sora2VideoTrigger(one, "sora2_default", now, now + FAR, 0.0) for one in video_ids]
    await all_of(made, lambda payload: payload["outcome"] == "completed")


async def http_sensor(video_ids: list[str]) -> None:
    """The HTTP provider's sensor trigger; it asks again for as long as the answer is a 404."""
    from airflow.providers.http.triggers.http import HttpSensorTrigger

    path = "sensor/v1/video/query?id="
    made = [HttpSensorTrigger(path + one, headers=_HEADERS, poke_interval=0.0) for one in video_ids]
    await all_of(made, lambda payload: payload is True)


def bare_loop(url: str) -> Waiters:
    """The least that it takes: one shared session, get, read, json.loads, sleep."""

    async def one(session: aiohttp.ClientSession, video_id: str) -> None:
        address = f"{url}/v1/video/query?id={video_id}"
        while True:
            await asyncio.sleep(0)
            async with session.get(address, headers=_HEADERS) as answer:
                video = json.loads(await answer.read())
            if video["status"] == "completed":
                return

    async def wait(video_ids: list[str]) -> None:
        connector = aiohttp.TCPConnector(limit=100)
        async with aiohttp.ClientSession(connector=connector) as session:
            await asyncio.gather(*(one(session, video_id) for video_id in video_ids))

    return wait
