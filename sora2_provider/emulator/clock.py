"""The emulator's time: the real one plus an offset that tests move forward, so that no test sleeps.

Invariant: the time never goes back, not even when the machine's wall clock is set.
"""

from __future__ import annotations

import math
import time


class Clock:
    """Seconds since 1970, readable and movable from any thread."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        return time.monotonic() + self._offset

    def advance(self, seconds: float) -> None:
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(f"the time only moves forward: seconds must be 0 or more, not {seconds!r}")
        self._offset += seconds
