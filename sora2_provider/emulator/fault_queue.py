"""Keeps the faults that wait for their request, and draws random ones."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sora2_provider.emulator.faults import Fault

_SATURATED = {
    "error": {
        "message": "当前分组上游负载已饱和，请稍后再试",
        "type": "new_api_error",
        "param": "",
        "code": "service_err",
    }
}
#: What a relay says of an upstream that has accepted the video, with HTTP 200.
_LOST = {"success": False, "message": "timeout of 60000ms exceeded"}
_BLOCKED = "This content may violate our content policies."

RANDOM_FAULTS: dict[str, tuple[Fault, ...]] = {
    "create": (
        Fault("create", status=429, headers={"Retry-After": "1"}, body=_SATURATED),
        Fault("create", status=429, body=""),
        Fault("create", status=500, body=_SATURATED),
        Fault("create", status=502, html=True),
        Fault("create", status=504, html=True, accept=True),
        Fault("create", body=_LOST, accept=True),
        Fault("create", reset="before"),
        Fault("create", reset="after"),
        Fault("create", truncate=20),
        Fault("create", content_type="text/plain"),
        Fault("create", delay=1),
        Fault("create", rendering="failed", error_code="content_policy_violation", error_message=_BLOCKED),
        Fault("create", rendering="failed", error_code="video_generation_failed", error_message="upstream error"),
        Fault("create", link="expired"),
    ),
    "query": (
        Fault("query", status=429, headers={"Retry-After": "1"}, body=_SATURATED),
        Fault("query", status=500, body=_SATURATED),
        Fault("query", status=504, html=True),
        Fault("query", status=401, body={"error": {"message": "无效的令牌", "type": "new_api_error"}}),
        Fault("query", status=404, html=True),
        Fault("query", reset="before"),
        Fault("query", truncate=20),
        Fault("query", content_type="text/plain"),
        Fault("query", delay=1),
        Fault("query", link="expired"),
        Fault("query", link="missing"),
    ),
    "content": (
        Fault("content", status=502, body={"error": {"message": "Failed to fetch video content"}}),
        Fault("content", reset="before"),
        Fault("content", cut_after=2000),
        Fault("content", bytes_per_second=1_000_000),
    ),
    "file": (
        Fault("file", status=503, html=True),
        Fault("file", reset="before"),
        Fault("file", cut_after=2000),
        Fault("file", bytes_per_second=1_000_000),
    ),
    "models": (Fault("models", status=502, html=True), Fault("models", reset="before")),
    "billing": (Fault("billing", status=502, html=True), Fault("billing", reset="before")),
}
"""What ``fault_rate`` draws from. No fault here lasts for ever, so every task can still end."""


@dataclass(frozen=True)
class QueuedFault:
    """A fault, and how often it was passed over and met."""

    number: int
    fault: Fault
    skipped: int = 0
    used: int = 0
    first_met_at: float = math.inf

    def is_spent(self, now: float) -> bool:
        fault = self.fault
        over = fault.lasts is not None and now - self.first_met_at >= fault.lasts
        return over or (fault.times is not None and self.used >= fault.times)


class FaultQueue:
    """The faults that were added, in order, and random ones: the same seed and requests give the same faults."""

    def __init__(self, seed: int) -> None:
        self.seed(seed)
        self._queue: list[QueuedFault] = []
        self._added = 0
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> int:
        """Return the fault's number: 1, 2, 3."""
        with self._lock:
            self._added += 1
            self._queue.append(QueuedFault(self._added, fault))
            return self._added

    def seed(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - reproducible, and no secret

    def draw(self, route: str, rate: float) -> Fault | None:
        """Return a random fault for a share of the requests."""
        if rate <= 0 or route not in RANDOM_FAULTS or self._random.random() >= rate:
            return None
        return self._random.choice(RANDOM_FAULTS[route])

    def clear(self) -> None:
        with self._lock:
            self._queue.clear()

    def __iter__(self) -> Iterator[QueuedFault]:
        with self._lock:
            return iter(tuple(self._queue))

    def take(self, route: str, video_id: str, prompt: str, *, now: float) -> Fault | None:
        """Return the fault that this request meets, and count it."""
        with self._lock:
            for index, queued in enumerate(self._queue):
                if queued.is_spent(now) or not _matches(queued.fault, route, video_id, prompt):
                    continue
                if queued.skipped < queued.fault.skip:
                    self._queue[index] = replace(queued, skipped=queued.skipped + 1)
                    continue
                met_at = min(queued.first_met_at, now)
                self._queue[index] = replace(queued, used=queued.used + 1, first_met_at=met_at)
                return queued.fault
            return None


def _matches(fault: Fault, route: str, video_id: str, prompt: str) -> bool:
    return (
        fault.route in (route, "any")
        and fault.video_id in (None, video_id)
        and (fault.prompt_contains is None or fault.prompt_contains in prompt)
    )
