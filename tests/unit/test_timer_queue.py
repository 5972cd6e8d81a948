"""One timer for the deadlines of thousands of waits."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from sora2_provider.gateway.errors import GatewayUnavailable
from sora2_provider.gateway.models import Video, VideoStatus
from sora2_provider.gateway.polling import poller as polling
from sora2_provider.gateway.polling.poller import WatchedVideo
from sora2_provider.gateway.polling.timer_queue import TimerQueue
from sora2_provider.gateway.polling.wait import VideoWait
from tests.unit.loop_time import LoopTime


def test_each_number_is_due_at_its_moment_and_in_order():
    due: list[tuple[int, float]] = []
    clock = LoopTime()
    moments = [random.Random(7).uniform(1, 500) for _ in range(100)]

    async def play() -> None:
        began = clock.now
        queue = TimerQueue(lambda number: due.append((number, clock.now - began)))
        for number, moment in enumerate(moments):
            queue.add(number, moment)
        await asyncio.sleep(600)

    clock.run(play())
    assert [number for number, _ in due] == sorted(range(100), key=moments.__getitem__)
    assert [at for _, at in due] == pytest.approx(sorted(moments), abs=0.01)


def test_many_that_are_due_together_let_the_loop_do_other_things_in_between():
    turns: list[int] = []

    async def play() -> None:
        begun = asyncio.Event()

        def due(_: int) -> None:
            begun.set()
            turns[-1:] = [turns[-1] + 1] if turns else [1]

        queue = TimerQueue(due)
        for number in range(1000):
            queue.add(number, 5.0)
        await begun.wait()
        while sum(turns) < 1000:
            turns.append(0)
            await asyncio.sleep(0)

    LoopTime().run(play())
    assert max(turns) <= 100


def test_what_is_closed_or_not_kept_is_not_due_any_more():
    due: list[int] = []

    async def play() -> None:
        queue, closed = TimerQueue(due.append), TimerQueue(due.append)
        for number in range(10):
            queue.add(number, 5.0 - number / 10)
            closed.add(number, 5.0)
        queue.keep({2, 4})
        closed.close()
        await asyncio.sleep(10)

    LoopTime().run(play())
    assert due == [4, 2]


def test_the_deadlines_of_waits_that_ended_long_before_are_forgotten():
    async def play() -> int:
        async def ask(one: WatchedVideo) -> Video:
            if one.video_id == "video_stays":
                raise GatewayUnavailable("away", transient=True)
            return Video(one.video_id, VideoStatus.COMPLETED)

        poller = polling.Poller(ask, at_once=100, poll_failed=lambda _: None)

        def watch(video_id: str) -> int:
            now = time.time()
            wait = VideoWait(started=now, deadline=now + 86_400)
            return poller.watch(WatchedVideo(video_id, now, wait), after=0.0, ends_after=86_400.0)

        watch("video_stays")
        for turn in range(50):
            numbers = [watch(f"video_{turn}_{one}") for one in range(100)]
            await asyncio.sleep(1)
            for number in numbers:
                poller.unwatch(number)
        kept = len(poller._deadlines)
        await poller.close()
        return kept

    assert LoopTime().run(play()) < 1200
