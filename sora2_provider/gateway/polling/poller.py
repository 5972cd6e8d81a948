"""Polls the videos of all triggers of a connection: one schedule, and as many polls at once as connections.

Thousands of triggers that slept and polled by themselves would fill the process with objects that the garbage collector
looks at while the event loop stands still. So triggers only wait for updates, and all else is kept here, in few objects.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import itertools
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sora2_provider.gateway.errors import GatewayError
from sora2_provider.gateway.polling.progress import ProgressReport
from sora2_provider.gateway.polling.wait import Finished, PollAgain, VideoWait

if TYPE_CHECKING:
    from yarl import URL

    from sora2_provider.gateway.async_client import AsyncSora2Client
    from sora2_provider.gateway.models import Video
    from sora2_provider.gateway.parsing.videos import UnfinishedVideo

#: Seconds over which the polls that a pause held up are spread, so that its end is not the next rush.
_SPREAD = 5.0


class LogLine(NamedTuple):
    """A line for the trigger's log, with a level of :mod:`logging`."""

    level: int
    text: str


#: Returns a video's state, or raises :class:`GatewayError`.
Ask = Callable[["WatchedVideo"], Awaitable["Video | UnfinishedVideo"]]


@dataclass(slots=True, eq=False, repr=False)
class WatchedVideo:
    """A video that one trigger waits for."""

    video_id: str
    #: When it was created, in seconds since the epoch.
    started: float
    wait: VideoWait
    #: The address it is asked at, and whose it is: see SharedGateway.
    client: AsyncSora2Client | None = None
    url: URL | None = None
    _progress: ProgressReport = field(init=False, default_factory=ProgressReport)
    _is_failing: bool = field(init=False, default=False)
    # A tuple: no list for the many that have no updates.
    _updates: tuple[LogLine | Finished, ...] = field(init=False, default=())
    _reader: asyncio.Future[tuple[LogLine | Finished, ...]] | None = field(init=False, default=None)
    _error: Exception | None = field(init=False, default=None)

    def updates(self) -> asyncio.Future[tuple[LogLine | Finished, ...]]:
        """Return a future of all updates since this was called last. The last of all is how the wait ended.

        Not a coroutine, which would be one more object for each that waits.
        """
        self._reader = asyncio.get_running_loop().create_future()
        self._deliver()
        return self._reader

    def on_video(self, video: Video | UnfinishedVideo) -> PollAgain | Finished:
        if self._is_failing:
            self._is_failing = False
            self._publish(LogLine(logging.INFO, f"The gateway answers again about video {self.video_id}"))
        now = time.time()
        if line := self._progress.line(video, elapsed=now - self.started):
            self._publish(LogLine(logging.INFO, f"Video {line}"))
        return self._step(self.wait.on_video(video, now=now))

    def on_error(self, error: GatewayError) -> PollAgain | Finished:
        if not self._is_failing:
            self._is_failing = True
            text = f"The gateway could not say how video {self.video_id} stands: {error}"
            self._publish(LogLine(logging.WARNING, text))
        return self._step(self.wait.on_error(error, now=time.time()))

    def fail(self, error: Exception) -> None:
        """Let the trigger raise an error that is not the gateway's."""
        self._error = error
        self._deliver()

    def _step(self, step: PollAgain | Finished) -> PollAgain | Finished:
        if isinstance(step, Finished):
            self._publish(step)
        return step

    def _publish(self, update: LogLine | Finished) -> None:
        self._updates += (update,)
        self._deliver()

    def _deliver(self) -> None:
        if self._reader is None or self._reader.done():
            return
        if self._updates:
            self._reader.set_result(self._updates)
            self._updates = ()
        elif self._error is not None:
            self._reader.set_exception(self._error)


class Poller:
    """Polls watched videos when they are due. Belongs to one event loop; close it when done.

    :param at_once: how many polls may be on their way at the same time.
    :param poll_failed: called with the error of each poll that failed.
    """

    def __init__(self, ask: Ask, at_once: int, *, poll_failed: Callable[[GatewayError], object]) -> None:
        self._ask = ask
        self._at_once = at_once
        self._poll_failed = poll_failed
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count()
        self._watched: dict[int, WatchedVideo] = {}
        # Numbers and not videos: tuples of plain values are nothing to the garbage collector.
        self._due: list[tuple[float, int]] = []
        self._paused_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._context = contextvars.Context()
        self._polling: set[asyncio.Task[None]] = set()

    def watch(self, watched: WatchedVideo, after: float) -> int:
        """Begin to poll a video after so many seconds, and return the number to :meth:`unwatch` it with."""
        number = next(self._numbers)
        self._watched[number] = watched
        self._schedule(number, after)
        self._wake_in_time()
        return number

    def unwatch(self, number: int) -> None:
        """Poll a video no more. An answer that is on its way is not waited for."""
        self._watched.pop(number, None)

    def pause(self, seconds: float) -> None:
        """Begin no poll for so many seconds; then spread those that are due, so that the end is not the next rush."""
        self._paused_until = max(self._paused_until, self._loop.time() + seconds)

    async def close(self) -> None:
        """End the polls that are on their way, and begin no other."""
        # What ends looks at the schedule again, and must find nothing there to wait for.
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
        for task in self._polling:
            task.cancel()
        await asyncio.gather(*self._polling, return_exceptions=True)

    def _schedule(self, number: int, after: float) -> None:
        heapq.heappush(self._due, (self._loop.time() + after, number))

    def _wake_in_time(self) -> None:
        """Set the timer for the first poll that is due."""
        if not self._due or len(self._polling) >= self._at_once:
            return  # a poll that ends looks at the schedule first
        moment = self._due[0][0]
        if self._timer is not None:
            if self._timer.when() <= moment:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(moment, self._begin)

    def _begin(self) -> None:
        self._timer = None
        while len(self._polling) < self._at_once and (number := self._next()) is not None:
            # In a context of their own: the one here is of whichever trigger came first, whose log this is not.
            task = self._loop.create_task(self._work(number), context=self._context)
            self._polling.add(task)
            task.add_done_callback(self._done)
        self._wake_in_time()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._polling.discard(task)
        self._wake_in_time()

    def _next(self) -> int | None:
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
        """Poll, and go on for as long as another poll is due."""
        number: int | None = first
        while number is not None:
            if watched := self._watched.get(number):
                after = await self._poll(watched)
                if after is None:
                    self.unwatch(number)
                else:
                    self._schedule(number, after)
            number = self._next()
            self._wake_in_time()

    async def _poll(self, watched: WatchedVideo) -> float | None:
        """Poll, and return the seconds until the next poll; ``None`` where there is none."""
        try:
            try:
                step = watched.on_video(await self._ask(watched))
            except GatewayError as error:
                self._poll_failed(error)
                step = watched.on_error(error)
        except Exception as error:
            watched.fail(error)
            return None
        return step.after if isinstance(step, PollAgain) else None
