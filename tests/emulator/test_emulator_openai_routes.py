"""The routes of the openai wire after the create, half of which no other wire has."""

from __future__ import annotations

import pytest
import requests

from sora2_provider.emulator.media.files import PICTURES
from tests.emulator.wires import create_openai

DAY = 100_000


@pytest.fixture(params=["relay", "strict"])
def client(request, start):
    return start(strict=request.param == "strict")


@pytest.fixture
def strict(start):
    return start(strict=True)


def test_a_video_tells_when_to_ask_again_until_it_has_ended(start):
    client = start(render_seconds=20)
    created = create_openai(client)
    queried = client.get(f"/v1/videos/{created.json()['id']}")
    assert created.headers["openai-poll-after-ms"] == queried.headers["openai-poll-after-ms"] == "2000"
    client.emulator.advance(20)
    assert "openai-poll-after-ms" not in client.get(f"/v1/videos/{created.json()['id']}").headers


def test_the_content_has_ranges_and_pictures(client):
    path = f"/v1/videos/{create_openai(client).json()['id']}/content"
    film = client.get(path).content
    part = client.get(path, headers={"Range": "bytes=4-11"}, params={"variant": "video"})
    assert (part.status_code, part.content) == (206, film[4:12])
    for name, (media_type, file) in PICTURES.items():
        response = client.get(path, params={"variant": name})
        assert (response.headers["Content-Type"], response.content) == (media_type, file.read_bytes())
    refused = client.get(path, params={"variant": "gif"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "variant")


def test_the_content_of_a_video_that_renders_is_not_there(start):
    client = start(render_seconds=DAY)
    response = client.get(f"/v1/videos/{create_openai(client).json()['id']}/content")
    assert response.status_code == 404
    assert response.json()["error"]["message"].startswith("Video is not ready yet")


def test_a_list_has_pages_in_both_orders(client):
    ids = [create_openai(client).json()["id"] for _ in range(5)]

    def page(**query):
        body = client.get("/v1/videos", params=query).json()
        assert body["object"] == "list"
        rows = [row["id"] for row in body["data"]]
        assert (body["first_id"], body["last_id"]) == ((rows[0], rows[-1]) if rows else (None, None))
        return rows, body["has_more"]

    assert page() == (ids[::-1], False)
    assert page(order="asc", limit=2) == (ids[:2], True)
    assert page(order="asc", limit=2, after=ids[1]) == (ids[2:4], True)
    assert page(order="asc", limit=2, after=ids[3]) == (ids[4:], False)
    assert page(limit=4, after=ids[4]) == (ids[3::-1], False)
    assert page(after=ids[0]) == ([], False)
    assert page(limit=0) == ([], True)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"limit": "x"}, 400, "invalid_type"),
        ({"limit": "-1"}, 400, "integer_below_minimum_value"),
        ({"limit": "101"}, 400, "integer_above_maximum_value"),
        ({"order": "up"}, 400, "invalid_value"),
        ({"after": "video_none"}, 404, "video_not_found"),
    ],
)
def test_a_wrong_list_is_refused(client, query, status, code):
    response = client.get("/v1/videos", params=query)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_a_deleted_video_is_gone_and_stays_billed(client, emulator):
    kept, video_id = create_openai(client).json()["id"], create_openai(client).json()["id"]
    answer = client.delete(f"/v1/videos/{video_id}")
    assert answer.json() == {"id": video_id, "object": "video.deleted", "deleted": True}

    for response in (client.get(f"/v1/videos/{video_id}"), client.get(f"/v1/videos/{video_id}/content")):
        assert (response.status_code, response.json()["error"]["code"]) == (404, "video_not_found")
    assert client.delete(f"/v1/videos/{video_id}").status_code == 404
    assert [row["id"] for row in client.get("/v1/videos").json()["data"]] == [kept]
    assert len(emulator.billed) == 2
    assert emulator.video(video_id).deleted
    assert [request.route for request in emulator.requests if request.method == "DELETE"] == ["delete"] * 2


def test_a_deleted_videos_link_is_dead(client):
    video_id = client.created()
    link = client.query(video_id)["video_url"]
    assert client.get(link).status_code == 200
    assert client.delete(f"/v1/videos/{video_id}").status_code == 200
    assert client.get(link).status_code == 404


def test_only_what_has_ended_can_be_deleted(start):
    client = start(render_seconds=DAY)
    video_id = create_openai(client).json()["id"]
    assert client.delete(f"/v1/videos/{video_id}").status_code == 400
    client.emulator.fail(video_id)
    assert client.delete(f"/v1/videos/{video_id}").status_code == 200


def test_a_remix_is_a_create_of_another_video(client, emulator):
    source = create_openai(client, seconds="8", size="1280x720").json()["id"]
    remix = client.post(f"/v1/videos/{source}/remix", json={"prompt": "at night"}).json()
    assert (remix["status"], remix["remixed_from_video_id"], remix["prompt"]) == ("queued", source, "at night")
    assert (remix["seconds"], remix["size"]) == ("8", "1280x720")
    assert [entry.id for entry in emulator.billed] == [source, remix["id"]]
    assert emulator.video(remix["id"]).remixed_from == source

    emulator.fault(route="create", status=500)
    assert client.post(f"/v1/videos/{source}/remix", json={"prompt": "by day"}).status_code == 500
    assert len(emulator.billed) == 2


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/videos/none/remix", {"prompt": "x"}, 404, "video_not_found"),
        ("/v1/videos/{id}/remix", {}, 400, "missing_required_parameter"),
        ("/v1/videos/{id}/remix", {"prompt": "x", "seconds": "8"}, 400, "unknown_parameter"),
    ],
)
def test_a_wrong_remix_is_refused_and_not_billed(strict, path, body, status, code):
    source = create_openai(strict).json()["id"]
    response = strict.post(path.format(id=source), json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert [entry.answer_lost for entry in strict.emulator.billed] == [False]


@pytest.mark.parametrize("key", ["Bearer sk-x", "Bearer nothing"])
def test_a_fault_at_a_refused_remix_says_nothing_of_the_source(client, emulator, key):
    source = create_openai(client).json()["id"]
    emulator.fault(route="create", truncate=5)
    with pytest.raises(requests.RequestException):
        client.post(f"/v1/videos/{source}/remix", json={}, headers={"Authorization": key})
    assert [entry.answer_lost for entry in emulator.billed] == [False]


def test_a_remix_needs_a_completed_video(start):
    client = start(render_seconds=DAY)
    path = f"/v1/videos/{create_openai(client).json()['id']}/remix"
    assert client.post(path, json={"prompt": "x"}).status_code == 400
