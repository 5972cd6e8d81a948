"""One timer of an event loop for many moments."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Container

#: How many are called in one turn of the loop, so that a thousand that are due together do not stall it.
_AT_ONCE = 50


class TimerQueue:
    """Calls back with the number of each entry whose moment has come. Belongs to one event loop; close it when done."""

    def __init__(self, due: Callable[[int], object]) -> None:
        self._due = due
        self._loop = asyncio.get_running_loop()
        # Numbers and not objects: tuples of plain values are nothing to the garbage collector.
        self._entries: list[tuple[float, int]] = []
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, number: int, after: float) -> None:
        """Let a number be due in so many seconds."""
        heapq.heappush(self._entries, (self._loop.time() + after, number))
        self._set_timer()

    def keep(self, numbers: Container[int]) -> None:
        """Forget all other numbers."""
        self._entries = [entry for entry in self._entries if entry[1] in numbers]
        heapq.heapify(self._entries)

    def close(self) -> None:
        """Call back no more."""
        self._entries.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self) -> None:
        if not self._entries:
            return
        moment = self._entries[0][0]
        if self._timer is not None:
            if self._timer.when() <= moment:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(moment, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self._loop.time()
        for _ in range(_AT_ONCE):
            if not self._entries or self._entries[0][0] > now:
                break
            self._due(heapq.heappop(self._entries)[1])
        self._set_timer()
