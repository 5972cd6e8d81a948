"""After "too many requests" no trigger of that connection asks before the pause is over, and other connections go on.

The triggers, the HTTP and the event loop are real; the gateway writes down when it was asked, in the loop's own time.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from sora2_provider.triggers.sora2 import Sora2VideoTrigger
from tests.unit.loop_time import LoopTime

PAUSE = 120.0
INTERVAL = 10.0


class Asked(NamedTuple):
    """One question that the gateway got; the connection is the first part of the path of its base URL."""

    at: float
    connection: str
    video_id: str


class Refusal(NamedTuple):
    """An answer with 429: given after so many seconds, it asks for so many seconds of pause."""

    after: float = 0.0
    pause: float = PAUSE


class Refused(NamedTuple):
    """When a refusal was given, and how many questions had come by then: those of the same moment before or after it."""

    at: float
    asked: int


class Gateway:
    """Answers every question, and some of the connection ``busy`` with 429.

    :param refusals: by the number of the question among those of ``busy``.
    :param ends_after: seconds after which every video is completed.
    """

    def __init__(self, clock: LoopTime, refusals: dict[int, Refusal], *, ends_after: float = 170.0) -> None:
        self._clock, self._refusals = clock, refusals
        self._ends = clock.now + ends_after
        self.asked: list[Asked] = []
        self.refused: list[Refused] = []

    async def answer(self, request: web.Request) -> web.Response:
        connection, video_id = request.match_info["connection"], request.query["id"]
        refusal = self._refusals.get(len(self.of("busy"))) if connection == "busy" else None
        self.asked.append(Asked(self._clock.now, connection, video_id))
        if refusal is not None:
            await asyncio.sleep(refusal.after)
            self.refused.append(Refused(self._clock.now, len(self.asked)))
            said = {"error": {"message": "too many requests"}}
            return web.json_response(said, status=429, headers={"Retry-After": f"{refusal.pause:.0f}"})
        done = self._clock.now >= self._ends
        return web.json_response({"id": video_id, "status": "completed" if done else "processing"})

    def of(self, connection: str, *, after: Refused = Refused(0.0, 0)) -> list[Asked]:  # noqa: B008
        """Return the questions of a connection that came after a refusal."""
        return [one for one in self.asked[after.asked :] if one.connection == connection]


async def watched(gateway: Gateway, clock: LoopTime, patch: pytest.MonkeyPatch, **videos: int) -> dict[str, list[Any]]:
    """Let the triggers of some connections wait for so many videos each, and return their events."""
    async with AsyncExitStack() as stack:
        application = web.Application()
        application.router.add_get("/{connection}/v1/video/query", gateway.answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        for name in videos:
            patch.setenv(
                f"AIRFLOW_CONN_{name.upper()}",
                f'{{"conn_type": "sora2", "host": "http://127.0.0.1:{port}/{name}", "password": "sk-{name}"}}',
            )

        async def event(name: str, number: int) -> Any:
            trigger = Sora2VideoTrigger(
                f"{name}_{number}",
                name,
                started=clock.since_1970,
                deadline=clock.since_1970 + 3600,
                poll_interval=INTERVAL,
            )
            return [event.payload async for event in trigger.run()]

        waits = {name: [event(name, number) for number in range(count)] for name, count in videos.items()}
        told = await asyncio.gather(*(asyncio.gather(*some) for some in waits.values()))
    return dict(zip(videos, told, strict=True))


def all_completed(events: dict[str, list[Any]]) -> bool:
    return {event["outcome"] for told in events.values() for (event,) in told} == {"completed"}


@pytest.mark.parametrize("refused", [0, 1, 17])
def test_after_a_429_no_trigger_of_the_connection_asks_until_the_pause_is_over(monkeypatch, refused):
    clock = LoopTime()
    gateway = Gateway(clock, {refused: Refusal()})
    events = clock.run(watched(gateway, clock, monkeypatch, busy=8, calm=2))

    (last,) = gateway.refused
    after = gateway.of("busy", after=last)
    assert len(gateway.of("busy")) - len(after) == refused + 1
    assert min(one.at for one in after) >= last.at + PAUSE
    assert {one.video_id for one in after} == {f"busy_{number}" for number in range(8)}, "and then all of them do"
    calm = [one for one in gateway.of("calm", after=last) if one.at < last.at + PAUSE]
    # Each of two triggers asks every 10 s, spread by a tenth.
    assert len(calm) >= 2 * int(PAUSE / (INTERVAL * 1.1) - 1)
    assert all_completed(events)


def test_a_longer_pause_that_is_asked_for_during_a_pause_holds_for_those_who_wait_for_its_end(monkeypatch):
    clock = LoopTime()
    gateway = Gateway(clock, {0: Refusal(after=10.0, pause=20.0), 1: Refusal(after=20.0)})
    events = clock.run(watched(gateway, clock, monkeypatch, busy=8))

    first, last = gateway.refused
    assert first.at < last.at < first.at + 20
    assert first.asked >= 2, "the second was on its way when the first was refused"
    assert min(one.at for one in gateway.of("busy", after=last)) >= last.at + PAUSE
    assert all_completed(events)


def test_questions_that_wait_for_a_free_connection_wait_for_the_pause_too(monkeypatch):
    monkeypatch.setenv("AIRFLOW__SORA2__TRIGGERER_CONNECTIONS", "1")
    clock = LoopTime()
    gateway = Gateway(clock, {0: Refusal(after=30.0)})
    events = clock.run(watched(gateway, clock, monkeypatch, busy=8))

    (last,) = gateway.refused
    assert last.asked == 1, "the others wait for the one connection"
    assert min(one.at for one in gateway.of("busy", after=last)) >= last.at + PAUSE
    assert all_completed(events)
