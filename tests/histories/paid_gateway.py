"""A gateway without sockets, that keeps the books: which video was accepted, when, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sora2_provider.gateway import errors
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.dialects import UNIFIED, dialect
from sora2_provider.gateway.dialects.base import HttpRequest
from sora2_provider.gateway.models import Video
from sora2_provider.gateway.parsing.videos import UnfinishedVideo
from sora2_provider.gateway.transport.session import RawResponse
from tests.histories import answers
from tests.histories.processes import running

#: What the gateway may be like for a while; each answers some calls in its own way.
MOODS = ("healthy", "away", "denies", "forgets", "babbles")


@dataclass(eq=False)
class PaidVideo:
    """One video that was accepted, and is paid for.

    :param request: the request with the connection id.
    :param at: the moment in the history, see :class:`judge.Books`.
    :param begun_at: the moment at which its intent was written.
    :param by: the process that paid.
    :param leave: what it was paid by.
    :param epochs: of the tries whose video a record has called it.
    :param stored: a record has named it.
    :param delivered_unheard: by a process that nobody waited for any more.
    """

    id: str
    request: Any
    fate: str
    ready_at: float
    at: int = 0
    begun_at: int = 0
    by: Any = None
    leave: Any = None
    epochs: set[int] = field(default_factory=set)
    stored: bool = False
    end_told: bool = False
    delivered_at: int | None = None
    delivered_unheard: bool = False
    noted: bool = False

    def described(self, now: float) -> RawResponse:
        fate = "stays" if now < self.ready_at else self.fate
        self.end_told = self.end_told or fate in ("fails", "is rejected", "is cancelled")
        return answers.standing(self.id, fate)


class Gateway:
    """The gateway, for all processes and triggers.

    :param billed: told of each video that is accepted.
    """

    def __init__(self, clock: Any, billed: Callable[[PaidVideo], None]) -> None:
        self.clock, self._billed = clock, billed
        self.videos: dict[str, PaidVideo] = {}
        self.mood = "healthy"
        self.fate, self.seconds = "completes", 60.0
        self._turns = 0

    def one_of(self, kind: tuple[RawResponse, ...]) -> RawResponse:
        """Return an answer of a kind, each in its turn."""
        self._turns += 1
        return kind[self._turns % len(kind)]

    def accept(self, request: Any) -> PaidVideo:
        name = f"video_{len(self.videos) + 1:02}"
        video = PaidVideo(name, request, self.fate, self.clock.now + self.seconds)
        self.videos[name] = video
        self._billed(video)
        return video

    def refusal(self) -> RawResponse | None:
        """Refuse the call, whatever it is, if the gateway is in the mood."""
        if self.mood == "away":
            return self.one_of(answers.REFUSED_FOR_NOW)
        return answers.DENIED if self.mood == "denies" else None

    def describe(self, video_id: str, conn_id: str) -> RawResponse:
        if (refusal := self.refusal()) is not None:
            return refusal
        if self.mood == "babbles":
            return self.one_of(answers.failed_questions(video_id))
        video = self.videos.get(video_id)
        if self.mood == "forgets" or video is None or video.fate == "is lost" or video.request[1] != conn_id:
            return answers.UNKNOWN_ID
        return video.described(self.clock.now)

    def state(self, video_id: str, conn_id: str) -> Video | UnfinishedVideo:
        """Answer as the triggerer reads it."""
        return dialect(UNIFIED).read_state(*self.describe(video_id, conn_id), video_id=video_id)


class _Answered(Exception):
    """An order's answer, in place of the gateway's own."""

    def __init__(self, raw: RawResponse) -> None:
        super().__init__()
        self.raw = raw


class Client(Sora2Client):
    """The client in one process, with everything but its sockets."""

    def __init__(self, gateway: Gateway, conn_id: str) -> None:
        self.settings = SimpleNamespace(  # type: ignore[assignment]
            base_url="https://gateway.example",
            create_path_of=lambda _: "",
            query_path_of=lambda _: "",
            body_form="json",
        )
        self.dialect = dialect(UNIFIED)
        self._gateway, self._conn_id = gateway, conn_id

    def close(self) -> None:
        """Close nothing."""

    def _exchange(self, request: HttpRequest) -> RawResponse:
        try:
            if request.content is not None:
                return self._create((json.loads(request.content), self._conn_id))
            (video_id,) = parse_qs(urlsplit(request.target).query)["id"]
            running().step(
                "poll",
                fail=lambda: errors.GatewayUnavailable("bad gateway", transient=True),
                lose=lambda: _Answered(self._gateway.one_of(answers.failed_questions(video_id))),
            )
            return self._gateway.describe(video_id, self._conn_id)
        except _Answered as answered:
            return answered.raw

    def _create(self, request: Any) -> RawResponse:
        process, gateway = running(), self._gateway
        process.on_wire_at = len(process.steps)
        loses: dict[str, Callable[[], Exception]] = {
            "lose": lambda: errors.SubmissionUnknown("the answer was lost"),
            "lose in words": lambda: _Answered(gateway.one_of(answers.LOST)),
            "defect": lambda: RuntimeError("a defect"),
        }
        try:
            process.step(
                "create",
                fail=lambda: errors.GatewayUnavailable("connection refused", transient=True),
                refuse=lambda: _Answered(gateway.one_of((*answers.REFUSED, *answers.REFUSED_FOR_NOW))),
                **loses,
            )
            if (refusal := gateway.refusal()) is not None:
                return refusal
            video = gateway.accept(request)
            process.sending = None
            process.step("create", "after", **loses)
            return gateway.one_of(answers.LOST) if gateway.mood == "babbles" else video.described(gateway.clock.now)
        finally:
            process.sending = None
