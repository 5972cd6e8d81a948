"""What Airflow is told when something went wrong: which exception, and a message that a person can act on.

``AirflowFailException`` where a retry would pay again or wait for nothing, ``AirflowException`` where Airflow's retries
help. Every message says what happened, in the gateway's own words, what becomes of a video that is paid for, and what
to do next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sora2_provider.compat import AirflowException, AirflowFailException
from sora2_provider.exceptions import LeftRendering, RenderingFailed
from sora2_provider.gateway.errors import (
    FileTooLarge,
    GatewayError,
    InternalAddress,
    SubmissionUnknown,
    UnreadableResponse,
    VideoNotFound,
)
from sora2_provider.gateway.models import VideoStatus
from sora2_provider.gateway.polling.wait import Finished, Outcome

if TYPE_CHECKING:
    from sora2_provider.gateway.models import Video

#: Seconds between a trigger's own deadline and the moment at which Airflow gives the deferral up.
TRIGGER_GRACE = 600.0

#: Why a file is not fetched until a person has changed the connection.
_NOT_ALLOWED = (InternalAddress, FileTooLarge)


def refused(error: GatewayError, doing: str) -> AirflowException:
    """Return the exception for a call that the gateway did not serve.

    :param doing: what failed, as the beginning of a sentence: "The gateway did not accept the video".
    """
    text = f"{doing}: {with_stop(str(error))}"
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

    Downloads cost nothing, so all are left to Airflow's retries, but a rendering that ended without a file and a file
    that the connection does not allow.
    """
    if isinstance(error, _NOT_ALLOWED) and not error.transient:
        return AirflowFailException(f"The video could not be downloaded: {with_stop(str(error))} {error.remedy}")
    if type(error) is GatewayError and not error.transient:
        return AirflowFailException(str(error))
    return AirflowException(
        f"The video could not be downloaded: {with_stop(str(error))} Downloads cost nothing: retry or clear the task. "
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


def broken_after_submit(error: BaseException, video_id: str, conn_id: str, *, keeps: bool) -> AirflowException:
    """Return the exception for a task that broke when its video had been accepted.

    :param keeps: whether a retry will know of the video.
    """
    said = f"Video {video_id} was submitted, and then the task broke: {type(error).__name__}: {with_stop(str(error))}"
    return _left_rendering(said, video_id, conn_id, keeps=keeps)


def timed_out(finished: Finished, video_id: str, conn_id: str, *, waited: str) -> str:
    """Return the message for a wait that took too long: the last that is known, and how to pick the video up."""
    return f"{_not_completed_after(finished, video_id, waited)} {pick_up(video_id, conn_id)}"


def not_completed(
    finished: Finished, video_id: str, conn_id: str, *, waited: str, keeps: bool = False
) -> AirflowException:
    """Return the exception for a create whose wait ended without a video.

    :param waited: how long the wait took, for people.
    :param keeps: whether a retry will know of the video.
    """
    if finished.outcome is Outcome.TIMEOUT:
        said = f"{_not_completed_after(finished, video_id, waited)} For long renderings raise timeout."
        return _left_rendering(said, video_id, conn_id, keeps=keeps)
    if finished.outcome is Outcome.UNREACHABLE and finished.error is not None:
        error = finished.error
        said = f"The gateway has not told the state of video {video_id} for minutes: {with_stop(str(error))} {error.remedy}"
        if keeps and isinstance(error, VideoNotFound):
            return AirflowFailException(
                f"{said} If it is lost there, clear the task: it then submits the request again, and pays again."
            )
        if keeps and not error.transient and not isinstance(error, UnreadableResponse):
            return AirflowFailException(
                f"{said} The video goes on rendering and is paid for: when this is corrected, clear the task, and it picks "
                "the video up. Nothing is submitted again."
            )
        return _left_rendering(said, video_id, conn_id, keeps=keeps)
    if finished.video is None:
        from sora2_provider.gateway.models import Video

        return rendering_ended(Video(video_id, VideoStatus(finished.outcome.value)))
    return rendering_ended(finished.video)


def not_stored(error: BaseException, video_id: str, conn_id: str, path: str, *, keeps: bool) -> AirflowException:
    """Return the exception for a rendered video whose file could not be stored."""
    said = f"Video {video_id} is rendered, but its file could not be stored: {with_stop(str(error))}"
    if isinstance(error, _NOT_ALLOWED):
        said = f"{said} {error.remedy}"
        if keeps and not error.transient:
            return AirflowFailException(f"{said} Nothing is submitted again: the cleared task only stores the file.")
    if keeps:
        return LeftRendering(f"{said} Nothing is submitted again: a retry, or a clear, only stores the file.")
    return AirflowFailException(
        f"{said} A retry would submit a second one, so the task fails now. To store it: "
        f"Sora2DownloadVideoOperator(video_id={video_id!r}, path={path!r}, sora2_conn_id={conn_id!r})."
    )


def unknown_submission(error: GatewayError, *, sent_at: str, resubmits: bool) -> AirflowException:
    """Return the exception for a create whose answer was lost.

    :param sent_at: the time of that (UTC), for people and for the gateway's console.
    :param resubmits: the task's policy: submit again all the same.
    """
    said = (
        f"Nobody knows whether the gateway accepted the video that was sent at {sent_at} UTC: {with_stop(str(error))}"
    )
    if resubmits:
        return AirflowException(f"{said} on_unknown_submission is 'resubmit': a retry submits, and may pay, again.")
    return AirflowFailException(f"{said} {error.remedy}")


def unknown_before(when: str, conn_id: str) -> AirflowException:
    """Return the exception for a try that finds that an earlier one was about to send a create, and nothing else.

    :param when: the time of that (UTC), for people and for the gateway's console.
    """
    return AirflowFailException(
        f"An earlier try of this task was about to submit its video at {when} UTC, or had just done so, when it was ended. "
        f"Nobody knows whether the gateway accepted it, so nothing was submitted now. {SubmissionUnknown.remedy} The "
        f"connection was {conn_id!r}. on_unknown_submission='resubmit' would submit again by itself."
    )


def record_not_written(error: BaseException, video_id: str, conn_id: str) -> str:
    """Return the message for a video that was accepted, and whose id could not be written down."""
    return (
        f"The gateway accepted video {video_id}, but that could not be written down: {with_stop(str(error))} "
        f"{pick_up(video_id, conn_id)} A retry could not know of it, so the task fails now. When you clear the task, it "
        "first says that the outcome is unknown, and at the next clear submits another video."
    )


def submitted_elsewhere(video_id: str, other_id: str | None, conn_id: str) -> str:
    """Return the message of a process that Airflow had given up, and that learns of it only after its create."""
    other = f"has submitted video {other_id}" if other_id else "is submitting its own video"
    return (
        f"The gateway accepted video {video_id}, but another process of this task instance {other} meanwhile: this one "
        f"was believed dead. {pick_up(video_id, conn_id)}"
    )


def _left_rendering(said: str, video_id: str, conn_id: str, *, keeps: bool) -> AirflowException:
    """Return the exception for a task that ends while its video goes on rendering."""
    if keeps:
        return LeftRendering(
            f"{said} It goes on rendering and is paid for. Nothing is submitted again: a retry picks it up, and so does "
            f"the task when it is cleared (or Sora2VideoSensor(video_id={video_id!r}, sora2_conn_id={conn_id!r}))."
        )
    return AirflowFailException(
        f"{said} {pick_up(video_id, conn_id)} A retry would submit, and pay for, a second one, so the task fails now."
    )


def _not_completed_after(finished: Finished, video_id: str, waited: str) -> str:
    why = f" The last question failed: {with_stop(str(finished.error))}" if finished.error else ""
    return f"Video {video_id} was not completed after {waited}{_last_state(finished.video)}.{why}"


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


def with_stop(text: str) -> str:
    """Return a text as a sentence: a gateway's words may end without a stop."""
    return text if text.endswith((".", "!", "?", "。", "！", "？")) else f"{text}."


def _last_state(video: Video | None) -> str:
    if video is None:
        return ""
    percent = f", {video.progress} %" if video.progress is not None else ""
    return f"; the gateway's last word was {video.status_word or video.status.value!r}{percent}"
