"""Polls the videos of all triggers of a connection: one schedule, and as many polls at once as connections.

Thousands of triggers that slept and polled by themselves would fill the process with objects that the garbage collector
looks at while the event loop stands still. So triggers only wait for updates, and all else is kept here, in few objects.

Deadlines have a queue of their own: a wait ends by its deadline whatever becomes of the polls, whether they hang, break, are
held up by a pause or never begin.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import itertools
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from sora2_provider.gateway.dialects import UNIFIED
from sora2_provider.gateway.errors import GatewayError, GatewayUnavailable, VideoNotFound
from sora2_provider.gateway.polling.progress import ProgressReport, duration_text
from sora2_provider.gateway.polling.timer_queue import TimerQueue
from sora2_provider.gateway.polling.wait import Finished, PollAgain, VideoWait

if TYPE_CHECKING:
    from yarl import URL

    from sora2_provider.gateway.async_client import AsyncSora2Client
    from sora2_provider.gateway.models import Video
    from sora2_provider.gateway.parsing.videos import UnfinishedVideo

#: Seconds over which the polls that a pause held up are spread, so that its end is not the next rush.
_SPREAD = 5.0
#: Deadlines of waits that ended sooner are forgotten when there are more of them than of waiting videos, and so many.
_FEW = 1000
#: Seconds by which a question, or its answer, may be late without being in trouble.
_LATE = 1.0
_BROKEN_OFF = GatewayUnavailable("The question was broken off.", transient=True)


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
    #: The wire that it was created on.
    dialect: str = UNIFIED
    #: The address it is asked at, and whose it is: see SharedGateway.
    client: AsyncSora2Client | None = None
    url: URL | None = None
    #: When the question that is on its way was asked; ``None`` while none is. In seconds since the epoch.
    asked: float | None = field(init=False, default=None)
    #: When the next question is due, in the event loop's seconds.
    due: float = field(init=False, default=math.inf)
    #: When the last question was asked that found it unfinished; until then, when it was created.
    unfinished: float = field(init=False)
    _progress: ProgressReport = field(init=False, default_factory=ProgressReport)
    _is_failing: bool = field(init=False, default=False)
    # A tuple: no list for the many that have no updates.
    _updates: tuple[LogLine | Finished, ...] = field(init=False, default=())
    _reader: asyncio.Future[tuple[LogLine | Finished, ...]] | None = field(init=False, default=None)
    _error: Exception | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.unfinished = self.started

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
        if not video.status.is_terminal:
            self.unfinished = now if self.asked is None else self.asked
        return self._step(self.wait.on_video(video, now=now))

    def on_error(self, error: GatewayError) -> PollAgain | Finished:
        if not self._is_failing:
            self._is_failing = True
            text = f"The gateway could not say how video {self.video_id} stands: {error}"
            self._publish(LogLine(logging.WARNING, text))
        return self._step(self.wait.on_error(error, now=time.time()))

    def on_deadline(self, trouble: GatewayError | None) -> None:
        """End the wait.

        :param trouble: why no question could be asked, if one was due.
        """
        if self.asked is not None and (waited := time.time() - self.asked) > _LATE:
            text = f"There is no answer to it, after {duration_text(waited)}."
            trouble = GatewayUnavailable(text, transient=True)
        self._step(self.wait.on_deadline(trouble))

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
        self._deadlines = TimerQueue(self._end)
        self._paused_until = 0.0
        self.trouble: GatewayError | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._context = contextvars.Context()
        self._polling: set[asyncio.Task[None]] = set()

    def watch(self, watched: WatchedVideo, after: float, ends_after: float = math.inf) -> int:
        """Begin to poll a video after so many seconds, and return the number to :meth:`unwatch` it with.

        :param ends_after: seconds after which its wait ends, whatever becomes of the polls.
        """
        number = next(self._numbers)
        self._watched[number] = watched
        if ends_after < math.inf:
            self._deadlines.add(number, ends_after)
        self._schedule(number, after)
        self._wake_in_time()
        return number

    def unwatch(self, number: int) -> None:
        """Poll a video no more. An answer that is on its way is not waited for."""
        self._watched.pop(number, None)
        if len(self._deadlines) > 2 * len(self._watched) + _FEW:
            self._deadlines.keep(self._watched)

    def pause(self, seconds: float) -> None:
        """Begin no poll for so many seconds; then spread those that are due, so that the end is not the next rush."""
        self._paused_until = max(self._paused_until, self._loop.time() + seconds)

    async def close(self) -> None:
        """End the polls that are on their way, and begin no other."""
        # What ends looks at the schedule again, and must find nothing there to wait for.
        self._due.clear()
        self._watched.clear()
        self._deadlines.close()
        if self._timer is not None:
            self._timer.cancel()
        for task in self._polling:
            task.cancel()
        await asyncio.gather(*self._polling, return_exceptions=True)

    def _schedule(self, number: int, after: float) -> None:
        if (watched := self._watched.get(number)) is not None:
            watched.due = self._loop.time() + after
            heapq.heappush(self._due, (watched.due, number))

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
                try:
                    step = await self._poll(watched)
                except asyncio.CancelledError:
                    # Whoever did that: the video is waited for all the same, until this poller is closed.
                    if number in self._watched:
                        self._go_on(number, self._failed(watched, _BROKEN_OFF))
                    raise
                self._go_on(number, step)
            number = self._next()
            self._wake_in_time()

    def _go_on(self, number: int, step: PollAgain | Finished | None) -> None:
        if isinstance(step, PollAgain):
            self._schedule(number, step.after)
        else:
            self.unwatch(number)

    async def _poll(self, watched: WatchedVideo) -> PollAgain | Finished | None:
        """Poll, and return what follows; ``None`` where a bug has ended the wait."""
        watched.asked = time.time()
        try:
            try:
                video = await self._ask(watched)
            except GatewayError as error:
                return self._failed(watched, error)
            except asyncio.CancelledError:
                if (task := asyncio.current_task()) and task.cancelling():
                    raise
                # Not this task was cancelled, but something that the question waited for.
                return self._failed(watched, _BROKEN_OFF)
            self.trouble = None
            return watched.on_video(video)
        except Exception as error:
            watched.fail(error)
            return None
        finally:
            watched.asked = None

    def _failed(self, watched: WatchedVideo, failure: GatewayError) -> PollAgain | Finished:
        self._poll_failed(failure)
        # A copy without the traceback, which would hold all that the failed question has used.
        self.trouble = replace(failure)
        return watched.on_error(self.trouble)

    def _end(self, number: int) -> None:
        """End the wait for a video, because its deadline has come."""
        if (watched := self._watched.pop(number, None)) is not None:
            is_late = watched.asked is None and self._loop.time() - watched.due > _LATE
            watched.on_deadline(self._why_nothing_is_asked() if is_late else None)

    def _why_nothing_is_asked(self) -> GatewayError | None:
        # That another video is not known says nothing of this one.
        if self.trouble is None or isinstance(self.trouble, VideoNotFound):
            text = f"It could not be asked: {self._at_once} others wait for their answers, as many as may at once."
            return GatewayUnavailable(text, transient=True) if len(self._polling) >= self._at_once else None
        return self.trouble
