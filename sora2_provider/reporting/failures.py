"""The exception and the message for each ending.

Every message says what happened, in the gateway's own words, what became of the money, and what to do next.
"""

from __future__ import annotations

from collections.abc import Callable

from sora2_provider import exceptions
from sora2_provider.compat import AirflowFailException
from sora2_provider.exceptions import (
    Fate,
    FinalError,
    LeftRendering,
    RenderingFailed,
    Sora2Error,
)
from sora2_provider.gateway.errors import (
    AuthenticationError,
    FileTooLarge,
    GatewayError,
    InsufficientBalance,
    InternalAddress,
    SubmissionUnknown,
    UnreadableResponse,
    as_sentence,
)
from sora2_provider.gateway.models import Video, VideoStatus
from sora2_provider.reporting.endings import End, Ending

#: A file that the connection does not allow: only a change of the connection helps.
_NOT_ALLOWED = (InternalAddress, FileTooLarge)
_MORE_TIME = "For long renderings raise execution_timeout."
_PAYS_AGAIN = "A retry would submit, and pay for, a second one, so the task fails now."


def failure(ending: Ending) -> Sora2Error:
    """Return the exception for an ending without the video that the task is for."""
    return _FAILURES[ending.end](ending)


def pick_up(video_id: str, conn_id: str) -> str:
    """Return the sentence that says how to get at a video that is still rendering."""
    return (
        f"To pick it up: Sora2VideoSensor(video_id={video_id!r}, sora2_conn_id={conn_id!r}), then "
        "Sora2DownloadVideoOperator."
    )


def still_rendering(ending: Ending) -> str:
    """Return the message for a wait that was too short: the last that is known of the video, and how to pick it up."""
    return f"{_not_completed(ending)} {_rendering(ending)} {pick_up(ending.video_id, ending.conn_id)}"


def out_of_time(ending: Ending) -> Sora2Error:
    """Return the exception for a wait that pays for nothing and that the task's ``execution_timeout`` has ended."""
    return Sora2Error(
        _not_delivered(ending), _rendering(ending), f"A retry asks again, and pays for nothing. {_MORE_TIME}"
    )


def not_told(error: GatewayError, video_id: str) -> Sora2Error:
    """Return the exception for a wait that pays for nothing and that the gateway does not answer."""
    problem = f"The gateway has not reported the state of video {video_id} for minutes: {error}"
    if error.transient:
        return Sora2Error(problem, Fate.FREE_QUESTION, _first(error, "Airflow's retries may ask again."))
    return FinalError(problem, Fate.FREE_QUESTION, error.remedy)


def not_downloaded(error: GatewayError) -> Sora2Error:
    """Return the exception for a download that failed.

    Downloads cost nothing, so all are left to Airflow's retries, except for a rendering that ended without a file and for
    a file that the connection does not allow.
    """
    problem = f"The video could not be downloaded: {error}"
    if isinstance(error, _NOT_ALLOWED) and not error.transient:
        return FinalError(problem, Fate.FREE_DOWNLOAD, error.remedy)
    if type(error) is GatewayError and not error.transient:
        return FinalError(str(error))
    usual = "Retry or clear the task. If it goes on, look at the connection and at the link in XCom 'video'."
    refused = isinstance(error, (AuthenticationError, InsufficientBalance))
    return Sora2Error(problem, Fate.FREE_DOWNLOAD, f"{error.remedy} {usual}" if refused else _first(error, usual))


def rendering_ended(video: Video) -> Sora2Error:
    """Return the exception for a rendering that failed or was cancelled at the gateway."""
    said = f': "{video.error_message}"' if video.error_message else ", and the gateway gives no reason"
    code = f" (code {video.error_code})" if video.error_code else ""
    problem = f"The rendering of video {video.id} {video.status.value}{said}{code}."
    if video.failure_permanent:
        return FinalError(
            problem,
            Fate.FAILED,
            "The same request would fail again, so the task is not retried. Change the prompt, the images or the "
            "parameter that is named, then clear the task.",
        )
    return RenderingFailed(
        problem, Fate.FAILED, "A retry of the task that created it submits the request again, and pays again."
    )


