"""When to poll a video's state again, and when to stop: one pure state machine behind every waiter.

It holds no clock and never sleeps: callers pass the time (seconds since the epoch) and do the waiting. Invariants:

* a failed poll never ends the wait by itself: the video is paid for, and goes on rendering meanwhile;
* one answer alone never ends it as failed or cancelled: after such an end the same video may be paid for again, and a
  gateway in trouble reports its own errors under a video's name. The same answer, some seconds later, is believed;
* the deadline is a moment, not a span, so it survives restarts;
* every end that is not the gateway's names the id, so that nothing paid for is lost.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from sora2_provider.gateway.errors import GatewayError
from sora2_provider.gateway.models import Video, VideoStatus
from sora2_provider.gateway.polling.estimates import DEFAULT_EXPECTED

if TYPE_CHECKING:
    from sora2_provider.gateway.parsing.videos import UnfinishedVideo

# The first poll after a third of the expected time and then one every fifteenth: for rendering times as they were
# measured (lognormal, the 95th percentile 2.5 times the median) the end is seen within 4 % of what the best schedule
# with as many polls does, within 25 % where the expectation is five times too short, and 40 % where it is five
# times too long. Thinning out past the expected time makes all three worse; tests/benchmarks/schedule.py compares.
_FIRST_SHARE = 1 / 3
_STEADY_SHARE = 1 / 15
_SHORTEST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0
_JITTER = 0.1

#: Seconds after which an answer that says failed or cancelled must be given again: longer than a database waits for its
#: lock, or a load balancer for its next server, and nothing beside the minutes of a rendering.
CONFIRMED_AFTER = 5.0
#: The second question comes so much later: spread by the jitter, it must not come too early.
_CONFIRMED_LATER = 1.2

#: Seconds of nothing but failed polls after which the wait ends. Longer for what the gateway itself calls temporary.
_TRANSIENT_FAILURES = 600.0
_OTHER_FAILURES = 180.0
#: And fewer failed polls than this never end a wait, however far apart they were.
_FEWEST_FAILURES = 4


class Outcome(enum.StrEnum):
    """How a wait ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"


class PollAgain(NamedTuple):
    """Poll again, ``after`` so many seconds from now."""

    after: float


class Finished(NamedTuple):
    """The wait is over.

    :param video: the last that the gateway said of the video; ``None`` if it never said anything.
    :param error: the last failed poll, where the outcome is not the gateway's.
    """

    outcome: Outcome
    video: Video | None = None
    error: GatewayError | None = None


class VideoWait:
    """Decides for one video. Holds no clock: callers pass the time.

    :param started: when the video was created, in seconds since the epoch.
    :param deadline: when the wait ends, in seconds since the epoch.
    :param expected: seconds that the rendering is expected to take.
    :param poll_interval: seconds between two polls; ``None`` for a schedule made from ``expected``.
    :param answer_time: seconds before the deadline, and up to twice as many, at which the last question is asked: for who
        ends the wait at its deadline whatever is on its way then.
    :param jitter: gives a number in 0..1 that spreads the polls of many waiters.
    """

    __slots__ = (
        *("_deadline", "_ended_as", "_ended_at", "_error", "_failing_since", "_failures", "_first"),
        *("_jitter", "_last", "_last_question", "_pause", "_started"),
    )

    def __init__(
        self,
        *,
        started: float,
        deadline: float,
        expected: float = DEFAULT_EXPECTED,
        poll_interval: float | None = None,
        answer_time: float = 0.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._started = started
        self._deadline = deadline
        self._last_question = deadline - answer_time * (1 + jitter())
        self._jitter = jitter
        # Thousands of these wait together in a triggerer, each for minutes: what they hold is kept small.
        self._last: Video | tuple[str, bytes] | None = None
        self._error: GatewayError | None = None
        self._failing_since: float | None = None
        self._failures = 0
        # An end that was told once, and when.
        self._ended_as: Outcome | None = None
        self._ended_at = 0.0
        if poll_interval is None:
            self._first = expected * _FIRST_SHARE
            self._pause = min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, expected * _STEADY_SHARE))
        else:
            self._first = self._pause = poll_interval

    def start(self, *, now: float) -> PollAgain:
        """Say when to poll first. A wait that is resumed polls soon, but not all of them at the same moment."""
        first = self._spread(self._first) - (now - self._started)
        return PollAgain(min(max(first, self._pause * self._jitter()), max(0.0, self._last_question - now)))

    def on_video(self, video: Video | UnfinishedVideo, *, now: float) -> PollAgain | Finished:
        """Take what the gateway says. A wait that ends at its deadline has timed out, whatever was said only once."""
        self._error = self._failing_since = None
        self._last = video if isinstance(video, Video) else (video.id, video.body)
        outcome = _END.get(video.status)
        if outcome is Outcome.COMPLETED:
            return Finished(outcome, self._last_video())
        if outcome is None:
            self._ended_as = None
            return self._again(self._pause, now)
        if outcome is not self._ended_as:
            self._ended_as, self._ended_at = outcome, now
        elif now - self._ended_at >= CONFIRMED_AFTER:
            return Finished(outcome, self._last_video())
        return self._again(CONFIRMED_AFTER * _CONFIRMED_LATER, now)

    def on_error(self, error: GatewayError, *, now: float) -> PollAgain | Finished:
        self._ended_as = None
        if self._failing_since is None:
            self._failing_since = now
            self._failures = 0
        self._failures += 1
        self._error = error
        longest = _TRANSIENT_FAILURES if error.transient else _OTHER_FAILURES
        if now - self._failing_since >= longest and self._failures >= _FEWEST_FAILURES:
            return Finished(Outcome.UNREACHABLE, self._last_video(), error)
        return self._again(max(self._pause, error.retry_after or 0.0), now)

    def on_deadline(self, trouble: GatewayError | None = None) -> Finished:
        """End the wait without another answer.

        :param trouble: why there is none, where no question of this wait has failed.
        """
        return Finished(Outcome.TIMEOUT, self._last_video(), self._error or trouble)

    def _again(self, seconds: float, now: float) -> PollAgain | Finished:
        if now >= self._deadline:
            return self.on_deadline()
        end = self._last_question if now < self._last_question else self._deadline
        return PollAgain(min(self._spread(seconds), end - now))

    def _last_video(self) -> Video | None:
        if not isinstance(self._last, tuple):
            return self._last
        from sora2_provider.gateway.parsing.videos import read_unfinished

        return read_unfinished(*self._last)

    def _spread(self, seconds: float) -> float:
        return seconds * (1 + _JITTER * (2 * self._jitter() - 1))


_END = {status: Outcome(status.value) for status in VideoStatus if status.is_terminal}
