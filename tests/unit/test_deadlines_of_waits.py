"""Each video that waits in the triggerer ends at its deadline to the moment, whatever else hangs, breaks or refuses.

The triggers and the HTTP are real; the time is the event loop's own, and passes when nothing else is left to do.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from sora2_provider.gateway.async_client import AsyncSora2Client
from sora2_provider.reporting.endings import Ending
from sora2_provider.reporting.failures import failure
from sora2_provider.triggers import lookup
from sora2_provider.triggers.events import TRIGGER_GRACE, from_event
from tests.unit.loop_time import LoopTime
from tests.unit.waiting_scene import DEADLINE, INTERVAL, End, Scene, played

#: Of the loop's own time: each wait of the loop itself lets a millionth of a second pass.
MOMENT = 0.01


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(LoopTime(), monkeypatch)


class HangingThreads:
    """Lets lookups hang until the test is over."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._released = threading.Event()
        self.hung = 0

    def hang(self, loop: asyncio.AbstractEventLoop) -> None:
        read = lookup.read_connection

        def hanging(conn_id: str) -> Any:
            self.hung += 1
            with self._scene.clock.passes(loop):
                self._released.wait()
            return read(conn_id)

        self._scene.patch.setattr(lookup, "read_connection", hanging)

    def release(self) -> None:
        self._released.set()


@pytest.fixture
def threads(scene: Scene) -> Iterator[HangingThreads]:
    threads = HangingThreads(scene)
    yield threads
    threads.release()