def not_retried(error: GatewayError) -> GatewayError:
    """Return the error of a create as it is if a retry may help, else as one that Airflow does not retry."""
    if error.transient:
        return error
    return _FINAL.get(type(error), exceptions.FinalGatewayError)(
        error.message,
        code=error.code,
        http_status=error.http_status,
        request_id=error.request_id,
        retry_after=error.retry_after,
        to_do=error.to_do,
    )


def _refused(ending: Ending) -> Sora2Error:
    problem = f"The gateway did not accept the video: {ending.error}"
    if ending.transient:
        return Sora2Error(problem, Fate.NOTHING_PAID, _first(ending.error, "Airflow's retries may try again."))
    return FinalError(problem, Fate.NOTHING_PAID, ending.remedy)


def _unknown(ending: Ending) -> Sora2Error:
    problem = f"The outcome of the create that was sent at {ending.sent_at_utc} UTC is unknown: {ending.error}"
    if ending.resubmits:
        return Sora2Error(
            problem,
            Fate.UNKNOWN,
            "on_unknown_submission is 'resubmit': a retry submits the request again, and may pay again.",
        )
    return FinalError(problem, Fate.UNKNOWN, ending.remedy)


def _unknown_before(ending: Ending) -> Sora2Error:
    return FinalError(
        f"An earlier try of this task was ended while it submitted its video, at {ending.sent_at_utc} UTC. The outcome of "
        "that create is unknown, so nothing was submitted now.",
        Fate.UNKNOWN,
        f"{SubmissionUnknown.remedy} The connection was {ending.conn_id!r}. on_unknown_submission='resubmit' would submit "
        "again without asking.",
    )


def _not_recorded(ending: Ending) -> Sora2Error:
    return FinalError(
        f"The gateway accepted video {ending.video_id}, but its id could not be written down: {ending.error}",
        Fate.RENDERING,
        f"{pick_up(ending.video_id, ending.conn_id)} A retry could not know of it, so the task fails now. When you clear "
        "the task, it first says that the outcome is unknown; when you clear it once more, it submits another video.",
    )


def _submitted_elsewhere(ending: Ending) -> Sora2Error:
    other = f"has submitted video {ending.other_id}" if ending.other_id else "is submitting a video of its own"
    return FinalError(
        f"The gateway accepted video {ending.video_id}, but Airflow had given this process up, and another process of the "
        f"same task instance {other}.",
        Fate.RENDERING,
        pick_up(ending.video_id, ending.conn_id),
    )


def _unreachable(ending: Ending) -> Sora2Error:
    problem = f"The gateway has not reported the state of video {ending.video_id} for minutes: {ending.error}"
    if ending.durable and not ending.transient and not isinstance(ending.error, UnreadableResponse):
        return FinalError(
            problem,
            Fate.RENDERING,
            f"{ending.remedy} When this is corrected, clear the task, and it picks the video up. Nothing is submitted again.",
        )
    return _left_rendering(ending, problem, ending.remedy)


def _lost(ending: Ending) -> Sora2Error:
    problem = f"The gateway has not reported the state of video {ending.video_id} for minutes: {ending.error}"
    if not ending.durable:
        return _left_rendering(ending, problem, ending.remedy)
    return FinalError(
        problem,
        Fate.UNSAID,
        f"{ending.remedy} If the gateway has lost it, clear the task: it then submits the request again, and pays again.",
    )


def _not_stored(ending: Ending) -> Sora2Error:
    problem = f"The file of video {ending.video_id} could not be stored: {ending.error}"
    allowed = not isinstance(ending.error, _NOT_ALLOWED)
    remedy = _first(ending.error, "") if allowed else f"{ending.remedy} "
    if not ending.durable:
        return FinalError(
            problem,
            Fate.RENDERED,
            f"{remedy}{_PAYS_AGAIN} To store it: Sora2DownloadVideoOperator(video_id={ending.video_id!r}, "
            f"path={ending.path!r}, sora2_conn_id={ending.conn_id!r}).",
        )
    if not allowed and not ending.transient:
        return FinalError(
            problem, Fate.RENDERED, f"{remedy}Nothing is submitted again: the cleared task only stores the file."
        )
    return LeftRendering(
        problem, Fate.RENDERED, f"{remedy}Nothing is submitted again: a retry, or a clear, only stores the file."
    )


