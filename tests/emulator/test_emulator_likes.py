"""The servers that the emulator can be like: their wires, and what they say around them."""

from __future__ import annotations

import json

import pytest

from sora2_provider.emulator.settings import LIKES
from tests.emulator.conftest import PLUGIN
from tests.emulator.wires import WIRES, create_openai, create_task

DAY = 100_000
HAS = {
    None: {"unified", "openai", "generations", "v2"},
    "guide": {"unified"},
    "new-api": {"openai", "generations"},
    "litellm": {"openai"},
    "openai": {"openai"},
}


def unknown(like, call):
    """The status and body of an answer to an address that the server does not have, inside /v1."""
    message = f"Invalid URL ({call})"
    return {
        "openai": (404, {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}),
        "litellm": (404, {"detail": "Not Found"}),
    }.get(like, (404, {"error": {"message": message, "type": "invalid_request_error", "param": "", "code": ""}}))


def test_every_preset_is_tested():
    assert set(HAS) == {None, *LIKES}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("like", HAS)
def test_a_server_has_its_wires_and_no_others(start, like, wire):
    client = start(like=like)
    spoken = WIRES[wire]
    response = spoken.create(client)
    if wire in HAS[like]:
        query = spoken.query(client, spoken.id_of(response.json()))
        assert (response.status_code, query.status_code, len(client.emulator.billed)) == (200, 200, 1)
        return
    assert client.emulator.billed == ()
    if (like, wire) == ("new-api", "v2"):
        assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    else:
        assert (response.status_code, response.json()) == unknown(like, f"POST {spoken.create_path}")


@pytest.mark.parametrize("like", HAS)
def test_an_address_that_no_server_has_is_unknown_before_any_key(start, like):
    client = start(like=like)
    client.session.headers.pop("Authorization")
    response = client.get("/v1/video/nothing")
    assert (response.status_code, response.json()) == unknown(like, "GET /v1/video/nothing")


def test_new_api_answers_with_its_web_page_outside_of_v1_and_api(start):
    client = start(like="new-api")
    for path in ("/", "/v2/videos/generations/x", "/console"):
        assert client.get(path).text.startswith("<!doctype html>")
    for path in ("/v1/nothing", "/api/nothing"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("like", "call", "status", "says"),
    [
        ("openai", "DELETE /v1/videos", 405, "Not allowed to DELETE on /v1/videos"),
        ("openai", "GET /v1/dashboard/billing/usage", 404, "Invalid URL"),
        ("openai", "GET /api/pricing", 404, "Invalid URL"),
        ("litellm", "DELETE /v1/videos/x", 405, '{"detail": "Method Not Allowed"}'),
        ("litellm", "GET /api/usage/token", 404, '{"detail": "Not Found"}'),
        ("new-api", "DELETE /v1/videos/x", 404, "Invalid URL (DELETE /v1/videos/x)"),
        ("new-api", "GET /v1/videos", 404, "Invalid URL (GET /v1/videos)"),
        ("guide", "GET /v1/videos", 404, "Invalid URL (GET /v1/videos)"),
        ("guide", "GET /api/pricing", 404, "Invalid URL"),
    ],
)
def test_routes_that_a_server_lacks(start, like, call, status, says):
    client = start(like=like)
    method, path = call.split()
    response = client.session.request(method, client.emulator.url + path)
    assert response.status_code == status
    assert says in response.text


