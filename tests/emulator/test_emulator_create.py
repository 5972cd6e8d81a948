from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

GUIDE_EXAMPLE = {
    "images": ["https://example.com/img1.jpg"],
    "model": "sora-2",
    "orientation": "portrait",
    "prompt": "make animate with cartoon style",
    "size": "large",
    "duration": 15,
}


def test_the_guides_own_example_is_accepted_and_billed(client, emulator):
    headers = {"Content-Type": "application/json; charset=utf-8"}
    response = client.post("/v1/video/create", data=json.dumps(GUIDE_EXAMPLE), headers=headers)

    assert response.status_code == 200
    assert [entry.request for entry in emulator.billed] == [GUIDE_EXAMPLE]
    assert emulator.billed[0].id == response.json()["id"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"duration": "15"}, "cannot unmarshal string into Go struct field .duration of type int"),
        ({"duration": True}, "cannot unmarshal bool"),
        ({"duration": 10.0}, "cannot unmarshal number"),
        ({"duration": None}, "duration is required"),
        ({"duration": 11}, "sora-2 不支持 11 秒"),
        ({"duration": 25}, "sora-2 不支持 25 秒"),
        ({"duration": 25, "model": "sora-2-all"}, "不支持 25 秒"),
        ({"duration": 31, "model": "veo3.1-fast"}, "不支持 31 秒"),
        ({"images": ...}, "images is required"),
        ({"images": None}, "images is required"),
        ({"images": "https://example.com/a.png"}, "cannot unmarshal string"),
        ({"images": [1]}, "cannot unmarshal number"),
        ({"images": ["file:///a.png"]}, "http or https links"),
        ({"images": ["data:image/png;base64,AA"]}, "http or https links"),
        ({"prompt": ...}, "prompt is required"),
        ({"prompt": " \n "}, "prompt is required"),
        ({"prompt": ["a"]}, "cannot unmarshal array"),
        ({"orientation": "square"}, "'square' is none of portrait, landscape"),
        ({"orientation": ...}, "orientation is required"),
        ({"size": "medium"}, "sora-2 size is invalid"),
        ({"size": "SMALL"}, "sora-2 size is invalid"),
        ({"model": ...}, "model is required"),
        ({"model": 2}, "cannot unmarshal number"),
    ],
)
def test_a_wrong_parameter_is_refused_with_400_and_not_billed(client, emulator, changes, says):
    response = client.create(**changes)

    assert response.status_code == 400
    body = response.json()
    assert says in body.get("message", body.get("error", {}).get("message"))
    assert emulator.billed == ()


@pytest.mark.parametrize(
    ("model", "duration"),
    [("sora-2", 10), ("sora-2", 15), ("sora-2-pro", 25), ("sora-2-all", 15), ("veo3.1-fast", 4), ("veo3.1", 30)],
)
def test_each_model_takes_its_own_durations(client, model, duration):
    assert client.create(model=model, duration=duration).status_code == 200