def _broken(ending: Ending) -> Sora2Error:
    name = type(ending.error).__name__
    return _left_rendering(
        ending, f"Video {ending.video_id} was submitted, and then the task broke: {name}: {ending.error}"
    )


def _first(error: BaseException | None, otherwise: str) -> str:
    """Return what an error says by itself to do, where it does, before what is to be done otherwise."""
    return f"{to_do} {otherwise}" if (to_do := getattr(error, "to_do", "")) else otherwise


def _left_rendering(ending: Ending, problem: str, remedy: str = "") -> Sora2Error:
    """Return the exception for a task that ends while its video goes on rendering."""
    first = f"{remedy} " if remedy else ""
    if not ending.durable:
        return FinalError(
            problem, _rendering(ending), f"{first}{pick_up(ending.video_id, ending.conn_id)} {_PAYS_AGAIN}"
        )
    return LeftRendering(
        problem,
        _rendering(ending),
        f"{first}Nothing is submitted again: a retry picks it up, and so does the task when it is cleared (or "
        f"Sora2VideoSensor(video_id={ending.video_id!r}, sora2_conn_id={ending.conn_id!r})).",
    )


def _not_completed(ending: Ending) -> str:
    why = f" The last question failed: {as_sentence(str(ending.error))}" if ending.error else ""
    return f"Video {ending.video_id} was not completed after {ending.waited}{_last_state(ending.video)}.{why}"


def _not_delivered(ending: Ending) -> str:
    allowed = f" of {ending.waited}" if ending.waited else ""
    return (
        f"The task's execution_timeout{allowed} was over before video {ending.video_id} was delivered"
        f"{_last_state(ending.video)}."
    )


def _last_state(video: Video | None) -> str:
    if video is None:
        return ""
    percent = f", {video.progress} %" if video.progress is not None else ""
    said = f"; the gateway said last that it is {video.status_word or video.status.value!r}{percent}"
    return f"{said}, and time was up before it could confirm that" if video.status.is_terminal else said


def _rendering(ending: Ending) -> str:
    """Return what became of the money where a task ends before its video does."""
    has_ended = ending.video is not None and ending.video.status.is_terminal
    return "The video is paid for, if its rendering has not failed." if has_ended else Fate.RENDERING


_FAILURES: dict[End, Callable[[Ending], Sora2Error]] = {
    End.REFUSED: _refused,
    End.UNKNOWN: _unknown,
    End.UNKNOWN_BEFORE: _unknown_before,
    End.NOT_RECORDED: _not_recorded,
    End.SUBMITTED_ELSEWHERE: _submitted_elsewhere,
    End.FAILED: lambda ending: rendering_ended(ending.video or Video(ending.video_id, VideoStatus.FAILED)),
    End.CANCELLED: lambda ending: rendering_ended(ending.video or Video(ending.video_id, VideoStatus.CANCELLED)),
    End.TIMEOUT: lambda ending: _left_rendering(
        ending, _not_completed(ending), ending.remedy or "For long renderings raise timeout."
    ),
    End.OUT_OF_TIME: lambda ending: _left_rendering(ending, _not_delivered(ending), _MORE_TIME),
    End.UNREACHABLE: _unreachable,
    End.LOST: _lost,
    End.NOT_STORED: _not_stored,
    End.BROKEN: _broken,
}

#: A gateway's errors, and what they are where Airflow must not retry.
_FINAL: dict[type, type[GatewayError]] = {
    kind.__bases__[0]: kind
    for kind in vars(exceptions).values()
    if isinstance(kind, type) and issubclass(kind, GatewayError) and issubclass(kind, AirflowFailException)
}
