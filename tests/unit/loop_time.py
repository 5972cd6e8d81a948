"""An event loop whose time moves only when nothing else is left to do: hours of waiting pass in no time, in their order.

Sockets and threads are real; while one of them is at work the time stands still. So all that happens at once has one
moment, and what is to happen later never comes first.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import time
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest

Result = TypeVar("Result")
#: Real seconds of silence after which nothing is on its way any more between two sockets of this process.
_SILENCE = 0.01
#: Seconds that pass with each wait besides: who is woken at the very moment that he asked for may ask for it once more
#: (aiohttp 3.10 does), and would do so for ever.
_PASSES = 1e-6
_STARTED = 1_800_000_000.0


class _Selector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    def __init__(self, clock: LoopTime) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0 or self._clock.threads:
            # A thread that is done wakes the loop.
            return super().select(None if self._clock.threads and timeout != 0 else timeout)
        if events := super().select(_SILENCE):
            return events
        self._clock.now += timeout + _PASSES
        return []


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: LoopTime) -> None:
        self._clock = clock
        super().__init__(_Selector(clock))

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        future = super().run_in_executor(executor, func, *args)
        self._clock.threads += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: Any) -> None:
        self._clock.threads -= 1

    def set_aside(self, threads: int) -> None:
        self._clock.threads -= threads


class LoopTime:
    """The time, for everything in this process."""

    def __init__(self) -> None:
        # Small, as that of a machine that was just started: the seconds since 1970 leave no room for a loop's nanoseconds.
        self.now = 1000.0
        self.threads = 0

    @property
    def since_1970(self) -> float:
        """The same moment, in seconds since the epoch."""
        return _STARTED + self.now

    @contextlib.contextmanager
    def passes(self, loop: Any) -> Iterator[None]:
        """Let the time pass though the calling thread is at work for the loop: it hangs."""
        loop.call_soon_threadsafe(loop.set_aside, 1)
        try:
            yield
        finally:
            with contextlib.suppress(RuntimeError):  # the loop has ended before
                loop.call_soon_threadsafe(loop.set_aside, -1)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "time", lambda: self.since_1970)
            patch.setattr(time, "monotonic", lambda: self.now)
            with asyncio.Runner(loop_factory=lambda: _Loop(self)) as runner:
                return runner.run(work)