def test_an_unknown_model_has_no_channel(client, emulator):
    response = client.create(model="sora-9")

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "model_not_found"
    assert response.json()["error"]["message"] == "No available channel for model sora-9 under group default"
    assert emulator.billed == ()


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (json.dumps(GUIDE_EXAMPLE), "text/plain"),
        (json.dumps(GUIDE_EXAMPLE), "application/x-www-form-urlencoded"),
        ("{", "application/json"),
        ("[" * 100_000, "application/json"),
        ("[1]", "application/json"),
        ("null", "application/json"),
        ("", "application/json"),
        (b"\xff\xfe", "application/json"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(client, emulator, data, content_type):
    response = client.post("/v1/video/create", data=data, headers={"Content-Type": content_type})

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_request"
    assert emulator.billed == ()


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer sk-", "Bearer sk_test", "Basic sk-test", "sk-test"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/video/create"),
        ("GET", "/v1/video/query?id=x"),
        ("GET", "/v1/videos/x"),
        ("GET", "/v1/videos/x/content"),
        ("GET", "/v1/models"),
        ("GET", "/v1/dashboard/billing/subscription"),
        ("GET", "/api/usage/token"),
    ],
)
def test_without_a_key_that_starts_with_sk_every_route_answers_401(client, emulator, method, path, authorization):
    headers = {"Authorization": authorization} if authorization is not None else {}
    client.session.headers.pop("Authorization")
    response = client.session.request(method, emulator.url + path, headers=headers, json=GUIDE_EXAMPLE)

    assert response.status_code == 401
    assert response.json()["error"]["type"] == "new_api_error"
    assert response.headers["X-Oneapi-Request-Id"] in response.json()["error"]["message"]
    assert emulator.billed == ()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/v1/video/create"),
        ("GET", "/v1/video/create"),
        ("POST", "//v1/video/create"),
        ("DELETE", "/v1/videos/x"),
        ("GET", "/"),
    ],
)
def test_any_other_address_is_an_invalid_url(start, method, path):
    emulator = start(like="guide").emulator
    # Not with requests: some of its releases make one slash of two.
    with closing(HTTPConnection("127.0.0.1", urlsplit(emulator.url).port, timeout=30)) as connection:
        connection.request(method, path, json.dumps(GUIDE_EXAMPLE), {"Authorization": "Bearer sk-x"})
        response = connection.getresponse()
        answer = json.loads(response.read())

    assert response.status == 404
    assert answer["error"]["message"] == f"Invalid URL ({method} {path})"
    assert emulator.requests[-1].route == "other"


def test_each_accepted_create_adds_its_price_to_the_usage(client):
    for _ in range(3):
        client.created()

    assert client.get("/v1/dashboard/billing/subscription").json()["hard_limit_usd"] == 100.0
    assert client.get("/v1/dashboard/billing/usage").json() == {"object": "list", "total_usage": 30.0}
    token = client.get("/api/usage/token").json()["data"]
    assert (token["total_granted"], token["total_used"], token["total_available"]) == (50_000_000, 150_000, 49_850_000)


def test_a_create_beyond_the_balance_is_refused_and_not_billed(start):
    client = start(balance=0.25)
    client.created()
    client.created()

    response = client.create()

    assert response.status_code == 403
    assert response.json()["error"]["code"] == "insufficient_user_quota"
    assert "0.050000" in response.json()["error"]["message"]
    assert len(client.emulator.billed) == 2


def test_an_unlimited_account_says_a_hundred_million_and_never_refuses(start):
    client = start(balance=None, price=1_000_000)
    for _ in range(101):
        client.created()

    assert client.get("/v1/dashboard/billing/subscription").json()["hard_limit_usd"] == 100_000_000
    assert client.get("/api/usage/token").json()["data"]["unlimited_quota"] is True


def test_models_are_listed_and_read_one_by_one(client):
    listed = client.get("/v1/models").json()
    assert listed["success"] is True
    assert {"sora-2", "sora-2-pro"} <= {model["id"] for model in listed["data"]}
    assert client.get("/v1/models/sora-2").json()["id"] == "sora-2"
    missing = client.get("/v1/models/sora-9")
    assert (missing.status_code, missing.json()["error"]["code"]) == (200, "model_not_found")


def test_requests_are_recorded_without_the_key(client, emulator):
    client.session.headers["Authorization"] = "Bearer sk-very-secret"
    video_id = client.created(prompt="a crane")
    client.query(video_id)

    create, query = emulator.requests
    assert (create.route, create.method, create.path, create.status) == ("create", "POST", "/v1/video/create", 200)
    assert (create.body["prompt"], create.video_id, create.scheme) == ("a crane", video_id, "bearer")
    assert (query.route, query.query, query.video_id) == ("query", {"id": video_id}, video_id)
    assert create.key_fingerprint == query.key_fingerprint != None  # noqa: E711
    assert len(create.key_fingerprint) == 8
    assert "sk-very-secret" not in repr(emulator.requests)
    assert "sk-very-secret" not in client.control("GET", "requests").text
