"""An outage teaches the schedule nothing: renderings do not take longer because nobody could ask."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from tests.unit.loop_time import LoopTime
from tests.unit.waiting_scene import Scene, played

OUTAGE_BEGINS, OUTAGE_ENDS = 60.0, 560.0
#: Of a small video of 10 s: a third of the two minutes that it is expected to take, spread by a tenth.
FIRST_QUESTION = pytest.approx(40.0, abs=4.0)


@pytest.mark.parametrize("answers", [True, False], ids=["questions fail", "questions hang"])
def test_after_an_outage_new_videos_are_asked_for_as_before(monkeypatch, answers):
    scene = Scene(LoopTime(), monkeypatch)

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.query["id"] == "stays" or scene.now < OUTAGE_BEGINS:
            return await scene.unfinished(request)
        if scene.now > OUTAGE_ENDS:
            return await scene.completed(request)
        return web.Response(status=502) if answers else await scene.silence(request)

    async def play() -> float:
        scene.answer = answer
        scene.connect(extra={"read_timeout": 120})
        facts = {"model": "sora-2", "size": "small", "duration": 10, "poll_interval": None}
        facts["deadline"] = scene.clock.since_1970 + 3000
        # What is learned is forgotten with the last wait of a connection.
        staying = asyncio.ensure_future(scene.wait("stays", **facts))
        ends = await asyncio.gather(*(scene.wait(f"video_{number}", **facts) for number in range(3)))
        assert {end.outcome for end in ends} == {"completed"}
        created = scene.now
        await scene.wait("new", **facts)
        staying.cancel()
        await asyncio.wait({staying})
        return next(at for at, video_id in scene.asked if video_id == "new") - created

    assert played(scene, play) == FIRST_QUESTION
