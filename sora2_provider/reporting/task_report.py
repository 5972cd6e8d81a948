"""What a task tells Airflow of its video: XComs, the link, asset events, metrics, and what lineage asks for later."""

from __future__ import annotations

from sora2_provider.compat import BaseOperator, Context
from sora2_provider.gateway.models import Video
from sora2_provider.links.sora2 import show_link
from sora2_provider.reporting import metrics
from sora2_provider.reporting.assets import announce
from sora2_provider.reporting.endings import Ending
from sora2_provider.reporting.retry_policy import warn_of_ignored_retry_after
from sora2_provider.reporting.video_metadata import VideoMetadata
from sora2_provider.storage import StoredVideo


class TaskReport:
    """Tells what becomes of one task's video, as it happens.

    :param metadata: what is known of the video. It grows with what is told.
    """

    def __init__(self, task: BaseOperator, context: Context, metadata: VideoMetadata) -> None:
        self.metadata = metadata
        self._task = task
        self._context = context

    def video(self, video: Video) -> None:
        """Push the XCom ``video``, and the link to it: at the submission, and at every end."""
        self.metadata = metadata = self.metadata.with_video(video)
        shown = {
            **metadata.video,
            "request": metadata.request,
            "conn_id": metadata.conn_id,
            "dialect": metadata.dialect,
            "stored_uri": metadata.stored.uri if metadata.stored else None,
        }
        self._context["ti"].xcom_push(key="video", value=shown)
        show_link(self._context["ti"], shown)

    def completed(self, video: Video, *, started: float | None) -> None:
        """Tell that the rendering is completed.

        :param started: when the video was submitted, in seconds since the epoch, if that is known.
        """
        self._task.log.info("Link: %s", video.url or "none in the answer: the gateway serves the file itself")
        metrics.completed(video, started=started)

    def stored(self, stored: StoredVideo) -> None:
        """Tell that the file is stored."""
        self._task.log.info("%s: %s bytes, %s, sha256 %s", stored.uri, stored.size, stored.content_type, stored.sha256)
        metrics.stored(stored.size)
        self.metadata = self.metadata.with_file(stored)
        announce(self._task, self._context, self.metadata)

    def file(self, stored: StoredVideo, video_id: str) -> None:
        """Push the XComs of a task that stores a file that another task created."""
        # A file that was kept, as ``if_exists`` may ask for, was not asked about.
        described = {"id": video_id} if stored.video is None else stored.video.to_dict()
        shown = {**described, "conn_id": self.metadata.conn_id, "stored_uri": stored.uri}
        push = self._context["ti"].xcom_push
        push(key="size", value=stored.size)
        push(key="sha256", value=stored.sha256)
        push(key="content_type", value=stored.content_type)
        push(key="video", value=shown)

    def failed(self, why: Ending | BaseException) -> None:
        """Tell that the task fails.

        :param why: the ending, or the exception where nothing was submitted.
        """
        metrics.failed(why)
        warn_of_ignored_retry_after(why.error if isinstance(why, Ending) else why, self._task.log)
