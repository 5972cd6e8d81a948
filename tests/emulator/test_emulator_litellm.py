"""The emulator as a LiteLLM proxy; what it says was read from a real one in front of the emulator."""

from __future__ import annotations

import base64
import json

import pytest

from tests.emulator.wires import PORTRAIT, create_form, create_openai, reference

DAY = 100_000


def test_litellm_answers_with_another_id_than_the_creates_which_it_does_not_know(start):
    client = start(like="litellm")
    created = create_openai(client).json()
    queried = client.get(f"/v1/videos/{created['id']}").json()
    remixed = client.post(f"/v1/videos/{created['id']}/remix", json={"prompt": "at night"}).json()
    known, *others = (base64.b64decode(body["id"][6:]).decode() for body in (created, queried, remixed))

    assert known.startswith("litellm:custom_llm_provider:openai;model_id:")
    assert all(other.startswith("litellm:custom_llm_provider:openai;model_id:;video_id:video_") for other in others)
    assert known.rpartition(":")[2] == others[0].rpartition(":")[2] == remixed["remixed_from_video_id"]
    assert client.get(f"/videos/{created['id'].rstrip('=')}").json()["id"] == queried["id"]
    assert client.get(f"/v1/videos/{created['id']}/content").content[4:8] == b"ftyp"
    for foreign in (queried["id"], remixed["id"], "video_x", "task_x"):
        response = client.get(f"/v1/videos/{foreign}")
        assert response.status_code == 401
        assert response.json()["error"]["message"].startswith("litellm.AuthenticationError: OpenAIException - ")
    assert created["usage"] == {"duration_seconds": 4.0}
    assert "prompt" not in created.keys() | queried.keys()


@pytest.mark.parametrize(
    ("call", "status", "inner"),
    [
        ({"json": {"prompt": "a", "model": "sora-2", "orientation": "portrait"}}, 400, "unknown_parameter"),
        ({"json": {"prompt": "a", "model": "sora-2", "seconds": 5}}, 400, "invalid_value"),
        ({"json": {"model": "sora-2"}}, 400, "missing_required_parameter"),
        ({"files": [("prompt", (None, "a")), ("model", (None, "sora-2")), *reference(b"x")]}, 400,
         "unsupported_file_mimetype"),
    ],
)  # fmt: skip
def test_litellm_wraps_the_upstreams_error(start, call, status, inner):
    client = start(like="litellm")
    response = client.post("/v1/videos", **call)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, "400", None)
    start_of_it, _, rest = error["message"].partition(" - ")
    assert start_of_it == "litellm.BadRequestError: OpenAIException"
    upstream, _, tail = rest.partition("\n\n")
    assert json.loads(upstream)["error"]["code"] == inner
    assert tail == "LiteLLM: model group 'sora-2' failed with the error above. No fallback was attempted."
    assert client.emulator.billed == ()


@pytest.mark.parametrize(
    ("method", "call", "status", "says"),
    [
        *[("POST", {"json": {"prompt": "a", "model": model}}, 400, f"/videos: Invalid model name passed in model={model}.")
          for model in (None, "sora-9", {}, ["sora-2"])],
        ("POST", {"json": {"prompt": "a", "model": "sora-2", "input_reference": {"image_url": "x"}}}, 400,
         "Invalid request format: litellm.InternalServerError: "),
        ("POST", {"data": "{", "headers": {"Content-Type": "application/json"}}, 400, "Invalid JSON payload"),
        ("GET", {}, 400, "litellm.BadRequestError: LLM Provider NOT provided."),
    ],
)  # fmt: skip
def test_litellm_refuses_by_itself(start, method, call, status, says):
    client = start(like="litellm")
    response = client.session.request(method, client.emulator.url + "/v1/videos", **call)
    assert (response.status_code, response.json()["error"]["code"]) == (status, str(status))
    assert response.json()["error"]["message"].startswith(says)
    assert client.emulator.billed == ()


def test_litellm_takes_whole_seconds_and_uploads_a_link_as_if_it_were_a_picture(start):
    client = start(like="litellm")
    response = create_openai(client, seconds=8, input_reference="https://example.com/a.png")
    assert (response.status_code, response.json()["seconds"]) == (200, "8")
    assert client.emulator.videos[0].images == ()
    assert client.emulator.billed[0].request["input_reference"] == "https://example.com/a.png"
    assert create_form(client, reference(PORTRAIT)).status_code == 200


def test_litellm_says_200_to_what_it_cannot_give(start):
    client = start(like="litellm", render_seconds=DAY)
    path = f"/v1/videos/{create_openai(client).json()['id']}/content"
    early = client.get(path)
    assert (early.status_code, early.headers["Content-Type"]) == (200, "video/mp4")
    assert early.json()["error"]["message"].startswith("Video is not ready yet")
    client.emulator.advance(DAY)
    whole = client.get(path, headers={"Range": "bytes=0-9"}, params={"variant": "thumbnail"})
    assert (whole.status_code, whole.content[4:8]) == (200, b"ftyp")


def test_litellm_tells_an_id_of_its_own_that_openai_does_not_know(start):
    client = start(like="litellm")
    video_id = create_openai(client).json()["id"]
    client.emulator.reset()
    response = client.get(f"/v1/videos/{video_id}")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "404")
    assert "video_not_found" in response.json()["error"]["message"]


def test_litellm_wraps_the_refusal_of_a_remix(start):
    client = start(like="litellm")
    source = create_openai(client).json()["id"]
    error = client.post(f"/v1/videos/{source}/remix", json={}).json()["error"]
    assert error["message"].startswith("litellm.BadRequestError: OpenAIException - ")
    assert "missing_required_parameter" in error["message"]
    assert "model group 'sora-2' failed" in error["message"]
    assert len(client.emulator.billed) == 1
