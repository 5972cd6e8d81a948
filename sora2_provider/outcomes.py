"""What Airflow is told when something went wrong: which exception, and a message that a person can act on.

``AirflowFailException`` where a retry would pay again or wait for nothing, ``AirflowException`` where Airflow's retries
help. Every message says what happened, in the gateway's own words, what becomes of a video that is paid for, and what
to do next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sora2_provider.compat import AirflowException, AirflowFailException
from sora2_provider.gateway.errors import GatewayError
from sora2_provider.gateway.status import VideoStatus
from sora2_provider.gateway.waiting import Finished, Outcome

if TYPE_CHECKING:
    from sora2_provider.gateway.models import Video

#: Seconds between a trigger's own deadline and the moment at which Airflow gives the deferral up.
TRIGGER_GRACE = 600.0


class InvalidParameter(AirflowFailException, ValueError):
    """A parameter or a connection that cannot work. Raised before anything is sent; a retry would change nothing."""


class RenderingFailed(AirflowException):
    """A rendering ended without a video, and the same request may well succeed: Airflow's retries may submit it again."""


def refused(error: GatewayError, doing: str) -> AirflowException:
    """Return the exception for a call that the gateway did not serve.

    :param doing: what failed, as the beginning of a sentence: "The gateway did not accept the video".
    """
    text = f"{doing}: {_with_stop(str(error))}"
    if error.transient:
        return AirflowException(f"{text} Nothing was paid for this call; Airflow's retries may try again.")
    return AirflowFailException(f"{text} {error.remedy}")


def pick_up(video_id: str, conn_id: str) -> str:
    """Return the sentence that says how to get at a video that is still rendering."""
    return (
        f"It goes on rendering and is paid for. To pick it up: Sora2VideoSensor(video_id={video_id!r}, "
        f"sora2_conn_id={conn_id!r}), then Sora2DownloadVideoOperator."
    )


def download_failed(error: GatewayError) -> AirflowException:
    """Return the exception for a file that could not be had.

    Downloads cost nothing, so all are left to Airflow's retries, but a rendering that ended without a file.
    """
    if type(error) is GatewayError and not error.transient:
        return AirflowFailException(str(error))
    return AirflowException(
        f"The video could not be downloaded: {_with_stop(str(error))} Downloads cost nothing: retry or clear the task. "
        "If it goes on, look at the connection and at the link in XCom 'video'."
    )


def _final(kind: type[GatewayError]) -> type[GatewayError]:
    return type(kind.__name__, (kind, AirflowFailException), {"__doc__": kind.__doc__, "__module__": kind.__module__})


def not_retried(error: GatewayError) -> GatewayError:
    """Return an error as it is if a retry may help, else as one that is an ``AirflowFailException`` too."""
    if error.transient:
        return error
    return _final(type(error))(
        error.message,
        code=error.code,
        http_status=error.http_status,
        request_id=error.request_id,
        retry_after=error.retry_after,
    )


def broken_after_submit(error: BaseException, video_id: str, conn_id: str) -> str:
    """Return the message for a task that broke when its video had been accepted."""
    return (
        f"Video {video_id} was submitted, and then the task broke: {type(error).__name__}: {_with_stop(str(error))} "
        f"{pick_up(video_id, conn_id)} A retry would submit a second one, so the task fails now."
    )


def timed_out(finished: Finished, video_id: str, conn_id: str, *, waited: str) -> str:
    """Return the message for a wait that took too long: the last that is known, and how to pick the video up."""
    last = _last_state(finished.video)
    why = f" The last question failed: {_with_stop(str(finished.error))}" if finished.error else ""
    return f"Video {video_id} was not completed after {waited}{last}.{why} {pick_up(video_id, conn_id)}"


def not_completed(finished: Finished, video_id: str, conn_id: str, *, waited: str) -> AirflowException:
    """Return the exception for a create whose wait ended without a video.

    :param waited: how long the wait took, for people.
    """
    if finished.outcome is Outcome.TIMEOUT:
        return AirflowFailException(
            f"{timed_out(finished, video_id, conn_id, waited=waited)} "
            "A retry would submit, and pay for, a second one, so the task fails now. For long renderings raise timeout."
        )
    if finished.outcome is Outcome.UNREACHABLE and finished.error is not None:
        return AirflowFailException(
            f"The gateway has not told the state of video {video_id} for minutes: {_with_stop(str(finished.error))} "
            f"{finished.error.remedy} {pick_up(video_id, conn_id)} A retry would submit a second one, so the task "
            "fails now."
        )
    if finished.video is None:
        from sora2_provider.gateway.models import Video

        return rendering_ended(Video(video_id, VideoStatus(finished.outcome.value)))
    return rendering_ended(finished.video)


def rendering_ended(video: Video) -> AirflowException:
    """Return the exception for a rendering that failed or was cancelled at the gateway."""
    said = f': "{video.error_message}"' if video.error_message else ", without a word of why"
    code = f" (code {video.error_code})" if video.error_code else ""
    text = f"The rendering of video {video.id} {video.status.value}{said}{code}."
    if video.failure_permanent:
        return AirflowFailException(
            f"{text} The same request would fail again, so the task is not retried. Change the prompt, the images or "
            "the parameter that is named, then clear the task."
        )
    return RenderingFailed(
        f"{text} Failed renderings are usually refunded: look at your balance. A retry of the task that created it "
        "submits the request again."
    )


def _with_stop(text: str) -> str:
    return text if text.endswith((".", "!", "?", "。", "！", "？")) else f"{text}."


def _last_state(video: Video | None) -> str:
    if video is None:
        return ""
    percent = f", {video.progress} %" if video.progress is not None else ""
    return f"; the gateway's last word was {video.status_word or video.status.value!r}{percent}"
