"""A task process that can be stopped between any two steps: it goes on, fails, is signalled or is killed as ordered.

Each process is a thread, and at most one of them runs at a time. What it does to the world outside (the gateway, the
record, XCom, a wait) is a *step*, and before each step the orders are looked at. A killed process has no effect any more:
whatever its handlers try raises again.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, NamedTuple

from sora2_provider.compat import AirflowTaskTimeout

#: Longer than any step takes (seconds): a process that does not come back is a deadlock of the test.
_PATIENCE = 60.0


#: When the operator is done, and Airflow has not heard of it yet.
_END = "the end"


class Killed(BaseException):
    """Raised into a process that is dead (SIGKILL, a lost machine), so that it ends without any effect."""


class Terminated(BaseException):
    """What Airflow 2 raises in its handler of SIGTERM."""


class Order(NamedTuple):
    """Something that befalls a process.

    :param after: how many steps from the last order.
    :param event: one of :data:`ANYWHERE` at that step, or one of the faults that a step offers, at the first step from
        there on that offers it.
    """

    after: int
    event: str


#: Events that can happen at every step: the process is killed, is suspended for a while, gets a signal; or its record's
#: store changes for a longer time.
SIGNALLED = ("timeout", "terminate", "stop")
STORE_CHANGES = ("away", "cannot write", "writes and says it failed")
ANYWHERE = ("nothing", "crash", "stall", *SIGNALLED, *STORE_CHANGES)


class Process:
    """One process of a task instance.

    :param task: the task instance, as it is when the process starts.
    :param body: what it does; gets the process.
    :param world: what it lives in: is told of each line of its log, of the step at which it is killed, and of a store
        that changes.
    :ivar operator: whose ``on_kill`` Airflow calls.
    :ivar sending: the judge's leave that an intent was written with, while its create is not sent yet.
    :ivar on_wire_at: the number of the step with which it began to send its last create.
    :ivar stopped_at: the number of the step at which it was told to stop.
    :ivar compared: how many looks at the store it has had, while it changes a record.
    """

    def __init__(self, name: str, task: Any, body: Callable[[Process], Any], world: Any) -> None:
        self.name, self.task = name, task
        self.ti_id, self.try_number, self.max_tries = task.ti_id, task.try_number, task.max_tries
        self.trial: Any = None
        self.operator: Any = None
        self.sending: Any = None
        self.on_wire_at = 0
        self.stopped_at: int | None = None
        self.compared: int | None = None
        self.dead = self.finished = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.steps: list[str] = []
        self.handlers: dict[int, Any] = {
            signal.SIGALRM: self._time_out,
            signal.SIGTERM: self._terminate,
            signal.SIGINT: signal.default_int_handler,
        }
        self.world, self._body = world, body
        self._orders: deque[Order] = deque()
        self._left: int | None = None
        self._raises = True
        self._mine, self._others = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __repr__(self) -> str:
        return self.name

    @property
    def alive(self) -> bool:
        return not (self.dead or self.finished)

    def go_on(self, orders: Iterable[Order] = ()) -> None:
        """Let it run until it ends or an order stops it."""
        self._orders = deque(orders)
        self._next_order()
        before, Stage.process = Stage.process, self
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._mine.release()
        if not self._others.acquire(timeout=_PATIENCE):
            faulthandler.dump_traceback(file=sys.__stderr__)
            raise RuntimeError(f"{self} hangs after {self.steps[-3:]}")
        Stage.process = before

    def kill(self) -> None:
        if self.alive:
            self.go_on([Order(0, "crash")])

    def step(
        self, place: str, when: str = "before", *, at_once: bool = False, **faults: Callable[[], BaseException]
    ) -> None:
        """Be about to do something to the world, or just done with it.

        :param at_once: a process is not suspended here.
        :param faults: what may go wrong here, by event.
        """
        self.steps.append(f"{place}, {when}")
        while True:
            if self.dead:
                raise Killed
            event = self._due(faults, at_once)
            if event is None:
                return
            if place == _END and event in SIGNALLED:
                # Nothing of the operator runs any more that could catch it.
                event = "crash"
            if event == "stall":
                self._stall()
            elif event == "crash":
                self.dead = True
                self.world.killed(f"{place}, {when}")
            elif event in faults:
                raise faults[event]()
            elif event in SIGNALLED:
                self._signal(event)
            elif event in STORE_CHANGES:
                self.world.store_mood = event

    def deliver(self, number: int) -> None:
        self.handlers[number](number, None)

    def _due(self, faults: dict[str, Any], at_once: bool) -> str | None:
        if self._left is None:
            return None
        if self._left > 0:
            self._left -= 1
            return None
        event = self._orders[0].event
        if (event not in ANYWHERE and event not in faults) or (event == "stall" and at_once):
            return None
        self._orders.popleft()
        self._next_order()
        return event

    def _next_order(self) -> None:
        self._left = self._orders[0].after if self._orders else None

    def _stall(self) -> None:
        self._others.release()
        self._mine.acquire()

    def _signal(self, event: str) -> None:
        self.stopped_at = self.stopped_at or len(self.steps)
        self._raises = event == "terminate"
        self.deliver(signal.SIGALRM if event == "timeout" else signal.SIGTERM)

    def _time_out(self, *_: Any) -> None:
        raise AirflowTaskTimeout("the execution_timeout is over")

    def _terminate(self, *_: Any) -> None:
        self.operator.on_kill()
        # Airflow 3 lets the task go on until it is killed.
        if self._raises:
            raise Terminated("the task received SIGTERM")

    def _run(self) -> None:
        try:
            try:
                self.result = self._body(self)
            except BaseException as error:
                self.error = error
            self.step(_END)
        except BaseException as error:
            self.error = self.error or error
        self.finished = True
        self._others.release()


class Stage:
    process: Process | None = None


def running() -> Process:
    assert Stage.process is not None
    return Stage.process


class Log:
    def __getattr__(self, level: str) -> Callable[..., None]:
        def write(text: str, *values: Any) -> None:
            process = Stage.process
            if process is not None and not process.dead:
                process.world.hears(text % values if values else text)

        return write


def _set_handler(number: int, handler: Any) -> None:
    running().handlers[number] = handler


#: Stands for the modules ``signal`` and ``threading``: each process has handlers, and a main thread, of its own.
SIGNALS = SimpleNamespace(
    getsignal=lambda number: running().handlers[number],
    signal=_set_handler,
    raise_signal=lambda number: running().deliver(number),
)
THREADS = SimpleNamespace(current_thread=lambda: "main", main_thread=lambda: "main")
