from __future__ import annotations

from io import BytesIO

import pytest
import requests


def test_billed_lists_every_accepted_create_in_order_with_its_body(client, emulator):
    first = client.created(prompt="one", watermark=False, storyboard={"shots": [1, 2]})
    emulator.fault(route="create", reset="after")
    with pytest.raises(requests.ConnectionError):
        client.create(prompt="two")
    client.create(prompt="")

    billed = client.control("GET", "billed").json()["billed"]
    assert [entry["number"] for entry in billed] == [1, 2]
    assert billed[0]["id"] == first
    assert billed[0]["request"] == client.body(prompt="one", watermark=False, storyboard={"shots": [1, 2]})
    assert [entry["answer_lost"] for entry in billed] == [False, True]


def test_requests_lists_what_came_and_what_was_answered(client):
    client.control("POST", "faults", json={"route": "models", "status": 503})
    client.get("/v1/models?x=1")
    requests.get(client.emulator.url + "/v1/models", timeout=60)

    first, second = client.control("GET", "requests").json()["requests"]
    wanted = {"path": "/v1/models", "query": {"x": "1"}, "status": 503, "scheme": "bearer"}
    assert {name: first[name] for name in wanted} == wanted
    assert first["fault"] == {"route": "models", "times": 1, "status": 503}
    assert (second["status"], second["scheme"], second["key_fingerprint"]) == (401, None, None)
    assert "authorization" not in first["headers"]


def test_faults_can_be_added_listed_and_cleared(client):
    added = client.control("POST", "faults", json=[{"status": 500}, {"route": "file", "cut_after": 5, "times": None}])
    assert added.json() == {"added": [1, 2]}
    client.get("/v1/models")

    listed = client.control("GET", "faults").json()["faults"]
    assert [(entry["number"], entry["used"], entry["spent"]) for entry in listed] == [(1, 1, True), (2, 0, False)]
    assert client.control("DELETE", "faults").json() == {"faults": []}
    assert client.control("GET", "faults").json() == {"faults": []}


def test_a_wrong_fault_in_a_list_adds_none_of_it(client):
    assert client.control("POST", "faults", json=[{"status": 500}, {"status": 5}]).status_code == 400
    assert client.control("GET", "faults").json() == {"faults": []}


def test_the_control_api_moves_time_and_ends_renderings(start):
    client = start(render_seconds=100_000)
    failed, done = client.created(), client.created()

    failure = {"status": "failed", "error_code": "sentinel_block", "error_message": "Hmmm"}
    shown = client.control("POST", f"videos/{failed}", json=failure).json()
    assert (shown["status"], shown["error_message"]) == ("failed", "Hmmm")
    client.control("POST", "advance", json={"seconds": 100_000})
    assert client.query(done)["status"] == "completed"
    assert client.query(failed)["status"] == "failed"
    assert [video["id"] for video in client.control("GET", "videos").json()["videos"]] == [failed, done]
    assert client.control("GET", f"videos/{done}").json()["progress"] == 100


def test_the_control_api_troubles_and_mends_links(client):
    video_id = client.created()
    good = client.query(video_id)["video_url"]
    seen = []
    for trouble in ("expired", "dead", "ok", "missing"):
        client.control("POST", f"videos/{video_id}", json={"link": trouble})
        link = client.query(video_id)["video_url"]
        seen.append(link and client.get(link).status_code)
    assert seen == [200, 404, 200, None]
    assert client.get(good).status_code == 403


