"""What a signal that ends a task may do to its create: not tear it from its record, and keep it from being sent."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

from sora2_provider.exceptions import Fate, Sora2Error

#: SIGTERM stops a task, SIGALRM is Airflow's ``execution_timeout``, SIGINT a person at a terminal.
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)


class StopNotice:
    """Whether the task was told to stop. Airflow 3 lets a task go on then, until it kills it."""

    def __init__(self) -> None:
        self.told = False
        self._pauses = False

    def check(self) -> None:
        """Keep a create from being sent that a task would pay for in vain.

        :raises Sora2Error: the task was told to stop.
        """
        if self.told:
            raise Sora2Error(
                "The task was told to stop before its create was sent", Fate.NOTHING_SENT, "A retry submits the video."
            )

    def pause(self, seconds: float) -> None:
        """Sleep, until the task is told to stop.

        :raises Sora2Error: it was.
        """
        # Other threads take no signals.
        self._pauses = self._pauses or _is_main_thread()
        try:
            self.check()
            time.sleep(seconds)
        finally:
            self._pauses = self._pauses and not _is_main_thread()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Take note of the signals that end a task; they act as usual, too."""
        if not _is_main_thread():
            yield
            return
        usual: dict[int, Any] = {one: signal.getsignal(one) for one in _SIGNALS}

        def note(number: int, frame: FrameType | None) -> None:
            self.told = True
            handler = usual[number]
            if callable(handler):
                handler(number, frame)
            elif handler == signal.SIG_DFL:
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)
            if self._pauses:
                self.check()

        watched = [one for one, handler in usual.items() if handler is not None]
        for one in watched:
            signal.signal(one, note)
        try:
            yield
        finally:
            for one in watched:
                signal.signal(one, usual[one])


@contextlib.contextmanager
def deferred_signals() -> Iterator[list[int]]:
    """Defer the signals that end a task until the block is done; yield the list of those that have come.

    Airflow and Kubernetes give a stopped task a grace period; what follows it cannot be held back. Outside the main
    thread Python delivers no signals, so there is nothing to hold.
    """
    if not _is_main_thread():
        yield []
        return
    arrived: list[int] = []
    usual = {one: signal.getsignal(one) for one in _SIGNALS}
    # A handler that was not set from Python cannot be put back by it.
    held = [one for one, handler in usual.items() if handler is not None]
    for one in held:
        signal.signal(one, lambda number, _frame: arrived.append(number))
    try:
        yield arrived
    finally:
        for one in held:
            signal.signal(one, usual[one])
        for number in dict.fromkeys(arrived):
            signal.raise_signal(number)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