async def refuses(_: web.Request) -> web.Response:
    return web.json_response({"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "300"})


async def hang_in_dns(*_: Any, **__: Any) -> Any:
    await asyncio.Event().wait()


async def broken_off(*_: Any, **__: Any) -> Any:
    raise asyncio.CancelledError


def gateway_hangs(scene: Scene, _: HangingThreads) -> None:
    scene.connect(extra={"read_timeout": 3600})
    scene.answer = scene.silence


def gateway_refuses(scene: Scene, _: HangingThreads) -> None:
    scene.answer = refuses


def names_hang(scene: Scene, _: HangingThreads) -> None:
    scene.patch.setattr(asyncio.BaseEventLoop, "getaddrinfo", hang_in_dns)
    scene.connect(host="http://gateway.example.com", extra={"read_timeout": 3600})


def lookup_hangs(_: Scene, threads: HangingThreads) -> None:
    threads.hang(asyncio.get_running_loop())


def questions_are_broken_off(scene: Scene, _: HangingThreads) -> None:
    scene.patch.setattr(AsyncSora2Client, "get_state", broken_off)


TROUBLES = {
    "the gateway answers nothing": (gateway_hangs, {"There is no answer", "It could not be asked"}),
    "the gateway refuses everything": (gateway_refuses, {"slow down"}),
    "names are not resolved": (names_hang, {"There is no answer", "It could not be asked"}),
    "the lookup of the connection hangs": (lookup_hangs, {"The connection 'sora2_default' could not be looked up"}),
    "each question is broken off": (questions_are_broken_off, {"The question was broken off."}),
    "it goes on rendering": (lambda *_: None, {""}),
}


@pytest.mark.parametrize(("arrange", "why"), TROUBLES.values(), ids=TROUBLES)
def test_every_wait_ends_at_its_deadline_and_says_why(scene, threads, monkeypatch, arrange, why):
    monkeypatch.setenv("AIRFLOW__SORA2__TRIGGERER_CONNECTIONS", "2")

    async def play() -> list[End]:
        arrange(scene, threads)
        return await asyncio.gather(*(scene.wait(f"video_{number}") for number in range(6)))

    ends = played(scene, play)
    assert [end.outcome for end in ends] == ["timeout"] * 6
    assert [end.at for end in ends] == pytest.approx([DEADLINE] * 6, abs=MOMENT)
    assert {begin for end in ends for begin in why if end.why.startswith(begin)} == why
    assert all(end.why.startswith(tuple(why)) for end in ends)
    assert all(end.event["error"]["transient"] for end in ends if end.why)
    for number, end in enumerate(ends):
        assert from_event(end.event, video_id=f"video_{number}").outcome == "timeout"


def test_those_that_were_never_asked_for_say_why_too(scene, monkeypatch):
    monkeypatch.setenv("AIRFLOW__SORA2__TRIGGERER_CONNECTIONS", "1")

    async def play() -> list[End]:
        scene.answer = refuses
        return await asyncio.gather(*(scene.wait(f"video_{number}") for number in range(100)))

    ends = played(scene, play)
    assert len(scene.asked) < 50, "each refusal is followed by a pause"
    assert {(end.outcome, end.why) for end in ends} == {("timeout", "slow down")}
    assert [end.at for end in ends] == pytest.approx([DEADLINE] * 100, abs=MOMENT)


def test_the_trouble_of_another_video_is_not_told_of_one_that_goes_on_rendering(scene):
    async def play() -> list[End]:
        async def knows_one(request: web.Request) -> web.StreamResponse:
            if request.query["id"] == "video_1":
                return await scene.unfinished(request)
            return web.json_response({"code": "task_not_exist", "message": "task_not_exist"}, status=400)

        scene.answer = knows_one
        waits = (scene.wait(f"video_{number}", poll_interval=2.0) for number in (2, 3))
        others = [asyncio.ensure_future(wait) for wait in waits]
        end = await scene.wait("video_1", poll_interval=2.0, deadline=scene.clock.since_1970 + 100)
        for other in others:
            other.cancel()
        return [end]

    (end,) = played(scene, play)
    assert (end.outcome, end.why) == ("timeout", "")


def test_what_the_task_says_names_the_refusal_and_the_way_on(scene):
    async def play() -> End:
        scene.answer = refuses
        return await scene.wait()

    finished = from_event(played(scene, play).event, video_id="video_1")
    said = str(failure(Ending.of_wait(finished, "video_1", "sora2_default", waited="7 min 30 s", durable=True)))
    assert "slow down (HTTP 429)" in said
    assert "goes on rendering and is paid for" in said
    assert "Nothing is submitted again: a retry picks it up" in said


def test_the_last_question_is_asked_in_time_for_its_answer(scene):
    async def play() -> End:
        async def completed_at_last(request: web.Request) -> web.Response:
            return await (scene.completed if scene.now > DEADLINE - 11 else scene.unfinished)(request)

        scene.answer = completed_at_last
        return await scene.wait(poll_interval=300.0)

    end = played(scene, play)
    assert end.outcome == "completed"
    assert DEADLINE - 10 <= end.at <= DEADLINE - 5


@pytest.mark.parametrize(("answers", "outcome"), [(True, "completed"), (False, "timeout")])
def test_a_wait_that_begins_after_its_deadline_asks_once_and_not_for_ever(scene, answers, outcome):
    async def play() -> End:
        scene.answer = scene.completed if answers else scene.silence
        past = scene.clock.since_1970 - 100
        return await scene.wait(started=past - DEADLINE, deadline=past)

    end = played(scene, play)
    assert end.outcome == outcome
    assert end.at <= 15 + MOMENT
    assert len(scene.asked) == 1


def test_a_look_up_that_hangs_takes_one_thread_however_often_and_by_however_many_it_is_needed(scene, threads):
    async def play() -> list[End]:
        threads.hang(asyncio.get_running_loop())
        first = await asyncio.gather(*(scene.wait(f"video_{number}") for number in range(3)))
        second = await scene.wait("video_4")
        assert threads.hung == 1
        threads.release()
        scene.answer = scene.completed
        return [*first, second, await scene.wait("video_5")]

    ends = played(scene, play)
    assert [end.outcome for end in ends] == ["timeout"] * 4 + ["completed"]


def test_a_later_lookup_that_hangs_leaves_the_settings_in_use(scene, threads):
    async def play() -> End:
        async def completed_later(request: web.Request) -> web.Response:
            return await (scene.completed if scene.now > 400 else scene.unfinished)(request)

        scene.answer = completed_later
        waiting = asyncio.ensure_future(scene.wait())
        await asyncio.sleep(100)
        threads.hang(asyncio.get_running_loop())
        return await waiting

    end = played(scene, play)
    assert (end.outcome, threads.hung) == ("completed", 1)
    assert end.at < 400 + 2 * INTERVAL


def test_one_connection_whose_lookup_hangs_holds_up_no_other(scene, threads, monkeypatch):
    async def play() -> list[End]:
        read = lookup.read_connection
        threads.hang(asyncio.get_running_loop())
        hanging = lookup.read_connection
        one_hangs = lambda conn_id: (read if conn_id == "other" else hanging)(conn_id)  # noqa: E731
        monkeypatch.setattr(lookup, "read_connection", one_hangs)
        scene.connect(conn_id="other")
        scene.answer = scene.completed
        return await asyncio.gather(scene.wait(), scene.wait("video_2", sora2_conn_id="other"))

    stuck, other = played(scene, play)
    assert (stuck.outcome, other.outcome) == ("timeout", "completed")
    assert other.at < 2 * INTERVAL


@pytest.mark.parametrize("wrong", [{"path": "/wrong"}, {"host": "http://gateway.example.com"}], ids=["path", "name"])
def test_a_connection_that_is_corrected_while_questions_hang_delivers_their_videos(scene, monkeypatch, wrong):
    async def play() -> list[End]:
        async def wrong_hangs(request: web.Request) -> web.StreamResponse:
            return await (scene.silence if request.path.startswith("/wrong") else scene.completed)(request)

        scene.answer = wrong_hangs
        monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", hang_in_dns)
        scene.connect(**wrong, extra={"read_timeout": 3600})
        waiting = [asyncio.ensure_future(scene.wait(f"video_{number}")) for number in range(5)]
        await asyncio.sleep(100)
        scene.connect()
        await asyncio.sleep(250)
        assert not any(each.done() for each in waiting)
        # Its question is the first one after the life of the lookup.
        return await asyncio.gather(*waiting, scene.wait("video_5"))

    ends = played(scene, play)
    assert [end.outcome for end in ends] == ["completed"] * 6
    assert max(end.at for end in ends) < 350 + 2 * INTERVAL


@pytest.mark.parametrize("connections", ["0", "-1", "many", ""])
def test_a_number_of_connections_that_cannot_be_used_is_warned_of_and_asks_all_the_same(
    scene, monkeypatch, logged, connections
):
    monkeypatch.setenv("AIRFLOW__SORA2__TRIGGERER_CONNECTIONS", connections)

    async def play() -> End:
        scene.answer = scene.completed
        return await scene.wait()

    assert played(scene, play).outcome == "completed"
    said = logged()
    assert "triggerer_connections" in said
    assert "100 are used" in said


def test_a_wait_that_another_triggerer_goes_on_with_keeps_its_deadline(scene):
    async def play() -> End:
        kept = datetime.fromtimestamp(scene.clock.since_1970 - 200.0 + DEADLINE + 600.0, UTC)
        return await scene.wait(clock=-200.0, poll_interval=100.0, timeout_after=kept)

    assert played(scene, play).at == pytest.approx(DEADLINE - 200.0, abs=MOMENT)


SKEWS = {
    "behind": (-300.0, False),
    "behind, as Airflow tells": (-300.0, True),
    "behind by more than the whole wait": (-4000.0, False),
    "ahead, as Airflow tells": (300.0, True),
    "ahead by more than the whole wait, as Airflow tells": (4000.0, True),
    "hardly different": (5.0, True),
}


@pytest.mark.parametrize(("ahead", "told"), SKEWS.values(), ids=SKEWS)
def test_clocks_that_differ_shift_neither_the_first_question_nor_the_deadline(scene, ahead, told):
    """The triggerer's clock is so much ahead of the worker's, and Airflow's API server agrees with the triggerer's."""

    async def play() -> End:
        kept = datetime.fromtimestamp(scene.clock.since_1970 + DEADLINE + TRIGGER_GRACE, UTC)
        return await scene.wait(clock=-ahead, poll_interval=100.0, timeout_after=kept if told else None)

    end = played(scene, play)
    allowed = 6.0 if ahead == 5.0 else 0.0
    assert end.outcome == "timeout"
    assert end.at == pytest.approx(DEADLINE, abs=allowed + MOMENT)
    assert scene.asked[0][0] == pytest.approx(100.0, abs=10.0 + allowed)
