"""Defers signals while something is done that must not be interrupted."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

#: SIGTERM stops a task, SIGALRM is Airflow's ``execution_timeout``, SIGINT a person at a terminal.
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)


@contextlib.contextmanager
def deferred_signals() -> Iterator[None]:
    """Defer the signals that end a task until the block is done.

    Airflow and Kubernetes give a stopped task a grace period; what follows it cannot be held back. Outside the main
    thread Python delivers no signals, so there is nothing to hold.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    usual = {one: signal.getsignal(one) for one in _SIGNALS}
    # A handler that was not set from Python cannot be put back by it.
    held = [one for one, handler in usual.items() if handler is not None]
    for one in held:
        signal.signal(one, lambda number, _frame: arrived.append(number))
    try:
        yield
    finally:
        for one in held:
            signal.signal(one, usual[one])
        for number in dict.fromkeys(arrived):
            signal.raise_signal(number)
