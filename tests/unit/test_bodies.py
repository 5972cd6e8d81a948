"""What is kept of an answer that holds a file."""

from __future__ import annotations

import base64
import json

import pytest

from sora2_provider.gateway.transport.bodies import KEPT_OF_A_FILE, Body

FILM = base64.b64encode(bytes(range(256)) * 1000).decode()
TEXTS = {
    "a film": json.dumps({"id": "t", "video_url": f"data:video/mp4;base64,{FILM}", "status": "completed"}),
    "with escaped slashes": json.dumps({"video": FILM, "status": "completed"}).replace("/", "\\/"),
    "with line breaks": json.dumps({"video": base64.encodebytes(FILM.encode()).decode(), "status": "completed"}),
    "in JSON in a text": json.dumps({"data": json.dumps({"video": FILM}), "status": "completed"}),
    "two films": json.dumps({"videos": [FILM, FILM], "status": "completed"}),
    "no film": json.dumps({"id": "t", "text": "a b " * 10_000, "status": "completed"}),
}


@pytest.mark.parametrize("size", [100, 1000, 16_384, 10**6])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_what_is_kept_is_json_without_the_bulk_of_the_file_however_it_comes(text: str, size: int) -> None:
    body = Body()
    for start in range(0, len(text), size):
        body.add(text[start : start + size].encode())
    read = json.loads(bytes(body))
    assert read["status"] == "completed"
    if isinstance(read.get("data"), str):
        assert set(json.loads(read["data"])) == {"video"}
    if size < 10**6 and "a b" not in text:
        assert len(body) < 2 * KEPT_OF_A_FILE + 2 * size + 200
    if "a b" in text:
        assert bytes(body).decode() == text
