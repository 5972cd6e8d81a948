"""One task instance of a small Airflow, and what Airflow and people do with it.

It behaves as Airflow's does: ``max_tries`` is set when it is made and by a clear (``try_number + retries``), a clear of a
running task ends in a retry, XCom is emptied at each try but not at a resume, what a deferral keeps goes through JSON,
and a new try or a clear gives the task instance a new id.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from sora2_provider.compat import AirflowFailException, TaskDeferred
from sora2_provider.exceptions import CapReached
from sora2_provider.gateway.errors import GatewayError
from sora2_provider.gateway.polling.wait import Finished, VideoWait
from sora2_provider.triggers.events import to_event
from tests.histories.books import Create
from tests.histories.judge import Judge
from tests.histories.processes import Order, Process
from tests.histories.record_stores import Store
from tests.histories.stage import TaskInstance

EVENTS = ("truth", "the trigger died", "the net below", "garbled", "none", "of another video")


@dataclass
class Run:
    """A DAG run.

    :param started: in seconds since the epoch; a person who clears it when it is over, or sets it to queued, starts it anew.
    :param clears: Airflow's ``clear_number``.
    :param deployment: the name of the Airflow that it belongs to.
    """

    started: float
    clears: int = 0
    deployment: str = ""

    def as_seen_now(self) -> Any:
        started = datetime.fromtimestamp(self.started, UTC)
        return SimpleNamespace(id=1, run_after=None, start_date=started, clear_number=self.clears)


class Task:
    """A task instance.

    :param world: what it lives in.
    :param map_index: -1 for a task that is not mapped.
    """

    def __init__(self, name: str, world: Any, run: Run, store: Store, judge: Judge, *, map_index: int) -> None:
        self.name, self.world, self.run, self.store, self.judge = name, world, run, store, judge
        self.map_index = map_index
        self.state, self.restarts_as = "none", ""
        self.ti_id = self.try_number = 0
        self.max_tries = world.retries
        self.xcoms: dict[str, str] = {}
        self.resumes_with: dict[str, Any] = {}
        self.trigger: dict[str, Any] = {}
        self.process: Process | None = None
        self.old: list[Process] = []
        self.delivered: list[str] = []

    @property
    def is_over(self) -> bool:
        return self.state in ("success", "failed")

    def goes_on(self, orders: Iterable[Order] = ()) -> None:
        """Let Airflow do what it does next: go on with the process, resume the task, or start the next try."""
        if self.process is not None:
            self._runs(self.process, orders)
        elif self.state == "deferred":
            self.resumes("truth", orders)
        else:
            self._starts(orders)

    def old_goes_on(self, which: int, orders: Iterable[Order] = ()) -> None:
        """Let a process that Airflow has given up go on."""
        self._runs(self.old[which % len(self.old)], orders)

    def resumes(self, event: str, orders: Iterable[Order] = ()) -> None:
        """Let the trigger end, one way or the other, and Airflow resume the task."""
        clock = self.world.clock
        method, kept = "execute_complete", self.resumes_with
        video_id = self.trigger["video_id"]
        if event == "the trigger died":
            method, kept = "__fail__", {**kept, "error": "Trigger failure"}
        elif event == "the net below":
            clock.now = max(clock.now, self.trigger["deadline"] + 600.0)
            method, kept = "__fail__", {**kept, "error": "Trigger timeout"}
        else:
            other = {"garbled": {"version": 99}, "none": None}
            told = to_event("another", self._triggers()) if event == "of another video" else other.get(event)
            kept = {**kept, "event": to_event(video_id, self._triggers()) if event == "truth" else told}
        kept = json.loads(json.dumps(kept, allow_nan=False))
        operator, _ = self.world.code.body(self.world.requests_of(self), self.world.operator_options)

        def act(process: Process, context: dict[str, Any]) -> list[Any]:
            create = Create(0, "", None)
            self.judge.begins(process, create)
            done = operator.resume_execution(method, kept, {**context, "task": operator})
            self.judge.returns(process, create, done)
            return [done]

        self.world.counts["resumes"] += 1
        self._runs(self._process(f"resume of try {self.try_number}", operator, act, resumed=True), orders)

    def believes_dead(self) -> None:
        """Let Airflow miss the process's heartbeats: it may go on, but nobody waits for it any more."""
        assert self.process is not None
        self.tell(f"Airflow gives {self.process} up")
        self.old.append(self.process)
        self.judge.ends(self.process)
        self._failed(None)

    def clears(self, restarts_as: str) -> None:
        """Let a person clear the task.

        :param restarts_as: what becomes of one that runs: ``retry``, or ``new`` (Airflow 3, where the executor reports
            that the process ended well).
        """
        self.tell(f"a person clears it, {self.state}")
        self.world.counts["clears"] += 1
        self.judge.cleared()
        self.run.clears += 1
        if all(task.is_over for task in self.world.tasks if task.run is self.run):
            self.run.started = self.world.clock.time()
        self.ti_id += 1
        if self.process is not None:
            self.judge.ends(self.process)
            self.restarts_as = restarts_as
        else:
            self._made_new()

    def wakes_old_ones(self) -> None:
        while self.old:
            self.old_goes_on(0)

    def tell(self, text: str) -> None:
        self.world.story.append(f"{self.name}{text}")

    def _starts(self, orders: Iterable[Order]) -> None:
        self.try_number += 1
        self.xcoms.clear()
        operator, act = self.world.code.body(self.world.requests_of(self), self.world.operator_options)
        self.world.counts["tries"] += 1
        self._runs(self._process(f"try {self.try_number}", operator, act, resumed=False), orders)

    def _process(
        self, name: str, operator: Any, act: Callable[[Process, dict[str, Any]], Any], *, resumed: bool
    ) -> Process:
        started, run = self.world.clock.now, self.run.as_seen_now()

        def body(process: Process) -> Any:
            ti = TaskInstance(process, started, self.xcoms, self.map_index)
            return act(process, {"ti": ti, "dag_run": run, **self.store.context(lambda: self.ti_id)})

        self.state = "running"
        self.process = Process(f"{self.name}{name}", self, body, self.world)
        self.process.operator = operator
        requests = enumerate(self.world.requests_of(self))
        self.judge.starts(self.process, [self.world.code.want(*one) for one in requests], resumed=resumed)
        return self.process

    def _runs(self, process: Process, orders: Iterable[Order]) -> None:
        orders = list(orders)
        self.world.story.append(f"{process} goes on: {[tuple(one) for one in orders]}")
        process.go_on(orders)
        if process.alive:
            self.world.story.append(f"{process} is suspended at: {process.steps[-1]}")
        else:
            self._ended(process)

    def _ended(self, process: Process) -> None:
        error = process.error
        if process.dead:
            self.judge.ends(process)
        elif error is not None and not isinstance(error, TaskDeferred):
            self.judge.hears(process, str(error), failure=True)
            self.world.counts["refused by the cap"] += isinstance(error, CapReached)
        self.world.story.append(f"{process} ended: {'killed' if process.dead else repr(error or process.result)}")
        if process is not self.process:
            self.old = [one for one in self.old if one is not process]
            return
        if process.dead or self.restarts_as or (error is not None and not isinstance(error, TaskDeferred)):
            self._failed(None if process.dead else error)
        elif isinstance(error, TaskDeferred):
            self.process, self.state = None, "deferred"
            self.resumes_with = json.loads(json.dumps(error.kwargs, allow_nan=False))
            self.trigger = json.loads(json.dumps(error.trigger.serialize()[1], allow_nan=False))
        else:
            self.process, self.state, self.delivered = None, "success", process.result
            self.judge.delivered(process)

    def _failed(self, error: BaseException | None) -> None:
        self.process, self.resumes_with = None, {}
        if self.restarts_as == "new":
            self._made_new()
        elif self.restarts_as or (
            not isinstance(error, AirflowFailException) and self.world.retries and self.try_number <= self.max_tries
        ):
            self.ti_id += 1
            self.state, self.restarts_as = "up for retry", ""
        else:
            self.state = "failed"

    def _made_new(self) -> None:
        self.max_tries = self.try_number + self.world.retries
        self.state, self.restarts_as, self.resumes_with = "none", "", {}

    def _triggers(self) -> Finished:
        clock, trigger = self.world.clock, self.trigger
        wait = VideoWait(started=trigger["started"], deadline=trigger["deadline"])
        step = wait.start(now=clock.now)
        while not isinstance(step, Finished):
            clock.now += step.after
            try:
                video = self.world.gateway.state(trigger["video_id"], trigger["sora2_conn_id"])
            except GatewayError as error:
                step = wait.on_error(error, now=clock.now)
            else:
                step = wait.on_video(video, now=clock.now)
        return step
