"""What the hook does in a running task; imported only then, because DAG files must parse fast."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sora2_provider.exceptions import InvalidParameter
from sora2_provider.gateway.download.transfer import CannotResume, Downloaded, download
from sora2_provider.gateway.errors import GatewayError
from sora2_provider.gateway.models import Video, VideoRequest, VideoStatus
from sora2_provider.gateway.polling.estimates import DEFAULT_EXPECTED
from sora2_provider.gateway.polling.progress import ProgressReport, duration_text
from sora2_provider.gateway.polling.wait import Finished, Outcome, PollAgain, VideoWait
from sora2_provider.reporting import metrics
from sora2_provider.reporting.endings import Ending
from sora2_provider.reporting.failures import failure, not_retried
from sora2_provider.storage import IF_EXISTS, StoredVideo, Target
from sora2_provider.submission.journal import SubmissionJournal
from sora2_provider.submission.signals import StopNotice
from sora2_provider.submission.submitter import Accepted, Submitter

if TYPE_CHECKING:
    from sora2_provider.gateway.client import Sora2Client
    from sora2_provider.spending.caps import SpendingGuard


def create_video(
    client: Callable[[], Sora2Client],
    guard: Callable[[], SpendingGuard],
    request: VideoRequest,
    *,
    conn_id: str,
    log: Any,
) -> Video:
    """Submit a video, and keep no record of it: see :meth:`Sora2Hook.create_video`."""
    stop = StopNotice()
    with stop.watching():
        journal = SubmissionJournal(None, log=log)
        accepted = Submitter(client(), guard(), journal, conn_id=conn_id, stop=stop, log=log).submit(request)
    if isinstance(accepted, Accepted):
        return accepted.video
    if isinstance(accepted.error, GatewayError):
        raise not_retried(accepted.error) from accepted.error.__cause__
    raise failure(accepted) from accepted.error


def wait_for_video(
    client: Sora2Client, video_id: str, *, timeout: float, poll_interval: float | None, conn_id: str, log: Any
) -> Video:
    """Wait until a video is completed: see :meth:`Sora2Hook.wait_for_video`."""
    started = time.time()
    finished = await_outcome(
        client,
        video_id,
        started=started,
        deadline=started + timeout,
        poll_interval=poll_interval,
        ask_at_once=True,
        log=log,
    )
    if finished.outcome is Outcome.COMPLETED and finished.video is not None:
        return finished.video
    waited = duration_text(time.time() - started)
    raise failure(Ending.of_wait(finished, video_id, conn_id, waited=waited))


def await_outcome(
    client: Sora2Client,
    video_id: str,
    *,
    started: float,
    deadline: float,
    expected: float = DEFAULT_EXPECTED,
    poll_interval: float | None = None,
    ask_at_once: bool = False,
    log: Any,
) -> Finished:
    """Wait until a video's rendering has ended, one way or the other; log what a person wants to see of it.

    :param started: when the video was created, in seconds since the epoch.
    :param deadline: when the wait ends, in seconds since the epoch.
    :param expected: seconds that the rendering is expected to take.
    :param ask_at_once: ask first and wait then: for a video that was not created just now.
    """
    wait = VideoWait(started=started, deadline=deadline, expected=expected, poll_interval=poll_interval)
    progress = ProgressReport()
    step: PollAgain | Finished = PollAgain(0) if ask_at_once else wait.start(now=time.time())
    while isinstance(step, PollAgain):
        time.sleep(step.after)
        try:
            video = client.get_video(video_id)
        except GatewayError as error:
            metrics.poll_failed(error)
            step = wait.on_error(error, now=time.time())
            log.warning("The gateway could not say how video %s stands: %s", video_id, error)
            continue
        if line := progress.line(video, elapsed=time.time() - started):
            log.info("Video %s", line)
        step = wait.on_video(video, now=time.time())
    return step


def ends_for_good(client: Sora2Client, video: Video, *, log: Any) -> bool:
    """Whether a video was just said to have failed or to be cancelled, and is said so again some seconds later."""
    if video.status not in (VideoStatus.FAILED, VideoStatus.CANCELLED):
        return False
    wait = VideoWait(started=time.time(), deadline=math.inf)
    step = wait.on_video(video, now=time.time())
    if isinstance(step, PollAgain):
        log.info("Video %s is %s, as the gateway says; asking again before this counts.", video.id, video.status.value)
        time.sleep(step.after)
        try:
            step = wait.on_video(client.get_video(video.id), now=time.time())
        except GatewayError as error:
            metrics.poll_failed(error)
            log.warning("The gateway could not say how video %s stands: %s", video.id, error)
    return isinstance(step, Finished) and step.outcome is not Outcome.COMPLETED


def download_video(
    connect: Callable[[], Sora2Client], video_id: str, path: Any, *, if_exists: str, video: Video | None, log: Any
) -> StoredVideo:
    """Store a completed video's file: see :meth:`Sora2Hook.download_video`. A file that is kept needs no client."""
    if if_exists not in IF_EXISTS:
        raise InvalidParameter(f"if_exists={if_exists!r}: it must be one of {', '.join(IF_EXISTS)}.")
    try:
        target = Target.parse(path, video_id=video_id)
    except ValueError as error:
        raise InvalidParameter(str(error)) from error
    if if_exists != "replace" and target.exists():
        if if_exists == "fail":
            raise FileExistsError(f"{target.uri} exists, and if_exists is 'fail': nothing was downloaded.")
        log.info("%s exists and is kept (if_exists='skip')", target.uri)
        return StoredVideo(target.uri, *target.described())
    client = connect()
    known = video if video is not None and video.status is VideoStatus.COMPLETED else client.get_video(video_id)

    def write() -> Downloaded:
        return target.write(lambda sink: download(client, known, sink, pause=time.sleep, report=log.warning))

    try:
        got = write()
    except CannotResume as error:
        log.warning("%s Beginning anew.", error)
        got = write()
    if not got.length_known and got.content_type != "video/mp4":
        log.warning("The server did not say how long the file is, so its end could not be checked.")
    if (stored := target.size()) != got.size:
        raise OSError(f"{target.uri} holds {stored} bytes, but {got.size} were written. Try again.")
    return StoredVideo(target.uri, got.size, got.sha256, got.content_type, known)
