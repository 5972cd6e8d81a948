"""What a trigger tells the task that it woke: small JSON, validated on arrival.

An event crosses processes and, during an upgrade, versions. One that cannot be read fails loudly: it never counts as
success, and never as the end of the video. Facts that a newer triggerer adds are passed over: whatever may not be
passed over needs another version.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pendulum

from sora2_provider.gateway import errors
from sora2_provider.gateway.errors import GatewayError
from sora2_provider.gateway.models import Usage, Video, VideoStatus
from sora2_provider.gateway.polling.wait import Finished, Outcome

_VERSION = 1
#: Seconds between a trigger's own deadline and the moment at which Airflow gives the deferral up.
TRIGGER_GRACE = 600.0


class UnreadableEvent(ValueError):
    """A trigger event that is missing, or that this version cannot read."""


def to_event(video_id: str, finished: Finished, *, started: float | None = None) -> dict[str, Any]:
    """Return the event for the end of a wait: the id, the outcome, the video without ``raw``, the last error.

    :param started: when the video was submitted, in seconds since the epoch.
    """
    error = finished.error
    return {
        "version": _VERSION,
        "video_id": video_id,
        "outcome": finished.outcome.value,
        "video": finished.video.to_dict() if finished.video else None,
        "error": {"kind": type(error).__name__, **dataclasses.asdict(error)} if error else None,
        "started": started,
    }


def from_event(event: Any, *, video_id: str) -> Finished:
    """Return the end of the wait that an event tells of.

    :param video_id: the video that was waited for.
    :raises UnreadableEvent: it is missing, speaks of another video, or is of another version.
    """
    if not isinstance(event, Mapping) or event.get("version") != _VERSION:
        raise UnreadableEvent(
            f"The trigger's event cannot be read: {str(event)[:200]!r}. Triggerer and workers probably run different "
            "versions of airflow-provider-sora2: install the same one everywhere."
        )
    if event.get("video_id") != video_id:
        raise UnreadableEvent(f"The trigger's event is about {event.get('video_id')!r}, not about {video_id!r}.")
    try:
        outcome = Outcome(event["outcome"])
        video = _video(event["video"]) if event.get("video") is not None else None
        error = _error(event["error"]) if event.get("error") is not None else None
    except (KeyError, TypeError, ValueError) as problem:
        raise UnreadableEvent(f"The trigger's event about {video_id} cannot be read: {problem!r}.") from problem
    if video is None and outcome in (Outcome.COMPLETED, Outcome.FAILED, Outcome.CANCELLED):
        raise UnreadableEvent(f"The trigger's event says that {video_id} is {outcome.value}, but holds no video.")
    return Finished(outcome, video, error)


def _video(facts: Mapping[str, Any]) -> Video:
    read = _known(Video, facts)
    for name in ("created_at", "updated_at", "completed_at", "expires_at"):
        if isinstance(read.get(name), str):
            moment = pendulum.parse(read[name])
            read[name] = moment if isinstance(moment, pendulum.DateTime) else None
    if read.get("usage") is not None:
        read["usage"] = Usage(**_known(Usage, read["usage"]))
    return Video(**{**read, "status": VideoStatus(read["status"])})


def _known(kind: type[Video | Usage | GatewayError], facts: Mapping[str, Any]) -> dict[str, Any]:
    return {one.name: facts[one.name] for one in dataclasses.fields(kind) if one.name in facts}


def _error(facts: Mapping[str, Any]) -> GatewayError:
    kind = getattr(errors, str(facts["kind"]), None)
    known = kind if isinstance(kind, type) and issubclass(kind, GatewayError) else GatewayError
    read = _known(GatewayError, facts)
    return known(**{**read, "message": str(facts["message"]), "transient": bool(facts.get("transient"))})
