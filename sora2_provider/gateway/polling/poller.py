"""Asks for the videos of all triggers of a connection: one schedule, and as many questions at once as connections.

A trigger that slept and asked by itself would hold a timer, its last answer and its next question, and be woken for
every answer. Thousands of them fill the process with objects that the garbage collector looks at while the event loop
stands still. So triggers only wait for what is worth saying, and what is known of their videos is kept here, in few
objects and plain values.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import itertools
import logging
import random
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sora2_provider.gateway.errors import GatewayError
from sora2_provider.gateway.polling.progress import ProgressReport
from sora2_provider.gateway.polling.wait import Finished, PollAgain, VideoWait
from sora2_provider.reporting import metrics

if TYPE_CHECKING:
    from yarl import URL

    from sora2_provider.gateway.async_client import AsyncSora2Client
    from sora2_provider.gateway.models import Video
    from sora2_provider.gateway.parsing.videos import StillRendering

#: Seconds over which the questions that a pause held up are spread, so that its end is not the next rush.
_SPREAD = 5.0


class Said(NamedTuple):
    """A line for the trigger's log.

    :param level: as in :mod:`logging`.
    """

    level: int
    text: str


class Question(Protocol):
    """How the poller asks: see :meth:`sora2_provider.triggers.shared_gateway.SharedGateway.ask`."""

    async def __call__(self, watched: WatchedVideo) -> Video | StillRendering:
        """Return the video's state, or raise :class:`GatewayError`."""
        ...


class WatchedVideo:
    """A video that one trigger waits for.

    :param started: when it was created, in seconds since the epoch.
    """

    __slots__ = (
        "_broken",
        "_failing",
        "_news",
        "_progress",
        "_reader",
        "_started",
        "client",
        "url",
        "video_id",
        "wait",
    )

    def __init__(self, video_id: str, started: float, wait: VideoWait) -> None:
        self.video_id = video_id
        self.wait = wait
        #: The address it is asked at, and whose it is: see SharedGateway.
        self.client: AsyncSora2Client | None = None
        self.url: URL | None = None
        self._started = started
        self._progress = ProgressReport()
        self._failing = False
        # A tuple: no list for the many that have nothing to say.
        self._news: tuple[Said | Finished, ...] = ()
        self._reader: asyncio.Future[tuple[Said | Finished, ...]] | None = None
        self._broken: Exception | None = None

    def news(self) -> asyncio.Future[tuple[Said | Finished, ...]]:
        """Return a future of all that is worth saying since this was called last. The last is how the wait ended.

        Not a coroutine, which would be one more object for each that waits.
        """
        self._reader = asyncio.get_running_loop().create_future()
        self._hand_over()
        return self._reader

    def on_video(self, video: Video | StillRendering) -> PollAgain | Finished:
        """Take an answer."""
        if self._failing:
            self._failing = False
            self._tell(Said(logging.INFO, f"The gateway answers again about video {self.video_id}"))
        now = time.time()
        if line := self._progress.line(video, elapsed=now - self._started):
            self._tell(Said(logging.INFO, f"Video {line}"))
        return self._step(self.wait.on_video(video, now=now))

    def on_error(self, error: GatewayError) -> PollAgain | Finished:
        """Take a question that failed."""
        metrics.poll_failed(error)
        if not self._failing:
            self._failing = True
            self._tell(Said(logging.WARNING, f"The gateway could not say how video {self.video_id} stands: {error}"))
        return self._step(self.wait.on_error(error, now=time.time()))

    def broken(self, error: Exception) -> None:
        """Let the trigger raise an error that is not the gateway's."""
        self._broken = error
        self._hand_over()

    def _step(self, step: PollAgain | Finished) -> PollAgain | Finished:
        if isinstance(step, Finished):
            self._tell(step)
        return step

    def _tell(self, news: Said | Finished) -> None:
        self._news += (news,)
        self._hand_over()

    def _hand_over(self) -> None:
        reader = self._reader
        if reader is None or reader.done():
            return
        if self._news:
            reader.set_result(self._news)
            self._news = ()
        elif self._broken is not None:
            reader.set_exception(self._broken)


class Poller:
    """Asks for watched videos when their questions are due. Belongs to one event loop; close it when done.

    :param ask: how to ask.
    :param at_once: how many questions may be on their way at the same time.
    """

    def __init__(self, ask: Question, at_once: int) -> None:
        self._ask = ask
        self._at_once = at_once
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count()
        self._watched: dict[int, WatchedVideo] = {}
        # Numbers and not videos: tuples of plain values are nothing to the garbage collector.
        self._due: list[tuple[float, int]] = []
        self._paused_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._context = contextvars.Context()
        self._asking: set[asyncio.Task[None]] = set()

    def watch(self, watched: WatchedVideo, after: float) -> int:
        """Begin to ask for a video, and return the number to :meth:`leave` with.

        :param after: seconds until the first question.
        """
        number = next(self._numbers)
        self._watched[number] = watched
        self._schedule(number, after)
        self._wake_in_time()
        return number

    def leave(self, number: int) -> None:
        """Ask no more for a video. An answer that is on its way is not waited for."""
        self._watched.pop(number, None)

    def pause(self, seconds: float) -> None:
        """Begin no question for so long; then spread those that are due, so that the end is not the next rush."""
        self._paused_until = max(self._paused_until, self._loop.time() + seconds)

    async def close(self) -> None:
        """End the questions that are on their way, and begin no other."""
        # What ends looks at the schedule again, and must find nothing there to wait for.
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    def _schedule(self, number: int, after: float) -> None:
        heapq.heappush(self._due, (self._loop.time() + after, number))

    def _wake_in_time(self) -> None:
        """See to it that somebody looks at the schedule when its first question is due."""
        if not self._due or len(self._asking) >= self._at_once:
            return  # who comes back with an answer looks at it first
        moment = self._due[0][0]
        if self._timer is not None:
            if self._timer.when() <= moment:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(moment, self._begin)

    def _begin(self) -> None:
        self._timer = None
        while len(self._asking) < self._at_once and (number := self._next()) is not None:
            # In a context of their own: the one here is of whichever trigger came first, whose log this is not.
            task = self._loop.create_task(self._work(number), context=self._context)
            self._asking.add(task)
            task.add_done_callback(self._done)
        self._wake_in_time()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._asking.discard(task)
        self._wake_in_time()

    def _next(self) -> int | None:
        """Take the next question that is due."""
        now = self._loop.time()
        while self._due and self._due[0][0] <= now:
            _, number = heapq.heappop(self._due)
            if number not in self._watched:
                continue
            if self._paused_until <= now:
                return number
            spread = self._paused_until + _SPREAD * random.random()  # noqa: S311
            heapq.heappush(self._due, (spread, number))
        return None

    async def _work(self, first: int) -> None:
        """Ask, and go on for as long as another question is due."""
        number: int | None = first
        while number is not None:
            watched = self._watched.get(number)
            if watched is not None:
                after = await self._answer(watched)
                if after is None:
                    self.leave(number)
                else:
                    self._schedule(number, after)
            number = self._next()
            self._wake_in_time()

    async def _answer(self, watched: WatchedVideo) -> float | None:
        """Ask, and return the seconds until the next question; ``None`` where there is none."""
        try:
            try:
                step = watched.on_video(await self._ask(watched))
            except GatewayError as error:
                step = watched.on_error(error)
        except Exception as error:
            watched.broken(error)
            return None
        return step.after if isinstance(step, PollAgain) else None
