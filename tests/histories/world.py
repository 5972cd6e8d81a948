"""A small Airflow with one create task, its gateway and its record, and everything that can happen to them.

The task instance behaves as Airflow's does: ``max_tries`` is set when it is made and by a clear (``try_number +
retries``), a clear of a running task ends in a retry, XCom is emptied at each try but not at a resume, what a deferral
keeps goes through JSON, and a new try or a clear gives the task instance a new id.
"""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sora2_provider.compat import AirflowFailException, TaskDeferred
from sora2_provider.exceptions import CapReached
from sora2_provider.gateway.errors import GatewayError
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.gateway.polling.wait import Finished, VideoWait
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.triggers.events import to_event
from tests.histories.judge import Judge
from tests.histories.paid_gateway import Gateway
from tests.histories.processes import Order, Process, running
from tests.histories.record_stores import StateFolder, SteppedTarget, TaskStateStore
from tests.histories.stage import Clock, TaskInstance

REQUESTS = (("a cat", "sora2_default"), ("a dog", "sora2_default"), ("a cat", "another"))
EVENTS = ("truth", "the trigger died", "the net below", "garbled", "none", "of another video")
#: How often a person has to clear at most, when all is well again, until the video is there.
_MOST_CLEARS = 4


class World:
    """One history.

    :param options: the operator's.
    :param folder: the storage path for the record; ``None`` for the task state store.
    :param counts: of all histories.
    :param cap: the creates that the connection may send in an hour; 0 for no cap.
    """

    def __init__(
        self, options: dict[str, Any], retries: int, folder: Path | None, counts: Counter[str], cap: int = 0
    ) -> None:
        self.cap = cap
        #: How many entries were written, by the folder of their hour and ``claim`` or ``return``.
        self.slots: Counter[tuple[str, str]] = Counter()
        self.options, self.retries, self.counts = options, retries, counts
        self.clock = Clock()
        self.judge = Judge(options, fenced=folder is None)
        self.gateway = Gateway(self.clock, lambda video: self.judge.bills(running(), video))
        self.store = TaskStateStore(self.judge) if folder is None else StateFolder(self.judge, folder)
        if isinstance(self.store, StateFolder):
            SteppedTarget.store = self.store
        self.request = REQUESTS[0]
        self.state, self.restarts_as = "none", ""
        self.ti_id = self.try_number = 0
        self.max_tries = retries
        self.xcoms: dict[str, str] = {}
        self.resumes_with: dict[str, Any] = {}
        self.trigger: dict[str, Any] = {}
        self.process: Process | None = None
        self.old: list[Process] = []
        self.story: list[str] = []

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
        method, kept = "execute_complete", self.resumes_with
        video_id = self.trigger["video_id"]
        if event == "the trigger died":
            method, kept = "__fail__", {**kept, "error": "Trigger failure"}
        elif event == "the net below":
            self.clock.now = max(self.clock.now, self.trigger["deadline"] + 600.0)
            method, kept = "__fail__", {**kept, "error": "Trigger timeout"}
        else:
            other = {"garbled": {"version": 99}, "none": None}
            told = to_event("another", self._triggers()) if event == "of another video" else other.get(event)
            kept = {**kept, "event": to_event(video_id, self._triggers()) if event == "truth" else told}
        kept = json.loads(json.dumps(kept, allow_nan=False))
        name = f"resume of try {self.try_number}"
        process = self._process(name, lambda operator, context: operator.resume_execution(method, kept, context))
        self.judge.resumes(process)
        self.counts["resumes"] += 1
        self._runs(process, orders)

    def believes_dead(self) -> None:
        """Let Airflow miss the process's heartbeats: it may go on, but nobody waits for it any more."""
        assert self.process is not None
        self.story.append(f"Airflow gives {self.process} up")
        self.old.append(self.process)
        self.judge.ends(self.process)
        self._failed(None)

    def clears(self, restarts_as: str) -> None:
        """Let a person clear the task.

        :param restarts_as: what becomes of one that runs: ``retry``, or ``new`` (Airflow 3, where the executor reports
            that the process ended well).
        """
        self.story.append(f"a person clears it, {self.state}")
        self.counts["clears"] += 1
        self.judge.cleared()
        self.ti_id += 1
        if self.process is not None:
            self.judge.ends(self.process)
            self.restarts_as = restarts_as
        else:
            self._made_new()

    def changes(self, what: str, value: Any) -> None:
        self.story.append(f"{what}: {value}")
        match what:
            case "asks_for":
                self.request = value
            case "edits_retries":
                self.retries = value
            case "time_passes":
                self.clock.now += value
            case "gateway_is":
                self.gateway.mood = value
            case "next_rendering":
                self.gateway.fate, self.gateway.seconds = value
            case "store_is":
                self.store.mood = value
            case "record_is":
                self.store.damage() if value == "damaged" else self.store.repair()

    def killed(self, where: str) -> None:
        self.counts["crashes"] += 1
        self.counts[f"crash: {where}"] += 1

    def hears(self, line: str) -> None:
        self.judge.hears(running(), line, failure=False)

    def ends_well(self) -> None:
        """Let everything be well again, and the person clear the task until it succeeds."""
        self.gateway.mood = self.store.mood = "healthy"
        self.gateway.fate = "completes"
        self.store.repair()
        for video in self.gateway.videos.values():
            video.fate = "completes" if video.fate == "stays" else video.fate
        old_ones_are_first = self.try_number % 2 == 0
        if old_ones_are_first:
            self._wakes_old_ones()
        clears = 0
        for _ in range(40):
            if self.state == "success":
                break
            if self.state == "failed":
                clears += 1
                assert clears <= _MOST_CLEARS, f"it is stuck\n{self.told}"
                self.clears("retry")
            if self.cap and self.process is None and self.state != "deferred":
                # The next hour.
                self.clock.now += 3600.0
            self.goes_on()
            if self.state == "success" and self.options["durable"]:
                noted = json.loads(self.store.text or "{}")
                assert noted.get("delivered_at"), f"its delivery is not noted, but {noted}\n{self.told}"
        assert self.state == "success", f"it does not end\n{self.told}"
        self._wakes_old_ones()
        self.counts["clears at the end"] += clears

    def dies(self) -> None:
        for process in [*self.old, *([self.process] if self.process else [])]:
            process.kill()

    def check(self) -> None:
        """Fail if a video was paid for twice."""
        self.counts["paid for twice"] += len(self.judge.charges)
        assert not self.judge.charges, f"{self.judge.charges}\n{self.told}"
        if self.cap:
            self._check_cap()

    def _check_cap(self) -> None:
        """Fail if more is held in an hour than the cap, or a video was billed that holds nothing."""
        windows = {window for window, _ in self.slots}
        held = {window: self.slots[window, "claim"] - self.slots[window, "return"] for window in windows}
        self.counts["most held in an hour"] = max(self.counts["most held in an hour"], *held.values(), 0)
        assert all(0 <= one <= self.cap for one in held.values()), f"{held}\n{self.told}"
        assert sum(held.values()) >= len(self.judge.billed), self.told

    def check_end(self) -> None:
        """Fail if a video that was paid for is lost."""
        self.counts["billed"] += len(self.judge.billed)
        if self.cap:
            entries: Counter[str] = Counter()
            for (_, kind), number in self.slots.items():
                entries[kind] += number
            self.counts["slots given back"] += entries["return"]
            self.counts["slots lost"] += entries["claim"] - entries["return"] - len(self.judge.billed)
        self.counts.update(f"asked for by {why}" for why in self.judge.asked)
        for video in self.judge.billed:
            fate = self.judge.fate(video)
            self.counts["lost"] += not fate
            assert fate, f"{video.id} is lost\n{self.told}"
            self.counts[f"videos: {fate}"] += 1

    @property
    def told(self) -> str:
        return "\n".join([f"options {self.options}", *self.story])

    def _starts(self, orders: Iterable[Order]) -> None:
        self.try_number += 1
        self.xcoms.clear()
        prompt, conn_id = self.request
        process = self._process(f"try {self.try_number}", _execute)
        self.judge.try_starts(process, (VideoRequest(prompt).to_json(), conn_id))
        self.counts["tries"] += 1
        self._runs(process, orders)

    def _wakes_old_ones(self) -> None:
        while self.old:
            self.old_goes_on(0)

    def _runs(self, process: Process, orders: Iterable[Order]) -> None:
        orders = list(orders)
        self.story.append(f"{process} goes on: {[tuple(one) for one in orders]}")
        process.go_on(orders)
        if process.alive:
            self.story.append(f"{process} is suspended at: {process.steps[-1]}")
        else:
            self._ended(process)

    def _process(self, name: str, act: Any) -> Process:
        (prompt, conn_id), started = self.request, self.clock.now
        options = {"prompt": prompt, "sora2_conn_id": conn_id, "retries": self.retries, **self.options}
        operator = Sora2CreateVideoOperator(task_id="create", **options)

        def body(process: Process) -> Any:
            ti, run = TaskInstance(process, started, self.xcoms), SimpleNamespace(id=1, run_after=None)
            return act(operator, {"ti": ti, "dag_run": run, **self.store.context(lambda: self.ti_id)})

        self.state = "running"
        self.process = Process(name, self.ti_id, self.try_number, self.max_tries, body, self)
        self.process.operator = operator
        return self.process

    def _ended(self, process: Process) -> None:
        error = process.error
        if process.dead:
            self.judge.ends(process)
        elif error is not None and not isinstance(error, TaskDeferred):
            self.judge.hears(process, str(error), failure=True)
            self.counts["refused by the cap"] += isinstance(error, CapReached)
        self.story.append(f"{process} ended: {'killed' if process.dead else repr(error or process.result)}")
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
            self.process, self.state = None, "success"
            self.judge.delivered(process.result)

    def _failed(self, error: BaseException | None) -> None:
        self.process, self.resumes_with = None, {}
        if self.restarts_as == "new":
            self._made_new()
        elif self.restarts_as or (
            not isinstance(error, AirflowFailException) and self.retries and self.try_number <= self.max_tries
        ):
            self.ti_id += 1
            self.state, self.restarts_as = "up for retry", ""
        else:
            self.state = "failed"

    def _made_new(self) -> None:
        self.max_tries = self.try_number + self.retries
        self.state, self.restarts_as, self.resumes_with = "none", "", {}

    def _triggers(self) -> Finished:
        wait = VideoWait(started=self.trigger["started"], deadline=self.trigger["deadline"])
        step = wait.start(now=self.clock.now)
        while not isinstance(step, Finished):
            self.clock.now += step.after
            try:
                video = self.gateway.describe(self.trigger["video_id"], self.trigger["sora2_conn_id"])
            except GatewayError as error:
                step = wait.on_error(error, now=self.clock.now)
            else:
                step = wait.on_video(video, now=self.clock.now)
        return step


def _execute(operator: Any, context: dict[str, Any]) -> Any:
    # Airflow warns, or refuses, when execute is called by anybody else.
    return inspect.unwrap(Sora2CreateVideoOperator.execute)(operator, context)
