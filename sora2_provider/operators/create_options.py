"""The values that a run of the create operator is given, and that it leaves for its resume."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from sora2_provider.compat import BaseOperator, Context
from sora2_provider.gateway.dialects import UNIFIED
from sora2_provider.hooks.sora2 import seconds_to_wait
from sora2_provider.hooks.templates import is_settled
from sora2_provider.reporting.video_metadata import VideoMetadata
from sora2_provider.submission.submitter import Accepted
from sora2_provider.triggers.time_limits import TIMEOUT

#: The options that are numbers of seconds.
SECONDS = ("timeout", "poll_interval")


@dataclass(frozen=True)
class CreateOptions:
    """How to create a video, wait for it and store it: the operator's attributes but those of the request.

    :param makes_request_late: the request is made by code of the user's, which is called only where a video is about to
        be submitted, or where the decision rests on the request.
    """

    sora2_conn_id: str
    dialect: str
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

    def with_seconds(self, operator: Any) -> CreateOptions:
        """Return the options with the numbers that templates have made texts of. What was a number was checked at parsing.

        :raises InvalidParameter: one is no number of seconds.
        """
        rendered = [name for name in SECONDS if not is_settled(operator._as_written[name])]
        values = {name: getattr(self, name) for name in rendered}
        return replace(self, **{name: seconds_to_wait(name, value) for name, value in values.items()})


@dataclass(frozen=True)
class ResumeState:
    """What must outlive a deferral.

    :param request: what was sent.
    :param started: when the video was submitted, in seconds since the epoch.
    :param usage: what the gateway counted for the create. Tasks that an early release deferred have none.
    :param ends_by: which parameter of the task ends the wait.
    :param dialect: the wire that the video was created on.
    """

    video_id: str
    conn_id: str
    request: dict[str, Any]
    started: float
    usage: Mapping[str, Any] | None = None
    ends_by: str = TIMEOUT
    dialect: str = UNIFIED

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> ResumeState:
        """Return the state that a deferral has kept. What a newer release adds is passed over."""
        return cls(**{one.name: kept[one.name] for one in fields(cls) if one.name in kept})

    @classmethod
    def of_accepted(cls, accepted: Accepted, known: VideoMetadata) -> ResumeState:
        """Return the state of a video that the gateway has accepted."""
        request, since, dialect = accepted.request, accepted.since, accepted.dialect
        return cls(accepted.video.id, known.conn_id, request, since, known.usage, dialect=dialect)

    @property
    def metadata(self) -> VideoMetadata:
        """What it tells of the video."""
        return VideoMetadata(self.conn_id, self.video_id, self.request, {"usage": self.usage}, dialect=self.dialect)

    @classmethod
    def of_xcom(cls, task: BaseOperator, context: Context, event: Any = None) -> ResumeState:
        """Return the state out of XCom: ``airflow dags test`` loses what a deferral keeps (seen on 3.3.2).

        :param event: the trigger's, which tells when the video was submitted.
        """
        ti = context["ti"]
        pushed = ti.xcom_pull(task_ids=task.task_id, key="video", map_indexes=ti.map_index)
        started = event.get("started") if isinstance(event, Mapping) else None
        started = started or time.time()
        dialect = pushed.get("dialect", UNIFIED)
        return cls(pushed["id"], pushed["conn_id"], pushed["request"], started, pushed["usage"], dialect=dialect)
