"""When a create may be sent again: only where certainly nothing was accepted, and only a few times."""

from __future__ import annotations

from collections.abc import Callable

from sora2_provider.gateway.errors import GatewayError
from sora2_provider.gateway.models import Video

#: Seconds before the second and the third sending, where the gateway names no time.
_PAUSES = (2.0, 5.0)
#: A gateway that names a longer time than this (seconds) is left to Airflow's retries, which hold no worker.
_LONGEST_PAUSE = 30.0


def pause_before_resend(error: GatewayError, *, sent: int) -> float | None:
    """Return the seconds after which a create may be sent again, or ``None`` when it may not.

    ``error.transient`` says for a create that nothing was sent, or that the gateway refused it for now. An answer that
    was lost is a :class:`~sora2_provider.gateway.errors.SubmissionUnknown`, which is never transient.

    :param sent: how often it was sent by now.
    """
    if not error.transient or sent > len(_PAUSES):
        return None
    pause = max(_PAUSES[sent - 1], error.retry_after or 0.0)
    return pause if pause <= _LONGEST_PAUSE else None


def send(
    once: Callable[[], Video], *, pause: Callable[[float], None], report: Callable[[str, float, GatewayError], None]
) -> Video:
    """Send a create, and again where :func:`pause_before_resend` allows it.

    :param once: sends it once; raises as :meth:`Sora2Client.create_video` does.
    :param pause: sleeps for so many seconds.
    :param report: takes a log line with its two arguments, for each time that the create is sent again.
    :raises GatewayError: the last that ``once`` raised.
    """
    sent = 0
    while True:
        try:
            return once()
        except GatewayError as error:
            sent += 1
            seconds = pause_before_resend(error, sent=sent)
            if seconds is None:
                raise
            report("Nothing was accepted, and the create is sent again in %.0f s: %s", seconds, error)
        pause(seconds)
