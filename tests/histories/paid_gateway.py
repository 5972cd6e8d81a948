"""A gateway without sockets, that keeps the books: which video was accepted, when, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sora2_provider.gateway import errors
from sora2_provider.gateway.models import Video, VideoRequest, VideoStatus
from tests.histories.processes import running

_ENDS = {
    "completes": VideoStatus.COMPLETED,
    "fails": VideoStatus.FAILED,
    "is rejected": VideoStatus.FAILED,
    "is cancelled": VideoStatus.CANCELLED,
}
FATES = (*_ENDS, "stays", "is lost")
#: What the gateway may be like for a while; each answers some calls in its own way.
MOODS = ("healthy", "away", "denies", "forgets", "babbles")


@dataclass
class PaidVideo:
    """One video that was accepted, and is paid for.

    :param at: the moment in the history, see :class:`judge.Judge`.
    :param begun_at: the moment at which its intent was written.
    :param request: the request with the connection id.
    :param delivered_unheard: by a process that nobody waited for any more.
    """

    id: str
    request: Any
    fate: str
    ready_at: float
    at: int = 0
    begun_at: int = 0
    by: Any = None
    end_told: bool = False
    delivered_at: int | None = None
    delivered_unheard: bool = False
    noted: bool = False

    def described(self, now: float) -> Video:
        if self.fate == "is lost":
            return Video(self.id, VideoStatus.UNKNOWN)
        if now < self.ready_at or self.fate == "stays":
            return Video(self.id, VideoStatus.IN_PROGRESS)
        status = _ENDS[self.fate]
        self.end_told = self.end_told or status is not VideoStatus.COMPLETED
        return Video(self.id, status, failure_permanent=self.fate == "is rejected")


class Gateway:
    """The gateway, for all processes and triggers.

    :param billed: told of each video that is accepted.
    """

    def __init__(self, clock: Any, billed: Callable[[PaidVideo], None]) -> None:
        self.clock, self._billed = clock, billed
        self.videos: dict[str, PaidVideo] = {}
        self.mood = "healthy"
        self.fate, self.seconds = "completes", 60.0

    def accept(self, request: VideoRequest, conn_id: str) -> PaidVideo:
        name = f"video_{len(self.videos) + 1:02}"
        video = PaidVideo(name, (request.to_json(), conn_id), self.fate, self.clock.now + self.seconds)
        self.videos[name] = video
        self._billed(video)
        return video

    def refuse(self) -> None:
        """Refuse the call, whatever it is, if the gateway is in the mood."""
        if self.mood == "away":
            raise errors.GatewayUnavailable("bad gateway", http_status=503, transient=True)
        if self.mood == "denies":
            raise errors.AuthenticationError("invalid token", http_status=401)

    def describe(self, video_id: str, conn_id: str) -> Video:
        self.refuse()
        if self.mood == "babbles":
            raise errors.UnreadableResponse("a proxy's page", http_status=200)
        video = self.videos.get(video_id)
        if self.mood == "forgets" or video is None or video.fate == "is lost" or video.request[1] != conn_id:
            raise errors.VideoNotFound("task_not_exist", http_status=404)
        return video.described(self.clock.now)


class Client:
    """Stands for ``Sora2Client`` in one process."""

    def __init__(self, gateway: Gateway, conn_id: str) -> None:
        self._gateway, self._conn_id = gateway, conn_id

    def create_video(self, request: VideoRequest) -> Video:
        process, gateway = running(), self._gateway
        loses: dict[str, Callable[[], Exception]] = {
            "lose": lambda: errors.SubmissionUnknown("the answer was lost"),
            "defect": lambda: RuntimeError("a defect"),
        }
        try:
            process.step(
                "create",
                fail=lambda: errors.GatewayUnavailable("connection refused", transient=True),
                refuse=lambda: errors.ContentRejected("no", http_status=400),
                **loses,
            )
            gateway.refuse()
            video = gateway.accept(request, self._conn_id)
            process.sending = False
            process.step("create", "after", **loses)
            if gateway.mood == "babbles":
                raise errors.SubmissionUnknown("the answer cannot be read")
            return video.described(gateway.clock.now)
        finally:
            process.sending = False

    def get_video(self, video_id: str) -> Video:
        running().step("poll", fail=lambda: errors.GatewayUnavailable("bad gateway", transient=True))
        return self._gateway.describe(video_id, self._conn_id)

    def close(self) -> None:
        """Close nothing."""
