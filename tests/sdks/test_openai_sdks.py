"""OpenAI's own clients, the authority on the openai wire, against the emulator as a program."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sora2_provider.emulator.media.files import SAMPLE_IMAGES

HERE = Path(__file__).parent
SDKS = os.environ.get("SDKS", str(HERE.parents[1] / ".venv" / "sdks"))
CLIENTS = {
    "python": [f"{SDKS}/bin/python", str(HERE / "python_client.py")],
    "node": ["node", str(HERE / "node_client.mjs")],
}
IMAGES = SAMPLE_IMAGES["sample.png"].parent
#: What each SDK makes of a link in ``input_reference``: nothing, and a form field that the API does not know.
LINK = {"python": "not sent", "node": "400 unknown_parameter"}


@pytest.fixture
def emulator() -> Iterator[str]:
    """The address of the program, like OpenAI; a rendering takes a second."""
    command = [sys.executable, "-m", "sora2_provider.emulator", "--like", "openai", "--port", "0", "--canned"]
    with subprocess.Popen([*command, "--render-seconds", "1", "--quiet"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield re.findall(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
        finally:
            process.terminate()


@pytest.mark.parametrize("sdk", CLIENTS)
def test_an_sdk_of_openai_finds_its_own_server(emulator: str, sdk: str) -> None:
    command = [*CLIENTS[sdk], emulator, str(IMAGES), SDKS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    assert json.loads(done.stdout) == {
        "created": [
            ["queued", "8", "1280x720", "sora-2"],
            ["queued", "4", "720x1280", "sora-2"],
            ["queued", "12", "720x1280", "sora-2-pro"],
        ],
        "poll_after": "100",
        "polled": [["completed", 100, None]] * 3,
        "bytes": [len((IMAGES / "canned.mp4").read_bytes()), "ftyp"],
        "part": [206, "ftypisom"],
        "pictures": ["image/webp", "image/jpeg"],
        "remix": [True, "at night", "8"],
        "listed": True,
        "deleted": [True, True, "video.deleted"],
        "models": ["sora-2", "sora-2-pro"],
        "errors": {
            "deleted": "404 video_not_found",
            "seconds": "400 invalid_value",
            "unknown field": "400 unknown_parameter",
            "no image": "400 unsupported_file_mimetype",
            "pixels": "400 Inpaint image must match the requested width and height",
            "link": LINK[sdk],
            "key": "401 invalid_api_key",
        },
    }
    billed = requests.get(f"{emulator}/_emulator/billed", timeout=60).json()["billed"]
    assert [entry["request"].get("input_reference", {}).get("filename") for entry in billed] == [
        *(None, "sample.png", None, None)
    ], "four creates, one with a file"
