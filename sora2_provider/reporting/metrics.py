"""Counters and timers for Airflow's metrics. ``docs/metrics.md`` lists their names, which are few and fixed.

Nothing here fails or delays what it counts: a task that has paid must not break because a metric cannot be sent.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sora2_provider import compat, exceptions
from sora2_provider.gateway import errors
from sora2_provider.gateway.models import Video
from sora2_provider.reporting.endings import End, Ending

_log = logging.getLogger(__name__)

#: What an error is called in a metric's name; the first that fits.
_ERROR_NAMES: tuple[tuple[type[BaseException], str], ...] = (
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
    (exceptions.InvalidParameter, "invalid_parameter"),
    (exceptions.CapReached, "cap"),
    (exceptions.BalanceTooLow, "min_balance"),
    (OSError, "storage"),
)
#: What an ending is called. Those that are missing here are called what their error is, or are counted elsewhere.
_END_NAMES = {
    End.FAILED: "rendering",
    End.CANCELLED: "cancelled",
    End.TIMEOUT: "timeout",
    End.OUT_OF_TIME: "execution_timeout",
    End.UNREACHABLE: "unreachable",
    End.LOST: "lost",
    End.BROKEN: "broken",
}
#: The process in which Airflow's client for metrics is known to be made.
_ready_in = 0


def created() -> None:
    """Count a create that the gateway accepted: what is paid."""
    _send("incr", "created")


def resumed() -> None:
    """Count a video of an earlier try that was taken up instead of paying again."""
    _send("incr", "resumed")


def unknown_submission() -> None:
    """Count a create whose outcome is unknown."""
    _send("incr", "unknown_submissions")


def completed(video: Video, *, started: float | None = None) -> None:
    """Count a completed rendering, and how long it took.

    :param started: when the video was submitted, in seconds since the epoch, if that is known.
    """
    _send("incr", "completed")
    if (seconds := _rendering_seconds(video, started)) is not None:
        _send("timing", "render_duration", timedelta(seconds=seconds))


def stored(size: int) -> None:
    """Count a stored file and its bytes."""
    _send("incr", "stored")
    _send("incr", "bytes_stored", size)


def failed(why: Ending | BaseException) -> None:
    """Count a task's failure under the name of what led to it."""
    if not isinstance(why, Ending):
        _send("incr", f"failed.{_error_name(why)}")
    elif why.end not in (End.UNKNOWN, End.UNKNOWN_BEFORE):
        _send("incr", f"failed.{_end_name(why)}")


def poll_failed(error: errors.GatewayError) -> None:
    """Count a question about a video that was not answered. Blocks no event loop: triggers call it on one.

    Sending is one datagram, or an addition in memory. Only the first use in a process may take time, when the client looks
    up its host; on a loop a thread does that.
    """
    name = f"poll_errors.{_error_name(error)}"
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        _send("incr", name)
        return
    if _ready_in == os.getpid():
        _send("incr", name)
    else:
        loop.run_in_executor(None, _send, "incr", name)


def _rendering_seconds(video: Video, started: float | None) -> float | None:
    """Return what the gateway says, or else the time from the submission to now."""
    if video.created_at and video.completed_at:
        seconds = (video.completed_at - video.created_at).total_seconds()
        if seconds > 0:
            return seconds
    return None if started is None else max(0.0, time.time() - started)


def _end_name(ending: Ending) -> str:
    if ending.end is End.FAILED and ending.video is not None and ending.video.failure_permanent:
        return "rendering_rejected"
    if ending.end is End.NOT_STORED and not isinstance(ending.error, errors.GatewayError):
        return "storage"
    return _END_NAMES.get(ending.end) or _error_name(ending.error)


def _error_name(error: BaseException | None) -> str:
    return next((name for kind, name in _ERROR_NAMES if isinstance(error, kind)), "broken")


def _send(kind: str, name: str, *values: Any) -> None:
    global _ready_in
    try:
        emit: Callable[..., None] = getattr(compat.stats(), kind)
        emit(f"sora2.{name}", *values)
        _ready_in = os.getpid()
    except Exception as error:
        _log.debug("The metric sora2.%s could not be sent: %s", name, error)