@pytest.mark.parametrize(
    ("like", "headers", "status", "code", "says"),
    [
        ("openai", {}, 401, None, "You didn't provide an API key"),
        ("openai", {"Authorization": "Bearer nothing-of-the-kind"}, 401, "invalid_api_key", "provided: no***nd."),
        ("litellm", {}, 401, "401", "No api key passed in."),
        ("litellm", {"Authorization": "Bearer nothing"}, 400, "400", "No connected db."),
        ("litellm", {"x-litellm-api-key": "nothing"}, 400, "400", "No connected db."),
        ("new-api", {}, 401, "", "未提供令牌 (request id: "),
        ("new-api", {"Authorization": "Bearer nothing"}, 401, "", "无效的令牌 (request id: "),
        ("new-api", {"x-litellm-api-key": "sk-x"}, 401, "", "无效的令牌"),
    ],
)
def test_a_key_is_refused_in_the_words_of_the_server(start, like, headers, status, code, says):
    client = start(like=like)
    client.session.headers.pop("Authorization")
    response = client.session.get(client.emulator.url + "/v1/models", headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert says in response.json()["error"]["message"]


def test_a_key_in_any_header_is_known_by_its_fingerprint_alone(start):
    client = start(like="litellm")
    client.session.headers.pop("Authorization")
    for name in ("x-litellm-api-key", "api-key"):
        client.get("/v1/models", headers={name: "sk-very-secret"})
    first, second = client.emulator.requests
    assert (first.status, first.scheme, second.status, second.scheme) == (200, "x-litellm-api-key", 401, "api-key")
    assert first.key_fingerprint == second.key_fingerprint
    assert "sk-very-secret" not in repr(client.emulator.requests)


@pytest.mark.parametrize(
    ("like", "row"),
    [
        ("guide", {"id": "sora-2", "supported_endpoint_types": ["视频统一格式"]}),
        ("new-api", {"id": "sora-2", "supported_endpoint_types": ["openai-video"]}),
        ("new-api", {"id": "veo3.1", "supported_endpoint_types": ["gemini", "openai"]}),
        ("new-api", {"id": "kling-v3", "supported_endpoint_types": ["openai"]}),
        ("openai", {"id": "sora-2", "owned_by": "system"}),
        ("litellm", {"id": "sora-2", "mode": "video_generation"}),
    ],
)
def test_models_are_told_as_the_server_tells_them(start, like, row):
    client = start(like=like)
    rows = {listed["id"]: listed for listed in client.get("/v1/models").json()["data"]}
    one = client.get(f"/v1/models/{row['id']}").json()
    assert one == rows[row["id"]] == {**one, **row}


@pytest.mark.parametrize(("like", "status"), [("guide", 200), ("openai", 404), ("litellm", 404)])
def test_a_model_that_is_not_there(start, like, status):
    response = start(like=like).get("/v1/models/sora-9")
    assert (response.status_code, "does not exist" in response.text) == (status, True)


@pytest.mark.parametrize(
    ("like", "there", "not_there"),
    [
        ("guide", {"X-Oneapi-Request-Id"}, {"X-New-Api-Version", "x-request-id"}),
        ("new-api", {"X-Oneapi-Request-Id", "X-New-Api-Version", "X-New-Api-Other-Ratios"}, {"x-litellm-call-id"}),
        ("openai", {"x-request-id", "openai-version", "openai-poll-after-ms"}, {"X-Oneapi-Request-Id"}),
        ("litellm", {"x-litellm-call-id", "x-litellm-response-cost"}, {"X-Oneapi-Request-Id", "openai-poll-after-ms"}),
    ],
)
def test_headers_are_those_of_the_server(start, like, there, not_there):
    client = start(like=like)
    response = client.create() if like == "guide" else create_openai(client)
    assert response.status_code == 200
    assert {name for name in there | not_there if name in response.headers} == there


def test_new_api_has_every_task_at_both_addresses(start):
    client = start(like="new-api")
    ids = {
        model: create_task(client, model=model, duration=8).json()["id"] for model in ("sora-2", "kling-v3", "veo3.1")
    }
    other = create_openai(client, model="grok-imagine-video", seconds="6").json()["id"]

    sora, kling = (client.get(f"/v1/videos/{ids[model]}").json() for model in ("sora-2", "kling-v3"))
    assert (sora["status"], sora["id"], "metadata" in sora) == ("completed", ids["sora-2"], False)
    assert set(kling) == {
        "id",
        "task_id",
        "object",
        "model",
        "status",
        "progress",
        "created_at",
        "completed_at",
        "metadata",
    }
    assert client.get(kling["metadata"]["url"]).content[4:8] == b"ftyp"
    assert client.get(f"/v1/videos/{other}").json()["code"] == "not_implemented"
    assert client.get(f"/v1/video/generations/{other}").json()["data"]["status"] == "SUCCESS"


def test_new_api_tells_the_end_of_what_renders_and_the_reason_in_the_link(start):
    client = start(like="new-api", render_seconds=DAY)
    video_id = create_task(client).json()["id"]
    client.emulator.advance(DAY / 2)
    body = client.get(f"/v1/videos/{video_id}").json()
    assert body["status"] == "in_progress"
    assert body["completed_at"] > body["created_at"]
    client.emulator.fail(video_id, "x", "blocked")
    assert client.get(f"/v1/videos/{video_id}").json()["metadata"]["url"] == "blocked"


def test_the_content_of_new_api_ignores_ranges_and_variants(start):
    client = start(like="new-api", render_seconds=DAY)
    missing = client.get("/v1/videos/task_none/content")
    assert (missing.status_code, missing.json()["error"]["message"]) == (404, "Task not found")
    path = f"/v1/videos/{create_task(client).json()['id']}/content"
    early = client.get(path)
    assert early.json()["error"]["message"] == "Task is not completed yet, current status: SUBMITTED"
    client.emulator.advance(DAY)
    whole = client.get(path, headers={"Range": "bytes=0-9"}, params={"variant": "thumbnail"})
    assert (whole.status_code, whole.content[4:8]) == (200, b"ftyp")


@pytest.mark.parametrize(
    ("model", "body", "status", "code"),
    [
        ("sora-2", {"prompt": "at night"}, 200, None),
        ("sora-2", {}, 400, "invalid_request"),
        ("kling-v3", {"prompt": "at night"}, 501, "not_implemented"),
    ],
)
def test_new_api_remixes_on_its_sora_channel_only(start, model, body, status, code):
    client = start(like="new-api")
    source = create_task(client, model=model, duration=8).json()["id"]
    response = client.post(f"/v1/videos/{source}/remix", json=body)
    assert (response.status_code, response.json().get("code")) == (status, code)
    assert len(client.emulator.billed) == (2 if status == 200 else 1)


def test_behind_new_api_a_strict_upstream_refuses_what_it_does_not_know(start):
    client = start(like="new-api", strict=True)
    response = create_task(client, model="sora-2", seconds="8", duration=8)
    assert (response.status_code, response.json()["code"]) == (400, "fail_to_fetch_task")
    assert json.loads(response.json()["message"])["error"]["code"] == "unknown_parameter"
    assert create_task(client, model="sora-2", seconds="8", duration=...).status_code == 200
    assert create_task(client, model="kling-v3").status_code == 200


@pytest.mark.parametrize(("option", "like"), [([], "None"), (["--sora2-emulator-like", "litellm"], "litellm")])
def test_an_option_of_pytest_chooses_the_server_of_the_fixture(run_python, tmp_path, option, like):
    (tmp_path / "test_mine.py").write_text(
        f"def test_it(sora2_emulator): assert str(sora2_emulator.settings().like) == {like!r}\n"
    )
    arguments = ["-m", "pytest", "-q", *PLUGIN, "-p", "no:cacheprovider", *option, str(tmp_path)]
    assert "1 passed" in run_python(*arguments, cwd=tmp_path)


def test_the_server_can_change_while_it_runs(client, emulator):
    video_id = create_openai(client).json()["id"]
    client.control("POST", "settings", json={"like": "guide"})
    assert create_openai(client).status_code == 404
    assert client.query(video_id)["status"] == "completed"
    client.control("POST", "reset")
    assert create_openai(client).status_code == 200
