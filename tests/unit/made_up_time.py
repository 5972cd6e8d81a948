"""Time that is made up, for waits of half an hour: each wait moves one clock, which the emulator follows."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable
from typing import Any

from sora2_provider.emulator import Emulator


class MadeUpTime:
    """One clock for all that waits. It starts now, because the emulator's does."""

    def __init__(self, gateway: Emulator) -> None:
        self._gateway = gateway
        self.now = datetime.datetime.now(datetime.UTC).timestamp()
        self.started = self.now

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self._gateway.advance(seconds)


class LoopOfMadeUpTime:
    """The running event loop, in which a timer moves the clock and is due at once."""

    def __init__(self, clock: MadeUpTime) -> None:
        self._clock = clock
        self._real = asyncio.get_running_loop()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def time(self) -> float:
        return self._clock.now

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        self._clock.sleep(max(0.0, when - self._clock.now))
        return self._real.call_later(0, callback)


class AsyncioOfMadeUpTime:
    """Stands for the module asyncio in the poller, whose timers are its only way to wait."""

    def __init__(self, clock: MadeUpTime) -> None:
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    def get_running_loop(self) -> LoopOfMadeUpTime:
        return LoopOfMadeUpTime(self._clock)


class UtcNow:
    """Airflow's timezone module with a made-up now, which sensors in reschedule mode measure with."""

    def __init__(self, clock: MadeUpTime, real: Any) -> None:
        self._clock = clock
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def utcnow(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self._clock.now, datetime.UTC)
