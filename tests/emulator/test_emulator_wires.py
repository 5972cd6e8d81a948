"""What holds on every wire: lives, bills, faults and the history."""

from __future__ import annotations

import pytest
import requests

from sora2_provider.emulator.settings import DIALECTS
from tests.emulator.wires import WIRES

DAY = 100_000
WORDS = {
    "unified": ["queued", "in_progress", "completed"],
    "openai": ["queued", "in_progress", "completed"],
    "generations": ["SUBMITTED", "IN_PROGRESS", "SUCCESS"],
    "v2": ["SUBMITTED", "IN_PROGRESS", "SUCCESS"],
}


@pytest.fixture(params=DIALECTS)
def wire(request):
    return WIRES[request.param]


@pytest.mark.parametrize("name", DIALECTS)
def test_a_video_is_made_told_and_downloaded_on_its_wire(start, name):
    client, wire = start(render_seconds=DAY), WIRES[name]
    video_id = wire.created(client)
    words = []
    for share in (0, 0.5, 0.5):
        client.emulator.advance(DAY * share)
        body = wire.query(client, video_id).json()
        words.append(wire.state_of(body)[0])

    assert words == WORDS[name]
    assert client.get(wire.link_of(body, video_id)).content[4:8] == b"ftyp"
    [billed] = client.emulator.billed
    assert (billed.id, billed.wire, billed.request, billed.price) == (video_id, name, wire.body, 0.10)
    assert [request.route for request in client.emulator.requests][:2] == ["create", "query"]
    assert client.emulator.requests[1].video_id == video_id


@pytest.mark.parametrize("asked", DIALECTS)
def test_a_video_can_be_asked_for_on_each_wire(client, wire, asked):
    video_id = wire.created(client)
    body = WIRES[asked].query(client, video_id).json()

    word = WIRES[asked].state_of(body)[0]
    assert word in ("completed", "SUCCESS")
    assert client.get(WIRES[asked].link_of(body, video_id)).content[4:8] == b"ftyp"


def test_a_failed_rendering_says_why(start, wire):
    client = start()
    client.emulator.fault(route="create", rendering="failed", error_code="output_blocked", error_message="blocked")
    body = wire.query(client, wire.created(client)).json()

    word, message = wire.state_of(body)
    assert word in ("failed", "FAILURE")
    assert message == "blocked"


@pytest.mark.parametrize("status", ["cancelled", "stuck", "odd"])
def test_any_other_state_can_be_told(client, wire, status):
    video_id = wire.created(client)
    client.emulator.end(video_id, status)
    assert wire.query(client, video_id).status_code == 200


def test_faults_are_met_and_lost_answers_are_billed(client, emulator, wire):
    emulator.fault(route="create", status=503, prompt_contains="one")
    emulator.fault(route="create", reset="after", prompt_contains="two")
    emulator.fault(route="create", reset="before", prompt_contains="three")
    assert wire.create(client, prompt="one").status_code == 503
    for prompt in ("two", "three"):
        with pytest.raises(requests.ConnectionError):
            wire.create(client, prompt=prompt)
    video_id = wire.created(client, prompt="four")
    emulator.fault(route="query", status=502, html=True, video_id=video_id)

    assert wire.query(client, video_id).status_code == 502
    assert wire.query(client, video_id).status_code == 200
    assert [(entry.request["prompt"], entry.answer_lost) for entry in emulator.billed] == [
        ("two", True),
        ("four", False),
    ]


@pytest.mark.parametrize("name", DIALECTS)
def test_a_create_beyond_the_balance_is_refused_in_the_words_of_the_wire(start, name):
    client = start(balance=0.05)
    response = WIRES[name].create(client)
    expected = (400, "billing_hard_limit_reached") if name == "openai" else (403, "insufficient_user_quota")
    assert (response.status_code, response.json()["error"]["code"]) == expected
    assert client.emulator.billed == ()


def test_without_a_key_nothing_is_made_and_nothing_told(client, emulator, wire):
    video_id = wire.created(client)
    client.session.headers.pop("Authorization")
    assert wire.create(client).status_code == 401
    assert wire.query(client, video_id).status_code == 401
    assert len(emulator.billed) == 1


@pytest.mark.parametrize("name", DIALECTS)
def test_an_id_that_is_not_known_is_refused_in_the_words_of_the_wire(client, name):
    response = WIRES[name].query(client, "nope")
    if name == "openai":
        assert (response.status_code, response.json()["error"]["code"]) == (404, "video_not_found")
    else:
        assert (response.status_code, response.json()["code"]) == (400, "task_not_exist")


def test_an_unknown_model_has_no_channel(client, emulator, wire):
    response = wire.create(client, model="sora-9")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "model_not_found")
    assert emulator.billed == ()


def test_prices_and_creates_of_each_wire_are_told_without_a_key(client, emulator):
    client.session.headers.pop("Authorization")
    pricing = client.get("/api/pricing").json()
    assert pricing["supported_endpoint"] == {
        "openai-video": {"path": "/v1/videos", "method": "POST"},
        "视频统一格式": {"path": "/v1/video/create", "method": "POST"},
    }
    rows = {row["model_name"]: row for row in pricing["data"]}
    assert (rows["sora-2"]["quota_type"], rows["sora-2"]["model_price"]) == (1, 0.1)
    assert rows["sora-2"]["supported_endpoint_types"] == ["openai-video", "视频统一格式"]
    assert client.get("/api/status").json()["data"]["quota_per_unit"] == 500_000
    assert [request.route for request in emulator.requests] == ["pricing", "status"]


def test_every_answer_has_the_headers_of_new_api(client, wire):
    for response in (wire.create(client), wire.query(client, "nope"), client.get("/v1/models")):
        assert response.headers["X-New-Api-Version"].startswith("v")
        assert response.headers["X-Oneapi-Request-Id"].isdigit()
