"""CPU of one create, against a bare requests.Session that is used again. Usage: python -m tests.benchmarks.create URL OPTIONS."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable

import requests

from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.gateway.settings import GatewaySettings

OURS, BARE = "Sora2Client.create_video", "requests.Session.post"


def measure(url: str, *, rounds: int, creates: int) -> dict[str, float]:
    """Return the microseconds of CPU of a create, as the median of rounds in which the two take turns."""
    request = VideoRequest("A paper boat drifts down a rain-filled gutter at dusk, street lamps in the water.")
    body = request.to_json()
    headers = {"Accept": "application/json", "Authorization": "Bearer sk-benchmark"}
    with Sora2Client(GatewaySettings(url, "sk-benchmark")) as client, requests.Session() as session:

        def bare() -> str:
            answer = session.post(f"{url}/v1/video/create", json=body, headers=headers, timeout=(10, 60))
            return str(answer.json()["id"])

        def ours() -> str:
            return client.create_video(request).id

        ways: dict[str, Callable[[], str]] = {BARE: bare, OURS: ours}
        took: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(rounds + 1):
            for name, way in ways.items():
                before = time.process_time()
                for _ in range(creates):
                    assert way()
                if turn:
                    took[name].append((time.process_time() - before) / creates * 1e6)
    return {name: statistics.median(values) for name, values in took.items()}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], **json.loads(sys.argv[2]))))
