from __future__ import annotations

import re
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from sora2_provider.emulator.answers import json_answer
from sora2_provider.emulator.dialects.base import Route
from sora2_provider.emulator.dialects.unified import UnifiedDialect
from sora2_provider.emulator.presets import base
from sora2_provider.emulator.settings import DIALECTS, SHAPES

DAY = 100_000
"""A rendering so long that the test's own running time does not change a percent."""


def test_a_video_is_queued_then_in_progress_with_a_percent_then_completed(start):
    client = start(render_seconds=DAY)
    video_id = client.created()

    seen = []
    for percent in (0, 9, 2, 40, 48, 1):
        client.emulator.advance(DAY * percent / 100)
        body = client.query(video_id)
        seen.append((body["status"], body["progress"], body["video_url"] is not None))

    assert seen == [
        ("queued", 0, False),
        ("queued", 0, False),
        ("in_progress", 11, False),
        ("in_progress", 51, False),
        ("in_progress", 99, False),
        ("completed", 100, True),
    ]


def test_both_query_addresses_answer_the_same(client):
    video_id = client.created()
    assert client.get(f"/v1/videos/{video_id}").json() == client.query(video_id)


@pytest.mark.parametrize(
    "path", ["/v1/video/query?id=nope", "/v1/video/query", "/v1/videos/nope", "/v1/videos/nope/content"]
)
def test_an_unknown_video_does_not_exist(start, path):
    response = start(like="guide").get(path)
    assert response.status_code == 400
    assert response.json() == {"code": "task_not_exist", "message": "task_not_exist", "data": None}


def test_a_rendering_can_be_finished_failed_and_ended_with_any_word(start):
    client = start(render_seconds=DAY)
    emulator = client.emulator
    done, failed, cancelled, odd, stuck = (client.created() for _ in range(5))
    emulator.advance(DAY / 2)

    emulator.finish(done)
    emulator.fail(failed, "content_policy_violation", "内容审核未通过")
    emulator.end(cancelled, "cancelled")
    emulator.end(odd, "video_dreaming")
    emulator.end(stuck, "stuck")
    emulator.advance(10 * DAY)

    assert client.query(done)["status"] == "completed"
    body = client.query(failed)
    assert (body["status"], body["progress"], body["video_url"]) == ("failed", 50, None)
    assert body["error"] == {"code": "content_policy_violation", "message": "内容审核未通过"}
    assert client.query(cancelled)["status"] == "cancelled"
    assert client.query(odd)["status"] == "video_dreaming"
    assert (client.query(stuck)["status"], client.query(stuck)["progress"]) == ("in_progress", 99)
    assert emulator.video(failed).error_message == "内容审核未通过"


def test_content_is_refused_until_the_video_is_completed(start):
    client = start(render_seconds=DAY)
    video_id = client.created()
    for share, word in [(0, "SUBMITTED"), (0.5, "IN_PROGRESS")]:
        client.emulator.advance(DAY * share)
        response = client.get(f"/v1/videos/{video_id}/content")
        assert response.status_code == 400
        assert response.json()["error"]["message"] == f"Task is not completed yet, current status: {word}"
    client.emulator.advance(DAY / 2)
    assert client.get(f"/v1/videos/{video_id}/content").headers["Content-Type"] == "video/mp4"


def test_time_never_goes_back(emulator):
    for seconds in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="only moves forward"):
            emulator.advance(seconds)


def test_the_guide_shape_answers_a_create_with_the_guides_envelope(start):
    client = start(render_seconds=DAY)
    body = client.create().json()

    assert set(body) == {"id", "object", "created", "choices", "usage"}
    assert body["object"] == "video.create"
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "视频生成中，可通过ID查询进度"}
    assert body["choices"][0]["finish_reason"] == "processing"


def test_the_unified_shape_has_colons_in_ids_and_milliseconds(start):
    client = start(shape="unified", render_seconds=DAY)
    body = client.create(images=["http://127.0.0.1:9/a.png"]).json()
    assert re.fullmatch(r"sora-2:task_01k[0-9a-z]{23}", body["id"])
    assert (body["status"], body["video_url"]) == ("pending", None)
    assert body["status_update_time"] > 1e12

    client.emulator.advance(DAY * 0.3)
    pending = client.query(body["id"])
    assert (pending["status"], pending["detail"]["pending_info"]["progress_pct"]) == ("processing", 0.3)
    client.emulator.advance(DAY * 0.7)
    done = client.query(body["id"])
    assert done["status"] == done["detail"]["status"] == "completed"
    assert done["video_url"] == done["detail"]["url"]
    assert done["detail"]["input"]["images"] == ["http://127.0.0.1:9/a.png"]
    assert done["status_update_time"] == body["status_update_time"] + DAY * 1000
    assert client.get(done["video_url"]).status_code == 200


