from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import requests

from sora2_provider.emulator import Emulator

ROOT = Path(__file__).parents[2]
#: Installed, the plugin is found by its entry point, and naming it again would be an error of pytest.
PLUGIN = (
    [] if entry_points(group="pytest11", name="sora2_emulator") else ["-p", "sora2_provider.emulator.pytest_plugin"]
)


class Client:
    """A plain HTTP client of one emulator, with a good key."""

    def __init__(self, emulator: Emulator, key: str | None = "sk-test") -> None:
        self.emulator = emulator
        self.session = requests.Session()
        self.session.trust_env = False
        if key is not None:
            self.session.headers["Authorization"] = f"Bearer {key}"

    def body(self, **changes: Any) -> dict[str, Any]:
        body = {
            "images": [],
            "model": "sora-2",
            "orientation": "portrait",
            "prompt": "a fox in the snow",
            "size": "small",
            "duration": 10,
            **changes,
        }
        return {name: value for name, value in body.items() if value is not ...}

    def post(self, path: str, **kwargs: Any) -> requests.Response:
        return self.session.post(self.emulator.url + path, timeout=60, **kwargs)

    def get(self, path: str, **kwargs: Any) -> requests.Response:
        url = path if path.startswith("http") else self.emulator.url + path
        return self.session.get(url, timeout=60, **kwargs)

    def delete(self, path: str) -> requests.Response:
        return self.session.delete(self.emulator.url + path, timeout=60)

    def create(self, **changes: Any) -> requests.Response:
        return self.post("/v1/video/create", json=self.body(**changes))

    def created(self, **changes: Any) -> str:
        """The id of a new video, in whatever shape it comes."""
        response = self.create(**changes)
        assert response.status_code == 200, response.text
        return self.emulator.billed[-1].id

    def query(self, video_id: str) -> dict[str, Any]:
        response = self.get("/v1/video/query", params={"id": video_id})
        assert response.status_code == 200, response.text
        return response.json()

    def control(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        return requests.request(method, f"{self.emulator.url}/_emulator/{path}", timeout=60, **kwargs)

    def close(self) -> None:
        self.session.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Client]]:
    """Starts emulators, canned unless asked otherwise, and closes them."""
    clients: list[Client] = []

    def start_one(**options: Any) -> Client:
        emulator = Emulator(**{"canned": True, **options}).start()
        clients.append(Client(emulator))
        return clients[-1]

    yield start_one
    for client in clients:
        client.close()
        client.emulator.close()


@pytest.fixture
def client(start: Callable[..., Client]) -> Client:
    return start()


@pytest.fixture
def emulator(client: Client) -> Emulator:
    return client.emulator


@pytest.fixture
def environment() -> dict[str, str]:
    """For subprocesses: this tree first, and nothing else of the caller's Python."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def run_python(environment: dict[str, str]) -> Callable[..., str]:
    """Runs code, or a module, in another Python to its end, and returns what it printed."""

    def run(*arguments: str, **options: Any) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
