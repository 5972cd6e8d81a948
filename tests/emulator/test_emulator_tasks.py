"""The wires that tell of tasks: new-api's generations, where channels differ, and v2."""

from __future__ import annotations

import base64
import json
import re

import pytest

from tests.emulator.wires import PORTRAIT, WIRES, create_task

DAY = 100_000
BASE64 = base64.b64encode(PORTRAIT).decode()
LINK = "https://example.com/a.png"
GO = "json: cannot unmarshal {} into Go struct field {} of type {}"


def task(client, video_id):
    return client.get(f"/v1/video/generations/{video_id}").json()


@pytest.mark.parametrize(
    ("fields", "status", "code", "says"),
    [
        ({"model": ...}, 400, "missing_model", "model field is required"),
        ({"model": " "}, 400, "missing_model", "model field is required"),
        ({"prompt": ...}, 400, "invalid_request", "prompt is required"),
        ({"prompt": " "}, 400, "invalid_request", "prompt is required"),
        ({"prompt": 5}, 400, "invalid_json", GO.format("number", "Alias.prompt", "string")),
        ({"seconds": 8}, 400, "invalid_json", GO.format("number", "Alias.seconds", "string")),
        ({"seconds": 8.5}, 400, "invalid_json", GO.format("number", "Alias.seconds", "string")),
        ({"seconds": "8s"}, 400, "invalid_seconds", "seconds must be a whole number between 1 and 3600"),
        ({"seconds": "0"}, 400, "invalid_seconds", "seconds must be a whole number between 1 and 3600"),
        ({"seconds": "3601"}, 400, "invalid_seconds", "seconds must be a whole number between 1 and 3600"),
        ({"duration": 5.5}, 400, "invalid_json", GO.format("number", "Alias.duration", "int")),
        ({"duration": True}, 400, "invalid_json", GO.format("bool", "Alias.duration", "int")),
        ({"duration": "five"}, 400, "invalid_json", GO.format("string", "Alias.duration", "int")),
        ({"size": 720}, 400, "invalid_json", GO.format("number", "Alias.size", "string")),
        ({"images": LINK}, 400, "invalid_json", GO.format("string", "Alias.images", "[]string")),
        ({"images": [5]}, 400, "invalid_json", GO.format("number", "Alias.images", "string")),
        ({"image": [LINK]}, 400, "invalid_json", GO.format("array", "Alias.image", "string")),
        ({"input_reference": {"image_url": LINK}}, 400, "invalid_json",
         GO.format("object", "Alias.input_reference", "string")),
        ({"metadata": []}, 400, "invalid_json", GO.format("array", "Alias.metadata", "map[string]interface {}")),
        ({"metadata": "{"}, 400, "invalid_json", "metadata is not valid JSON"),
        ({"model": "sora-2", "size": "1024x1792"}, 400, "invalid_size", "sora-2 size is invalid"),
        ({"model": "sora-2-pro", "size": "16x9"}, 400, "invalid_size", "sora-2 size is invalid"),
        ({"duration": 4}, 500, "build_request_failed", "kling-v3 视频时长只支持5到15秒"),
        ({"duration": 16}, 500, "build_request_failed", "kling-v3 视频时长只支持5到15秒"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("path", "like"), [("/v1/video/generations", None), ("/v1/videos", "new-api")])
def test_a_wrong_field_is_refused_in_new_apis_words_and_not_billed(start, path, like, fields, status, code, says):
    client = start(like=like)
    body = {"model": "kling-v3", "prompt": "a fox", **fields}
    response = client.post(path, json={name: value for name, value in body.items() if value is not ...})
    assert response.status_code == status
    assert response.json() == {"code": code, "message": says, "data": None}
    assert client.emulator.billed == ()


@pytest.mark.parametrize(
    ("data", "content_type", "status", "code"),
    [
        ("{", "application/json", 400, "invalid_json"),
        ("[]", "application/json", 400, "invalid_json"),
        ("x", "multipart/form-data; boundary=x", 500, "build_request_failed"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(client, emulator, data, content_type, status, code):
    response = client.post("/v1/video/generations", data=data, headers={"Content-Type": content_type})
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert emulator.billed == ()


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"duration": 10}, 10),
        ({"duration": "10"}, 10),
        ({"duration": ...}, 5),
        ({"duration": 10, "seconds": "8"}, 10),
        ({"model": "sora-2", "duration": 10, "seconds": "8"}, 8),
        ({"model": "sora-2", "duration": ...}, 4),
        ({"model": "doubao-seedance-1-0-pro", "duration": 10}, 5),
        ({"model": "doubao-seedance-1-0-pro", "seconds": "10"}, 10),
    ],
)
def test_each_channel_reads_its_own_length(client, emulator, fields, seconds):
    create_task(client, **fields)
    assert emulator.videos[0].duration == seconds


@pytest.mark.parametrize(
    ("model", "fields", "images"),
    [
        ("kling-v3", {"image": LINK}, (LINK,)),
        ("kling-v3", {"images": [LINK]}, ()),
        ("doubao-seedance-1-0-pro", {"images": [LINK]}, (LINK,)),
        ("veo3.1", {"images": [LINK]}, ()),
        ("veo3.1", {"image": BASE64}, (BASE64,)),
        ("veo3.1", {"image": f"data:image/png;base64,{BASE64}"}, (f"data:image/png;base64,{BASE64}",)),
        ("sora-2", {"input_reference": LINK}, (LINK,)),
    ],
)
def test_what_a_channel_passes_over_is_paid_all_the_same(client, emulator, model, fields, images):
    assert create_task(client, model=model, duration=8, **fields).status_code == 200
    assert emulator.videos[0].images == images
    assert len(emulator.billed) == 1


def test_a_form_is_read_as_its_json_would_be(client, emulator):
    def send(*parts, **fields):
        fields = {"model": "sora-2", "prompt": "a fox", "seconds": "8", **fields}
        return client.post("/v1/video/generations", files=[*((n, (None, v)) for n, v in fields.items()), *parts])

    assert send(("input_reference", ("a.png", PORTRAIT, "image/png"))).status_code == 200
    assert send(("images", (None, LINK)), ("images", (None, LINK)), metadata='{"ratio": "16:9"}').status_code == 200
    refused = send(images=LINK).json()
    assert refused["message"] == GO.format("string", "Alias.images", "[]string")
    assert [entry.request["seconds"] for entry in emulator.billed] == ["8", "8"]
    assert emulator.videos[1].orientation == "landscape"


def test_a_create_answers_with_openais_object_and_its_multipliers(client, emulator):
    sora = create_task(client, model="sora-2-pro", seconds="8", size="1792x1024", duration=...)
    assert re.fullmatch(r"task_[A-Za-z0-9]{32}", sora.json()["task_id"])
    assert {**sora.json(), "created_at": 0} == {
        "id": sora.json()["task_id"],
        "task_id": sora.json()["task_id"],
        "object": "video",
        "model": "sora-2-pro",
        "status": "queued",
        "progress": 0,
        "created_at": 0,
        "seconds": "8",
        "size": "1792x1024",
    }
    assert json.loads(sora.headers["X-New-Api-Other-Ratios"]) == {"seconds": 8, "size": 1.666667}
    kling = create_task(client)
    assert "X-New-Api-Other-Ratios" not in kling.headers
    assert [entry.price for entry in emulator.billed] == [1.333334, 0.1]
    assert task(client, sora.json()["id"])["data"]["quota"] == 666_667


def test_a_query_answers_with_a_task_in_an_envelope(start):
    client = start(render_seconds=DAY)
    video_id = create_task(client).json()["id"]
    client.emulator.advance(DAY * 0.5)
    body = task(client, video_id)
    assert (body["code"], body["message"]) == ("success", "")
    assert (body["data"]["status"], body["data"]["progress"], body["data"]["result_url"]) == ("IN_PROGRESS", "50%", "")
    assert body["data"]["id"] != body["data"]["task_id"] == video_id

    client.emulator.fail(video_id, "x", "任务超时（1440分钟）")
    data = task(client, video_id)["data"]
    assert (data["status"], data["progress"]) == ("FAILURE", "100%")
    assert data["result_url"] == data["fail_reason"] == "任务超时（1440分钟）"


def test_the_doubao_channel_links_to_the_gateways_own_route_which_wants_the_key(client):
    video_id = create_task(client, model="doubao-seedance-1-0-pro").json()["id"]
    link = task(client, video_id)["data"]["result_url"]
    assert link == f"{client.emulator.url}/v1/videos/{video_id}/content"
    assert client.get(link).content[4:8] == b"ftyp"
    assert client.get(link, headers={"Authorization": None}).status_code == 401


def test_the_gemini_channel_answers_in_its_own_words_and_hides_the_reason_in_the_url(start):
    client = start(render_seconds=DAY)
    video_id = create_task(client, model="veo3.1", duration=8).json()["id"]
    known = {"error": None, "format": "mp4", "metadata": None, "task_id": video_id}
    seen = []
    for share in (0, 0.5, 0.5):
        client.emulator.advance(DAY * share)
        data = task(client, video_id)["data"]
        seen.append(data["status"])
        assert {**data, **known} == data
    assert seen == ["queued", "processing", "succeeded"]
    assert client.get(data["url"]).content[4:8] == b"ftyp"

    client.emulator.fail(video_id, "x", "The prompt could not be submitted.")
    data = task(client, video_id)["data"]
    assert (data["status"], data["url"], data["error"]) == ("failed", "The prompt could not be submitted.", None)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"prompt": ...}, "prompt is required"),
        ({"prompt": ["a"]}, GO.format("array", ".prompt", "string")),
        ({"model": ...}, "model is required"),
        ({"images": LINK}, GO.format("string", ".images", "[]string")),
        ({"images": [1]}, GO.format("number", ".images", "string")),
        ({"hd": "yes"}, GO.format("string", ".hd", "bool")),
        ({"duration": 10.0}, GO.format("number", ".duration", "int")),
        ({"duration": "ten"}, GO.format("string", ".duration", "int")),
        ({"duration": 11}, "sora-2 duration is invalid: 11 is none of 10, 15"),
        ({"aspect_ratio": "wide"}, "aspect_ratio must be one of 16:9, 9:16"),
    ],
)
def test_a_wrong_field_of_v2_is_refused_and_not_billed(client, emulator, fields, says):
    response = WIRES["v2"].create(client, **fields)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert says in response.json()["message"]
    assert emulator.billed == ()


