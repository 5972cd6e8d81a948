"""The values that a run of the create operator is given, and that it leaves for its resume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from sora2_provider.hooks.sora2 import wait_seconds


@dataclass(frozen=True)
class CreateOptions:
    """How to create a video, wait for it and store it: the operator's attributes but those of the request.

    :param makes_request_late: the request is made by code of the user's, which is called only where a video is about to
        be submitted, or where the decision rests on the request.
    """

    sora2_conn_id: str
    wait_for_completion: bool
    deferrable: bool
    timeout: float
    poll_interval: float | None
    output_path: str | None
    durable: bool
    on_clear: str
    on_unknown_submission: str
    makes_request_late: bool = False

    @classmethod
    def of(cls, operator: Any) -> CreateOptions:
        """Return the options of an operator whose templates are rendered."""
        return cls(**{one.name: getattr(operator, one.name) for one in fields(cls)})

    def with_seconds(self) -> CreateOptions:
        """Return the options with the numbers that templates have made texts of.

        :raises InvalidParameter: one is no number of seconds.
        """
        interval = None if self.poll_interval is None else wait_seconds("poll_interval", self.poll_interval)
        return replace(self, timeout=wait_seconds("timeout", self.timeout), poll_interval=interval)


@dataclass(frozen=True)
class ResumeState:
    """What must outlive a deferral.

    :param request: what was sent.
    :param started: when the video was submitted, in seconds since the epoch.
    :param usage: what the gateway counted for the create. Tasks that an early release deferred have none.
    """

    video_id: str
    conn_id: str
    request: dict[str, Any]
    started: float
    usage: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> ResumeState:
        """Return the state that a deferral has kept. What a newer release adds is passed over."""
        return cls(**{one.name: kept[one.name] for one in fields(cls) if one.name in kept})
