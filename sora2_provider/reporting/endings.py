"""How one video ended for a task: a value, so that whoever works for many videos can collect them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pendulum

from sora2_provider.gateway.errors import VideoNotFound

if TYPE_CHECKING:
    from sora2_provider.gateway.models import Video
    from sora2_provider.gateway.polling.wait import Finished


class End(enum.Enum):
    """How a video ended for a task."""

    COMPLETED = "the video is completed"
    REFUSED = "the gateway accepted nothing"
    UNKNOWN = "the answer to this try's create was lost"
    UNKNOWN_BEFORE = "an earlier try was ended between its intent and the gateway's answer"
    NOT_RECORDED = "the gateway accepted the video, and its id could not be written down"
    SUBMITTED_ELSEWHERE = "another process of the same task instance has submitted, too"
    FAILED = "the rendering failed"
    CANCELLED = "the rendering was cancelled at the gateway"
    TIMEOUT = "the rendering took longer than the task waits"
    OUT_OF_TIME = "the task's execution_timeout was over"
    UNREACHABLE = "the gateway did not tell the state for too long"
    LOST = "the gateway does not know the video any more"
    NOT_STORED = "the video is rendered, and its file could not be stored"
    BROKEN = "the task broke after the submission"


@dataclass(frozen=True)
class Ending:
    """The end of one video, and what a person must know of it.

    :param video: the last that the gateway said of it; ``None`` if it never said anything.
    :param error: what led to this end, if that was an error.
    :param durable: whether a retry will know of the video.
    :param waited: how long the wait took, for people, or how long it might take.
    :param sent_at: when the create was sent, in seconds since the epoch.
    :param resubmits: whether the task's policy is to submit again when an outcome is unknown.
    :param path: where the file was to be stored.
    :param other_id: the video that another process has submitted.
    """

    end: End
    video_id: str = ""
    conn_id: str = ""
    durable: bool = False
    video: Video | None = None
    error: BaseException | None = None
    waited: str = ""
    sent_at: float = 0.0
    resubmits: bool = False
    path: str = ""
    other_id: str | None = None

    @classmethod
    def of_wait(cls, finished: Finished, video_id: str, conn_id: str, *, waited: str, durable: bool = False) -> Ending:
        """Return the ending that a wait for a video came to."""
        end = End[finished.outcome.name]
        if end is End.UNREACHABLE and isinstance(finished.error, VideoNotFound):
            end = End.LOST
        return cls(end, video_id, conn_id, durable, finished.video, finished.error, waited)

    @property
    def sent_at_utc(self) -> str:
        """The time of the create, for people and for the gateway's console."""
        return pendulum.from_timestamp(self.sent_at).to_datetime_string()

    @property
    def remedy(self) -> str:
        """What the error itself says to do."""
        return getattr(self.error, "remedy", "")

    @property
    def transient(self) -> bool:
        """Whether the same call may succeed later."""
        return bool(getattr(self.error, "transient", False))
