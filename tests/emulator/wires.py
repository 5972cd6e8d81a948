"""A create and a query on each wire of the emulator."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from requests import Response

from sora2_provider.emulator.media.files import SAMPLE_IMAGES
from tests.emulator.conftest import Client

Body = dict[str, Any]

PORTRAIT = SAMPLE_IMAGES["sample.png"].read_bytes()
LANDSCAPE = SAMPLE_IMAGES["landscape.png"].read_bytes()


@dataclass(frozen=True)
class Wire:
    create_path: str
    body: Body
    query_path: str
    """With the id in braces."""
    id_of: Callable[[Body], str]
    """Where a create's answer has the id."""
    state_of: Callable[[Body], tuple[str, Any]]
    """The status word, and the error's text, of a query's answer."""
    link_of: Callable[[Body, str], str]
    """Where the file of a completed video is."""

    def create(self, client: Client, **changes: Any) -> Response:
        body = {name: value for name, value in {**self.body, **changes}.items() if value is not ...}
        return client.post(self.create_path, json=body)

    def created(self, client: Client, **changes: Any) -> str:
        response = self.create(client, **changes)
        assert response.status_code == 200, response.text
        return self.id_of(response.json())

    def query(self, client: Client, video_id: str) -> Response:
        return client.get(self.query_path.format(id=video_id))


def _content(_body: Body, video_id: str) -> str:
    return f"/v1/videos/{video_id}/content"


WIRES = {
    "unified": Wire(
        "/v1/video/create",
        {
            "images": [],
            "model": "sora-2",
            "orientation": "portrait",
            "prompt": "a fox in the snow",
            "size": "small",
            "duration": 10,
        },
        "/v1/video/query?id={id}",
        lambda body: body["id"],
        lambda body: (body["status"], (body["error"] or {}).get("message")),
        lambda body, _: body["video_url"],
    ),
    "openai": Wire(
        "/v1/videos",
        {"model": "sora-2", "prompt": "a fox in the snow", "seconds": "4", "size": "720x1280"},
        "/v1/videos/{id}",
        lambda body: body["id"],
        lambda body: (body["status"], (body["error"] or {}).get("message")),
        _content,
    ),
    "generations": Wire(
        "/v1/video/generations",
        {"model": "kling-v3", "prompt": "a fox in the snow", "duration": 5},
        "/v1/video/generations/{id}",
        lambda body: body["task_id"],
        lambda body: (body["data"]["status"], body["data"]["fail_reason"]),
        lambda body, _: body["data"]["result_url"],
    ),
    "v2": Wire(
        "/v2/videos/generations",
        {"model": "sora-2", "prompt": "a fox in the snow", "aspect_ratio": "9:16", "duration": 10},
        "/v2/videos/generations/{id}",
        lambda body: body["task_id"],
        lambda body: (body["status"], body["fail_reason"]),
        lambda body, _: body["data"]["output"],
    ),
}


def create_openai(client: Client, **fields: Any) -> Response:
    """Send a create of the openai wire as JSON."""
    fields = {"model": "sora-2", "prompt": "a fox", **fields}
    return client.post("/v1/videos", json={name: value for name, value in fields.items() if value is not ...})


def create_form(client: Client, files: Iterable[tuple[str, Any]] = (), **fields: str) -> Response:
    """Send it as a form."""
    parts: list[Any] = [
        (name, (None, value)) for name, value in {"model": "sora-2", "prompt": "a fox", **fields}.items()
    ]
    return client.post("/v1/videos", files=[*parts, *files])


def reference(data: bytes, name: str = "a.png", kind: str = "image/png") -> list[tuple[str, Any]]:
    """The part of a form that holds a source image."""
    return [("input_reference", (name, data, kind))]


def create_task(client: Client, **changes: Any) -> Response:
    """Send a create of the generations wire."""
    return WIRES["generations"].create(client, **changes)