def test_the_unified_shape_says_why_a_rendering_failed(start):
    client = start(shape="unified")
    video_id = client.created()
    client.emulator.fail(video_id, "output_blocked", "blocked")
    body = client.query(video_id)
    assert (body["status"], body["video_url"]) == ("failed", None)
    assert body["detail"]["pending_info"]["failure_reason"] == "blocked"


def test_the_openai_shape_gives_no_link_and_serves_the_content(start):
    client = start(shape="openai", render_seconds=DAY)
    created = client.create(size="large", duration=15).json()
    assert (created["object"], created["status"], created["progress"]) == ("video", "queued", 0)
    assert (created["seconds"], created["size"]) == ("15", "1024x1792")

    client.emulator.advance(DAY)
    body = client.get(f"/v1/videos/{created['id']}").json()
    assert body["status"] == "completed"
    assert body["completed_at"] == body["created_at"] + DAY
    assert not any("url" in name for name in body)
    assert client.get(f"/v1/videos/{created['id']}/content").content[4:8] == b"ftyp"


def test_the_taskdto_shape_wraps_everything_in_code_success(start):
    client = start(shape="taskdto", render_seconds=DAY)
    created = client.create().json()
    task_id = created["data"]["task_id"]
    assert created["code"] == "success"
    assert task_id == client.emulator.billed[0].id != created["data"]["id"]

    seen = []
    for share in (0, 0.5, 0.5):
        client.emulator.advance(DAY * share)
        data = client.query(task_id)["data"]
        seen.append((data["status"], data["progress"]))
    assert seen == [("SUBMITTED", "0%"), ("IN_PROGRESS", "50%"), ("SUCCESS", "100%")]
    assert data["data"]["video_url"] == data["fail_reason"]
    assert client.get(data["fail_reason"]).status_code == 200

    client.emulator.fail(task_id, "x", "moderation")
    data = client.query(task_id)["data"]
    assert (data["status"], data["fail_reason"], data["data"]) == ("FAILURE", "moderation", None)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_can_tell_every_state(start, shape):
    client = start(shape=shape, render_seconds=DAY)
    for status in ("queued", "completed", "failed", "cancelled", "stuck", "odd"):
        video_id = client.created()
        if status != "queued":
            client.emulator.end(video_id, status)
        assert client.query(video_id)


def test_the_shape_has_the_name_of_0_1_0_too(start):
    with pytest.deprecated_call(match="dialect is now named shape"):
        client = start(dialect="unified")
    assert client.emulator.settings().shape == "unified"
    with pytest.deprecated_call():
        client.emulator.settings(dialect="openai")
    assert client.create().json()["object"] == "video"


def test_the_shape_can_change_while_videos_are_rendered(client, emulator):
    video_id = client.created()
    emulator.settings(shape="unified")
    assert client.query(video_id)["id"] == video_id
    assert "detail" in client.query(video_id)


def test_a_fifth_dialect_is_one_class_in_a_file_of_its_name(start, monkeypatch):
    class Mine(UnifiedDialect):
        name = "mine"
        endpoint_type = "mine"
        routes = (
            Route("create", "POST", "/mine"),
            Route("query", "GET", "/mine/(?P<item>[^/]+)"),
        )

        def read_create(self, body):
            data = super().read_create(body)
            return replace(data, prompt=data.prompt.upper())

        def no_such_video(self, video_id):
            return json_answer(404, {"detail": video_id})

    monkeypatch.setitem(sys.modules, "sora2_provider.emulator.dialects.mine", SimpleNamespace(DIALECT=Mine))
    monkeypatch.setattr(base, "DIALECTS", (*DIALECTS, "mine"))
    client = start(shape="unified")

    created = client.post("/mine", json=client.body(prompt="a fox")).json()
    queried = client.get(f"/mine/{created['id']}").json()
    assert (queried["status"], queried["enhanced_prompt"]) == ("completed", "A FOX")
    assert client.emulator.billed[0].wire == "mine"
    assert client.get("/mine/none").json() == {"detail": "none"}
    assert client.query(created["id"])["enhanced_prompt"] == "A FOX", "the other wires are there, too"
    assert client.get("/api/pricing").json()["supported_endpoint"]["mine"] == {"path": "/mine", "method": "POST"}
