"""A batch of videos on two Celery workers outlives a worker, the triggerer and a restart of Redis: every video is delivered
into the bucket, and paid for once."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.fleet.batch_run import FleetRun
from tests.fleet.fleet import FILE_BYTES, VIDEOS

PROMPTS = [f"video {number}" for number in range(VIDEOS)]


def test_every_task_succeeds(fleet_run: FleetRun) -> None:
    assert Counter(fleet_run.states.values()) == {"success": VIDEOS}, fleet_run.log[-5000:]


def test_every_video_is_billed_once(fleet_run: FleetRun) -> None:
    assert Counter(one.request["prompt"] for one in fleet_run.billed) == Counter(PROMPTS)


def test_every_video_is_in_the_bucket_whole_and_under_its_own_id(fleet_run: FleetRun) -> None:
    assert fleet_run.files.keys() == {f"{one.id}.mp4" for one in fleet_run.billed}
    assert fleet_run.served.keys() == {one.id for one in fleet_run.billed}
    for name, content in fleet_run.files.items():
        assert content[4:8] == b"ftyp", name
        assert len(content) == FILE_BYTES, name
        assert content == fleet_run.served[name.removesuffix(".mp4")], name


def test_every_task_tells_its_own_video(fleet_run: FleetRun) -> None:
    ids = {one.request["prompt"]: one.id for one in fleet_run.billed}
    for number, prompt in enumerate(PROMPTS):
        video = fleet_run.xcoms["create", "video", number]
        assert video["id"] == fleet_run.xcoms["create", "return_value", number] == ids[prompt]
        assert video["status"] == "completed"
        assert video["stored_uri"].endswith(f"/{video['id']}.mp4")


def test_a_video_whose_worker_was_killed_is_taken_up_by_the_next_try(fleet_run: FleetRun) -> None:
    assert fleet_run.orphans, "the worker was killed while a task of its had paid"
    for index, log in fleet_run.orphans.items():
        assert fleet_run.tries[index] >= 2
        assert log.count("Submitting a video") == 1, log
        assert "of an earlier try is taken up again; nothing is submitted" in log


def test_the_triggerer_and_redis_were_struck_too(fleet_run: FleetRun) -> None:
    struck = [kill.what.split(",")[0].split()[-1] for kill in fleet_run.figures.kills]
    assert struck == ["processes", "triggerer", "Redis"]
    assert "DB loaded from disk" in fleet_run.redis_log, "Redis had messages to keep"


@pytest.fixture(scope="module", autouse=True)
def figures(fleet_run: FleetRun, request: pytest.FixtureRequest) -> None:
    """Print the figures of the run, for docs/scaling.md."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\n\n{fleet_run.figures.tables()}")