def test_settings_change_while_it_runs_and_reset_brings_the_first_ones_back(client, emulator):
    changed = client.control("POST", "settings", json={"shape": "openai", "like": "guide", "balance": None})
    assert (changed.json()["shape"], changed.json()["like"]) == ("openai", "guide")
    client.created()
    emulator.fault(status=500)

    client.control("POST", "reset")
    settings = client.control("GET", "settings").json()
    assert (settings["shape"], settings["like"], settings["balance"]) == ("guide", None, 100.0)
    assert (emulator.billed, emulator.requests, emulator.videos) == ((), (), ())
    assert client.get("/v1/models").status_code == 200
    assert client.get("/v1/dashboard/billing/usage").json()["total_usage"] == 0


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("faults", {"status": 500, "colour": "red"}, "unknown field 'colour'; allowed: route, video_id"),
        ("faults", "x", "give a JSON object with any of: route"),
        ("advance", {}, "seconds is required"),
        ("advance", {"seconds": "5"}, "seconds must be a number"),
        ("advance", {"seconds": -1}, "only moves forward"),
        ("advance", {"minutes": 1}, "unknown field 'minutes'; allowed: seconds"),
        ("settings", {"shape": "klingon"}, "shape must be one of guide, openai, taskdto, unified, not 'klingon'"),
        (
            "settings",
            {"like": "one-hub"},
            "like must be one of guide, litellm, new-api, openai, or null, not 'one-hub'",
        ),
        ("settings", {"dialect": "openai", "shape": "openai"}, "dialect is the earlier name of shape"),
        ("settings", {"strict": "yes"}, "strict must be true or false"),
        ("settings", {"speed": 1}, "unknown setting 'speed'; allowed: like, shape, strict, render_seconds"),
        ("settings", {"render_seconds": -1}, "render_seconds must be a number, 0 or more"),
        ("settings", {"fault_rate": 2}, "fault_rate must be a number, 0 to 1"),
        ("settings", {"file_bytes": 1.5}, "file_bytes must be a whole number"),
        ("settings", {"canned": "yes"}, "canned must be true or false"),
        ("settings", {"balance": True}, "balance must be a number"),
        ("settings", {"link_host": ""}, "link_host must be a host name"),
        ("settings", [], "settings must be a JSON object"),
        ("videos/{id}", {}, "say status"),
        ("videos/{id}", {"status": ""}, "say status"),
        ("videos/{id}", {"status": None}, "status must be a text, not None"),
        ("videos/{id}", {"outcome": "failed"}, "unknown field 'outcome'; allowed: status"),
        ("videos/{id}", {"status": "completed", "error_code": "x"}, "need status failed"),
        ("videos/{id}", {"link": "gone"}, "link must be one of ok, expired"),
    ],
)
def test_bad_control_input_is_refused_with_what_is_allowed(client, path, body, says):
    response = client.control("POST", path.format(id=client.created()), json=body)
    assert response.status_code == 400
    assert says in response.json()["error"]


def test_an_unknown_video_or_control_route_is_404(client):
    assert client.control("POST", "videos/nope", json={"status": "completed"}).status_code == 404
    response = client.control("GET", "bills")
    assert response.status_code == 404
    assert "GET /_emulator/billed" in response.json()["error"]
    assert "POST /_emulator/faults" in client.control("GET", "").json()["routes"]


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://127.0.0.1:8900"}])
def test_a_web_page_cannot_reach_the_control_api(client, headers):
    assert client.control("GET", "billed", headers=headers).status_code == 403


def test_a_control_body_must_be_declared_as_json(client):
    response = client.control("POST", "faults", data='{"status": 500}', headers={"Content-Type": "text/plain"})
    assert response.status_code == 400
    assert client.control("GET", "faults").json() == {"faults": []}


@pytest.mark.parametrize(("name", "size"), [("sample.png", (720, 1280)), ("landscape.png", (1280, 720))])
def test_a_sample_image_is_served_without_a_key(client, name, size):
    response = requests.get(f"{client.emulator.url}/images/{name}", timeout=60)
    assert response.headers["Content-Type"] == "image/png"
    with pytest.importorskip("PIL.Image").open(BytesIO(response.content)) as opened:
        opened.load()
        assert opened.size == size
    assert client.emulator.requests == (), "the sample is not one of the gateway's routes"