@pytest.mark.parametrize(
    ("fields", "duration", "size"),
    [
        ({"duration": "15"}, 15, "9:16"),
        ({"duration": ...}, 10, "9:16"),
        ({"aspect_ratio": ..., "ratio": "16:9"}, 10, "16:9"),
        ({"model": "veo3.1", "duration": ..., "enhance_prompt": True}, 8, "9:16"),
        ({"model": "veo3.1", "duration": 5}, 8, "9:16"),
        ({"images": [LINK, BASE64], "videos": [], "hd": True, "notify_hook": LINK, "anything": 1}, 10, "9:16"),
    ],
)
def test_v2_takes_what_its_clients_send(client, emulator, fields, duration, size):
    assert set(WIRES["v2"].create(client, **fields).json()) == {"task_id"}
    video = emulator.videos[0]
    assert (video.duration, video.size, video.images) == (duration, size, tuple(fields.get("images", ())))


@pytest.mark.parametrize(
    ("fields", "pixels"),
    [
        ({}, "720x1280"),
        ({"aspect_ratio": "16:9"}, "1280x720"),
        ({"aspect_ratio": "16:9", "hd": True}, "1792x1024"),
        ({"hd": True}, "1024x1792"),
        ({"aspect_ratio": "1:1"}, "720x720"),
    ],
)
def test_v2_says_pixels_as_a_ratio(client, fields, pixels):
    video_id = WIRES["v2"].created(client, **fields)
    assert client.get(f"/v1/videos/{video_id}").json()["size"] == pixels


def test_an_image_in_base64_is_drawn_into_the_film(start):
    pytest.importorskip("av")
    client = start(canned=False)
    films = [
        client.get(f"/v1/videos/{WIRES['v2'].created(client, images=images)}/content").content
        for images in ([BASE64], [f"data:image/png;base64,{BASE64}"], ["no image"])
    ]
    assert films[0] == films[1] != films[2]


def test_a_v2_query_answers_with_a_task_without_envelope(client):
    body = WIRES["v2"].query(client, WIRES["v2"].created(client)).json()
    assert (body["status"], body["progress"], body["fail_reason"]) == ("SUCCESS", "100%", "")
    assert client.get(body["data"]["output"]).content[4:8] == b"ftyp"
