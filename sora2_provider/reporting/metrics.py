"""Counters and timers for Airflow's metrics. ``docs/metrics.md`` lists their names, which are few and fixed.

Nothing here fails or delays what it counts: a task that has paid must not break because a name cannot be sent.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sora2_provider import compat
from sora2_provider.gateway import errors
from sora2_provider.gateway.models import VideoStatus
from sora2_provider.gateway.polling.wait import Finished, Outcome

if TYPE_CHECKING:
    from sora2_provider.gateway.models import Video

_log = logging.getLogger(__name__)

#: What a gateway's error is called in a name, the first that fits.
_WORDS: tuple[tuple[type[errors.GatewayError], str], ...] = (
    (errors.AuthenticationError, "authentication"),
    (errors.InsufficientBalance, "balance"),
    (errors.PermissionDenied, "permission"),
    (errors.ContentRejected, "moderation"),
    (errors.VideoNotFound, "not_found"),
    (errors.RateLimited, "rate_limited"),
    (errors.GatewayUnavailable, "unavailable"),
    (errors.UnreadableResponse, "unreadable"),
    (errors.InternalAddress, "internal_address"),
    (errors.FileTooLarge, "too_large"),
    (errors.InvalidRequest, "invalid_request"),
    (errors.GatewayError, "other"),
)
_OUTCOMES = {VideoStatus.COMPLETED: Outcome.COMPLETED, VideoStatus.CANCELLED: Outcome.CANCELLED}
#: The process in which Airflow's client for metrics is known to be made.
_ready_in = 0


class Failure(enum.StrEnum):
    """Why a task failed, where no call of its own was refused."""

    RENDERING = "rendering"
    RENDERING_REJECTED = "rendering_rejected"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    LOST = "lost"
    STORAGE = "storage"
    BROKEN = "broken"
    INVALID_PARAMETER = "invalid_parameter"
    CAP = "cap"
    MIN_BALANCE = "min_balance"


def created() -> None:
    """Count a create that the gateway accepted: what is paid."""
    _send("incr", "created")


def resumed() -> None:
    """Count a video of an earlier try that was taken up instead of paying again."""
    _send("incr", "resumed")


def unknown_submission() -> None:
    """Count a create of which nobody knows whether it was accepted."""
    _send("incr", "unknown_submissions")


def stored(size: int) -> None:
    """Count a stored file and its bytes."""
    _send("incr", "stored")
    _send("incr", "bytes_stored", size)


def failed(why: Failure | BaseException) -> None:
    """Count a task's failure.

    :param why: an error of the gateway, or one that came of it, or what else it was.
    """
    _send("incr", f"failed.{why.value if isinstance(why, Failure) else _word(why)}")


def wait_ended(finished: Finished, *, started: float | None) -> None:
    """Count the end of a wait for a video, and how long the rendering took.

    :param started: when the video was submitted, in seconds since the epoch, if that is known.
    """
    video, outcome = finished.video, finished.outcome
    if outcome is Outcome.COMPLETED:
        _send("incr", "completed")
        if (seconds := _rendering_seconds(video, started)) is not None:
            _send("timing", "render_duration", timedelta(seconds=seconds))
    elif outcome is Outcome.FAILED:
        permanent = video is not None and video.failure_permanent
        failed(Failure.RENDERING_REJECTED if permanent else Failure.RENDERING)
    elif outcome is Outcome.UNREACHABLE:
        failed(Failure.LOST if isinstance(finished.error, errors.VideoNotFound) else Failure.UNREACHABLE)
    else:
        failed(Failure(outcome.value))


def rendering_ended(video: Video) -> None:
    """Count a rendering that was found to have ended, without a wait of which the beginning is known."""
    wait_ended(Finished(_OUTCOMES.get(video.status, Outcome.FAILED), video), started=None)


def poll_failed(error: errors.GatewayError) -> None:
    """Count a question about a video that was not answered. Blocks no event loop: triggers call it on one.

    Sending is one datagram, or an addition in memory. What may take its time is the first use in a process, when the
    client looks its host up; on a loop a thread does that.
    """
    name = f"poll_errors.{_word(error)}"
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        _send("incr", name)
        return
    if _ready_in == os.getpid():
        _send("incr", name)
    else:
        loop.run_in_executor(None, _send, "incr", name)


def _rendering_seconds(video: Video | None, started: float | None) -> float | None:
    """Return what the gateway says, or else the time from the submit to now."""
    if video is not None and video.created_at and video.completed_at:
        seconds = (video.completed_at - video.created_at).total_seconds()
        if seconds > 0:
            return seconds
    return None if started is None else max(0.0, time.time() - started)


def _word(error: BaseException) -> str:
    return next((word for kind, word in _WORDS if isinstance(error, kind)), Failure.BROKEN.value)


def _send(kind: str, name: str, *values: Any) -> None:
    global _ready_in
    try:
        emit: Callable[..., None] = getattr(compat.stats(), kind)
        emit(f"sora2.{name}", *values)
        _ready_in = os.getpid()
    except Exception as error:
        _log.debug("The metric sora2.%s could not be sent: %s", name, error)
