"""What each wire sends for one request, and how the one that a gateway speaks is found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email import message_from_bytes
from typing import Any

import pytest

from sora2_provider.gateway.dialect_search import find_dialect
from sora2_provider.gateway.dialects import dialect
from sora2_provider.gateway.dialects.base import HttpRequest
from sora2_provider.gateway.errors import AuthenticationError, GatewayUnavailable, RateLimited
from sora2_provider.gateway.models import VideoRequest

IMAGE, OTHER = "https://example.com/a.png", "https://example.com/b.png"
PLAIN: dict[str, Any] = {"prompt": "a cat"}
LARGE: dict[str, Any] = {
    "prompt": "a cat",
    "model": "kling-v3",
    "orientation": "landscape",
    "size": "large",
    "duration": 5,
}
PICTURED: dict[str, Any] = {**PLAIN, "images": [IMAGE], "extra": {"seed": 7}}

BODIES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("openai", PLAIN, {"model": "sora-2", "prompt": "a cat", "seconds": "10", "size": "720x1280"}),
    ("openai", LARGE, {"model": "kling-v3", "prompt": "a cat", "seconds": "5", "size": "1792x1024"}),
    ("openai", {**LARGE, "size": "1080p"}, {"model": "kling-v3", "prompt": "a cat", "seconds": "5", "size": "1080p"}),
    (
        "openai",
        PICTURED,
        {
            "model": "sora-2",
            "prompt": "a cat",
            "seconds": "10",
            "size": "720x1280",
            "input_reference": {"image_url": IMAGE},
            "seed": 7,
        },
    ),
    (
        "generations",
        PLAIN,
        {"model": "sora-2", "prompt": "a cat", "duration": 10, "seconds": "10", "size": "720x1280"},
    ),
    (
        "generations",
        PICTURED,
        {
            "model": "sora-2",
            "prompt": "a cat",
            "duration": 10,
            "seconds": "10",
            "size": "720x1280",
            "image": IMAGE,
            "images": [IMAGE],
            "seed": 7,
        },
    ),
    ("v2", PLAIN, {"model": "sora-2", "prompt": "a cat", "aspect_ratio": "9:16", "duration": 10}),
    ("v2", LARGE, {"model": "kling-v3", "prompt": "a cat", "aspect_ratio": "16:9", "duration": 5, "hd": True}),
    (
        "v2",
        {**LARGE, "size": "720P", "images": [IMAGE, OTHER]},
        {
            "model": "kling-v3",
            "prompt": "a cat",
            "aspect_ratio": "16:9",
            "duration": 5,
            "images": [IMAGE, OTHER],
            "resolution": "720P",
        },
    ),
]


@pytest.mark.parametrize(("name", "parameters", "body"), BODIES)
def test_a_request_is_written_in_the_fields_of_the_wire(name, parameters, body):
    sent = dialect(name).create(VideoRequest(**parameters))
    assert json.loads(sent.content) == body
    assert (sent.method, sent.content_type) == ("POST", "application/json")


@pytest.mark.parametrize(
    ("name", "create", "query"),
    [
        ("unified", "/v1/video/create", "/v1/video/query?id=a%3Ab"),
        ("openai", "/v1/videos", "/v1/videos/a%3Ab"),
        ("generations", "/v1/video/generations", "/v1/video/generations/a%3Ab"),
        ("v2", "/v2/videos/generations", "/v2/videos/generations/a%3Ab"),
    ],
)
def test_each_wire_has_its_routes(name, create, query):
    assert dialect(name).create(VideoRequest(**PLAIN)).target == create
    assert dialect(name).query("a:b").target == query


def test_a_form_holds_the_same_fields_as_text():
    sent = dialect("generations").create(VideoRequest(**PICTURED, duration=15), form="multipart")
    head = f"Content-Type: {sent.content_type}\r\n\r\n".encode()
    parts = message_from_bytes(head + (sent.content or b"")).get_payload()
    fields = [(part.get_param("name", header="Content-Disposition"), part.get_payload(decode=True)) for part in parts]
    assert ("seconds", b"15") in fields
    assert ("duration", b"15") in fields
    assert ("images", IMAGE.encode()) in fields
    assert ("seed", b"7") in fields


def test_what_a_wire_cannot_carry_is_refused():
    with pytest.raises(ValueError, match="2 of them: this gateway's API .* takes one image"):
        dialect("openai").create(VideoRequest(**PLAIN, images=[IMAGE, OTHER]))


Answer = tuple[int, Mapping[str, str], Any]
NO_TASK: Answer = (400, {}, {"code": "task_not_exist", "message": "task_not_exist", "data": None})
NO_VIDEO: Answer = (404, {}, {"error": {"message": "Video not found", "code": "video_not_found"}})
NO_ROUTE: Answer = (
    404,
    {},
    {"error": {"message": "Invalid URL (GET /v1/x)", "type": "invalid_request_error", "code": ""}},
)
NOT_FOUND: Answer = (404, {}, {"detail": "Not Found"})
PAGE: Answer = (200, {"Content-Type": "text/html"}, "<!doctype html><html><head><title>New API</title></head></html>")
WRONG_KEY: Answer = (401, {}, {"error": {"message": "Invalid token", "type": "new_api_error"}})


def by(server: dict[str, str], answer: Answer) -> Answer:
    return answer[0], {**answer[1], **server}, answer[2]


NEW_API, LITELLM = {"X-New-Api-Version": "v0.9"}, {"x-litellm-version": "1.105.7"}
FOUND: dict[str, tuple[list[Answer], str]] = {
    "the guide's gateways": ([NO_TASK], "unified"),
    "one that says not found": ([NO_VIDEO], "unified"),
    "one that describes any id": ([(200, {}, {"id": "x", "status": "unknown"})], "unified"),
    "a fork of new-api with the guide's routes": ([by(NEW_API, NO_TASK)], "unified"),
    "new-api": ([by(NEW_API, NO_ROUTE)], "generations"),
    "LiteLLM": ([by(LITELLM, NOT_FOUND)], "openai"),
    "LiteLLM, by its words": (
        [NOT_FOUND, (500, {}, {"error": {"message": "litellm.APIError: OpenAIException", "code": "500"}})],
        "openai",
    ),
    "OpenAI": ([NO_ROUTE, NO_VIDEO], "openai"),
    "a method that is not allowed": ([(405, {}, {"detail": "Method Not Allowed"}), NO_VIDEO], "openai"),
    "one with the routes of new-api alone": ([NO_ROUTE, NO_ROUTE, NO_TASK], "generations"),
    "one behind a web page": ([PAGE, PAGE, PAGE, NO_TASK], "v2"),
    "one that none fits": ([NO_ROUTE, NOT_FOUND, PAGE, NO_ROUTE], "unified"),
}


def asked(answers: list[Answer]) -> tuple[list[str], Any]:
    targets: list[str] = []
    left = iter(answers)

    def ask(request: HttpRequest) -> tuple[int, Mapping[str, str], bytes]:
        assert request.method == "GET"
        targets.append(request.target)
        status, headers, body = next(left)
        content = body if isinstance(body, str) else json.dumps(body)
        return status, {"Content-Type": "application/json", **headers}, content.encode()

    return targets, ask


@pytest.mark.parametrize(("answers", "name"), FOUND.values(), ids=FOUND)
def test_the_wire_of_a_gateway_is_found_by_free_questions(answers, name):
    targets, ask = asked(answers)
    found = find_dialect(ask)
    assert found.name == name
    assert len(targets) == len(answers) <= 4
    assert found.evidence


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([WRONG_KEY], AuthenticationError),
        ([by(NEW_API, WRONG_KEY)], AuthenticationError),
        ([NO_ROUTE, WRONG_KEY], AuthenticationError),
        ([(503, {}, "upstream connect error")], GatewayUnavailable),
        ([NO_ROUTE, (429, {}, "")], RateLimited),
    ],
    ids=["wrong key", "wrong key at new-api", "wrong key for the second", "down", "busy"],
)
def test_nothing_is_decided_where_an_answer_tells_nothing(answers, error):
    _, ask = asked(answers)
    with pytest.raises(error, match=f"could not be found out: .*HTTP {answers[-1][0]}"):
        find_dialect(ask)
