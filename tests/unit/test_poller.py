"""The poller of one connection, on an event loop whose time is made up: when it polls, and how many at once."""

from __future__ import annotations

import asyncio
import time

import pytest

from sora2_provider.gateway.errors import RateLimited
from sora2_provider.gateway.models import Video, VideoStatus
from sora2_provider.gateway.parsing.videos import UnfinishedVideo
from sora2_provider.gateway.polling import poller as polling
from sora2_provider.gateway.polling.poller import WatchedVideo
from sora2_provider.gateway.polling.wait import VideoWait
from tests.unit.loop_time import LoopTime


def videos_of(poller: polling.Poller, count: int, after: float) -> list[WatchedVideo]:
    now = time.time()
    made = [WatchedVideo(f"video_{one}", now, VideoWait(started=now, deadline=now + 60)) for one in range(count)]
    for one in made:
        poller.watch(one, after=after)
    return made


@pytest.mark.parametrize("pauses", [[7.0], [7.0, 2.0], [2.0, 7.0]], ids=str)
def test_after_a_429_no_poll_is_begun_and_then_they_are_spread(monkeypatch, pauses):
    asked: list[tuple[str, float]] = []
    clock = LoopTime()

    async def all_of_it():
        begun = clock.now

        async def ask(one):
            asked.append((one.video_id, clock.now - begun))
            return Video(one.video_id, VideoStatus.COMPLETED)

        poller = polling.Poller(ask, at_once=100, poll_failed=pytest.fail)
        videos_of(poller, 5, after=3.0)
        for seconds in pauses:
            poller.pause(seconds)
        await asyncio.sleep(20)
        await poller.close()

    monkeypatch.setattr(polling.random, "random", iter(number / 10 for number in range(10)).__next__)
    clock.run(all_of_it())
    assert [video_id for video_id, _ in asked] == [f"video_{number}" for number in range(5)]
    moments = [moment for _, moment in asked]
    assert min(moments) >= 7
    assert len(set(moments)) >= 4, "spread"


def test_never_more_polls_at_once_than_connections():
    async def all_of_it():
        answers: list[asyncio.Future] = []

        async def ask(_):
            answers.append(asyncio.get_running_loop().create_future())
            return await answers[-1]

        poller = polling.Poller(ask, at_once=3, poll_failed=pytest.fail)
        videos = videos_of(poller, 5, after=1.0)
        await asyncio.sleep(2)
        assert len(answers) == 3
        answers[1].set_result(Video("video_1", VideoStatus.COMPLETED))
        await asyncio.sleep(2)
        assert len(answers) == 4, "the next poll takes the place of the one that is done"
        poller.unwatch(4)
        for answer in answers:
            if not answer.done():
                answer.set_result(Video("video", VideoStatus.COMPLETED))
        await asyncio.sleep(2)
        assert len(answers) == 4, "the fifth video is not watched any more"
        ends = [(await one.updates())[-1].outcome for one in videos[:4]]
        await poller.close()
        return ends

    assert LoopTime().run(all_of_it()) == ["completed"] * 4


def test_each_failed_poll_is_reported_and_logged_once_until_the_gateway_answers_again():
    refused = RateLimited("slow down", transient=True)
    failures: list[Exception] = []

    async def all_of_it():
        unfinished = UnfinishedVideo("video_0", VideoStatus.IN_PROGRESS, 40, "processing", b"{}")
        answers = iter([refused, refused, unfinished, refused, Video("video_0", VideoStatus.COMPLETED)])

        async def ask(_):
            if isinstance(answer := next(answers), Exception):
                raise answer
            return answer

        poller = polling.Poller(ask, at_once=1, poll_failed=failures.append)
        (one,) = videos_of(poller, 1, after=1.0)
        await asyncio.sleep(59)
        await poller.close()
        return await one.updates()

    *lines, end = LoopTime().run(all_of_it())
    assert failures == [refused] * 3
    trouble = ["The gateway could not say how", "The gateway answers again about", "Video"]
    assert [line.text.partition(" video")[0] for line in lines] == trouble * 2
    assert end.outcome == "completed"


def test_what_was_new_before_a_bug_broke_the_wait_is_told_before_it():
    async def all_of_it():
        answers = iter([UnfinishedVideo("video_0", VideoStatus.IN_PROGRESS, 40, "processing", b"{}")])

        async def ask(_):
            return next(answers)

        poller = polling.Poller(ask, at_once=1, poll_failed=pytest.fail)
        (one,) = videos_of(poller, 1, after=1.0)
        await asyncio.sleep(60)
        (line,) = await one.updates()
        with pytest.raises(RuntimeError, match="StopIteration"):
            await one.updates()
        await poller.close()
        return line.text

    assert "is in progress, 40 %" in LoopTime().run(all_of_it())


@pytest.mark.parametrize("cancelled", ["what the question waits for", "the poll itself"])
def test_a_question_that_is_cancelled_by_whomever_is_asked_again(cancelled):
    failures: list[Exception] = []

    async def all_of_it():
        asked: list[asyncio.Future] = []

        async def ask(_):
            if len(asked) == 1:
                return Video("video_0", VideoStatus.COMPLETED)
            asked.append(asyncio.get_running_loop().create_future())
            return await asked[0]

        poller = polling.Poller(ask, at_once=1, poll_failed=failures.append)
        (one,) = videos_of(poller, 1, after=1.0)
        await asyncio.sleep(2)
        (poll,) = poller._polling
        poll.cancel() if cancelled == "the poll itself" else asked[0].cancel()
        await asyncio.sleep(60)
        async with asyncio.timeout(60):
            updates = await one.updates()
        await poller.close()
        return updates

    first, *_, end = LoopTime().run(all_of_it())
    assert "The question was broken off" in first.text
    assert end.outcome == "completed"
    assert len(failures) == 1


def test_a_poller_that_is_closed_asks_no_more_whatever_was_on_its_way():
    async def all_of_it():
        asked = []

        async def ask(one):
            asked.append(one)
            await asyncio.Event().wait()

        poller = polling.Poller(ask, at_once=2, poll_failed=pytest.fail)
        videos_of(poller, 3, after=1.0)
        await asyncio.sleep(2)
        await poller.close()
        await asyncio.sleep(60)
        return len(asked), asyncio.all_tasks()

    asked, tasks = LoopTime().run(all_of_it())
    assert (asked, len(tasks)) == (2, 1)


def test_a_video_was_unfinished_when_it_was_last_asked_for_and_not_when_the_answer_came():
    async def all_of_it():
        async def ask(one):
            await asyncio.sleep(2)
            return UnfinishedVideo(one.video_id, VideoStatus.IN_PROGRESS, 40, "processing", b"{}")

        poller = polling.Poller(ask, at_once=1, poll_failed=pytest.fail)
        (one,) = videos_of(poller, 1, after=5.0)
        assert one.unfinished == one.started
        await asyncio.sleep(7.5)
        await poller.close()
        return one.unfinished - one.started

    assert LoopTime().run(all_of_it()) == pytest.approx(5.0, abs=0.01)
