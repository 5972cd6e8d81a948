"""What a gateway can do to a video, as the emulator plays it, and the row of docs/waiting.md that says what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sora2_provider.emulator import Fault
from tests.outcome_table import TABLE, Told

_AWAY = {"status": 503}
_WRONG_KEY = {"status": 401, "body": {"error": {"message": "invalid token", "code": ""}}}
_NOT_KNOWN = {"status": 400, "body": {"code": "task_not_exist", "message": "task_not_exist", "data": None}}


@dataclass(frozen=True)
class Case:
    """One thing that a gateway does to a video."""

    outcome: str
    """Its row in the table."""
    rendering: str = "completed"
    """How the rendering ends: a status word, or stuck."""
    error_code: str = ""
    error_message: str = ""
    refusal: Mapping[str, Any] = field(default_factory=dict)
    """How questions about the video are answered instead of with its state."""
    refusal_lasts: float | None = None
    """For how many seconds; None is longer than any wait."""
    said: str = ""
    """What of the gateway's own words every message holds."""

    def told(self, mode: str) -> Told:
        """Return what the page says comes of it."""
        return TABLE[self.outcome][mode]

    def refuse(self, longest: float | None = None, **whose: Any) -> Fault:
        """Return the fault that refuses questions, for ``longest`` seconds where it has no end of its own."""
        lasts = longest if self.refusal_lasts is None else self.refusal_lasts
        return Fault(route="query", times=None, lasts=lasts, **self.refusal, **whose)


CASES = {
    "completed": Case("completed"),
    "failed": Case("failed otherwise", "failed", error_message="worker crashed", said='"worker crashed"'),
    "moderated": Case(
        "failed for good (moderation, bad input)",
        "failed",
        error_code="content_policy_violation",
        error_message="a real person",
        said='"a real person" (code content_policy_violation)',
    ),
    "cancelled": Case("cancelled", "cancelled"),
    "unknown word": Case("an unknown status word", "pondering", said="'pondering'"),
    "timeout": Case("timeout", "stuck"),
    "gateway down for a minute": Case("the gateway is away for a minute", refusal=_AWAY, refusal_lasts=60),
    "gateway down for long": Case("the gateway is away for more than ten minutes", refusal=_AWAY, said="HTTP 503"),
    "wrong key": Case("the key is refused for more than three minutes", refusal=_WRONG_KEY, said="invalid token"),
    "id unknown": Case("the id is not known for more than three minutes", refusal=_NOT_KNOWN, said="task_not_exist"),
    "id unknown at first": Case("the id is not known at first", refusal=_NOT_KNOWN, refusal_lasts=20),
}
