"""A small Airflow with a create task, its gateway and its records, and everything that can happen to them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.histories.books import Books
from tests.histories.judge import Judge
from tests.histories.paid_gateway import Gateway, PaidVideo
from tests.histories.processes import running
from tests.histories.record_stores import StateFolder, Store, TaskStateStore
from tests.histories.stage import Clock
from tests.histories.task_code import TaskCode
from tests.histories.task_instance import Run, Task

CAT, DOG, FOX, ELSEWHERE = (
    ("a cat", "sora2_default"),
    ("a dog", "sora2_default"),
    ("a fox", "sora2_default"),
    ("a cat", "another"),
)
#: What a task's code may ask for: of these a single create has the first, and a mapped task one for each index.
LISTS = (
    *([CAT], [DOG], [ELSEWHERE]),
    *([CAT, DOG], [DOG, CAT], [CAT, CAT], [DOG, FOX], [CAT, ELSEWHERE]),
    *([FOX, CAT, DOG], [CAT, FOX, DOG]),
)
#: How many task instances there are: one; two of a mapped task; one in each of two deployments that share a storage path.
LAYOUTS = ("alone", "mapped", "two deployments")
#: How often a person has to clear at most, when all is well again, until a create has its video.
_MOST_CLEARS = 4


class World:
    """One history.

    :param options: the operator's.
    :param folder: the storage path for the records; ``None`` for the task state store.
    :param counts: of all histories.
    :param cap: the creates that the connection may send in an hour; 0 for no cap.
    """

    def __init__(
        self,
        options: dict[str, Any],
        retries: int,
        folder: Path | None,
        counts: Counter[str],
        cap: int = 0,
        *,
        code: TaskCode | None = None,
        layout: str = "alone",
    ) -> None:
        self.cap = cap
        #: How many entries were written, by the folder of their hour and ``claim`` or ``return``.
        self.slots: Counter[tuple[str, str]] = Counter()
        self.options, self.retries, self.counts = options, retries, counts
        self.code, self.layout, self._folder = code or TaskCode(), layout, folder
        self.clock = Clock()
        self.gateway = Gateway(self.clock, self._bills)
        self.store_mood = "healthy"
        self.requests = LISTS[0] if self.code.creates_one and layout != "mapped" else [CAT, DOG]
        self.story: list[str] = []
        self._books = Books()
        run = Run(self.clock.time())
        self.tasks = [self._task("", run, -1)] if layout == "alone" else []
        if layout == "mapped":
            self.tasks = [self._task(f"[{index}] ", run, index) for index in range(2)]
        elif layout == "two deployments":
            self.tasks = [
                self._task(f"({name}) ", Run(self.clock.time(), deployment=name), -1) for name in ("ours", "theirs")
            ]

    def _task(self, name: str, run: Run, map_index: int) -> Task:
        names = "create-*.json" if map_index < 0 else f"create-{map_index}-*.json"
        store: Store = TaskStateStore() if self._folder is None else StateFolder(self._folder, names)
        code = self.code
        fenced = self._folder is None
        judge = Judge(self.options, self._books, fenced=fenced, is_itself=code.is_itself, creates_one=code.creates_one)
        return Task(name, self, run, store, judge, map_index=map_index)

    def _bills(self, video: PaidVideo) -> None:
        process = running()
        self.story.append(f"{process} pays for {video.id}, {video.request[0]['prompt']} with {video.request[1]}")
        process.task.judge.bills(process, video)

    @property
    def task(self) -> Task:
        """The only one, or the first."""
        return self.tasks[0]

    @property
    def operator_options(self) -> dict[str, Any]:
        return {"retries": self.retries, **self.options}

    def requests_of(self, task: Task) -> list[tuple[str, str]]:
        """Return what a try that starts now asks for."""
        if self.layout == "mapped":
            return [self.requests[task.map_index % len(self.requests)]]
        return self.requests[:1] if self.code.creates_one else self.requests

    def those(self, are: Callable[[Task], Any]) -> list[Task]:
        return [task for task in self.tasks if are(task)]

    def changes(self, what: str, value: Any) -> None:
        self.story.append(f"{what}: {value}")
        match what:
            case "asks_for":
                self.requests = value
            case "edits_retries":
                self.retries = value
            case "time_passes":
                self.clock.now += value
            case "gateway_is":
                self.gateway.mood = value
            case "next_rendering":
                self.gateway.fate, self.gateway.seconds = value
            case "store_is":
                self.store_mood = value
            case "record_is":
                for task in self.tasks:
                    task.store.repair() if value == "repaired" else task.store.damage(-1 if "last" in value else 0)
            case "run_is_set_to_queued":
                for task in self.tasks:
                    task.run.started = self.clock.time()

    def killed(self, where: str) -> None:
        self.counts["crashes"] += 1
        self.counts[f"crash: {where}"] += 1

    def hears(self, line: str) -> None:
        running().task.judge.hears(running(), line, failure=False)

    def ends_well(self) -> None:
        """Let everything be well again, and the person clear each task until it succeeds."""
        self.gateway.mood = self.store_mood = "healthy"
        self.gateway.fate = "completes"
        if self.cap:
            # A clear renders all of them again, and within an hour.
            self.requests = self.requests[: self.cap]
        for task in self.tasks:
            task.store.repair()
        for video in self.gateway.videos.values():
            video.fate = "completes" if video.fate == "stays" else video.fate
        for task in self.tasks:
            self._ends_well(task)

    def _ends_well(self, task: Task) -> None:
        old_ones_are_first = task.try_number % 2 == 0
        if old_ones_are_first:
            task.wakes_old_ones()
        clears = 0
        most = _MOST_CLEARS * len(self.requests_of(task))
        for _ in range(40):
            if task.state == "success":
                break
            if task.state == "failed":
                clears += 1
                assert clears <= most, f"it is stuck\n{self.told}"
                task.clears("retry")
            if self.cap and task.process is None and task.state != "deferred":
                # The next hour.
                self.clock.now += 3600.0
            task.goes_on()
            if task.state == "success" and self.options["durable"]:
                self._check_notes(task)
        assert task.state == "success", f"it does not end\n{self.told}"
        task.wakes_old_ones()
        self.counts["clears at the end"] += clears

    def _check_notes(self, task: Task) -> None:
        """Fail if a record does not say that its video is delivered, which the task has just returned."""
        records = [json.loads(text) for text in task.store.texts().values()]
        noted = {record["video_id"] for record in records if record.get("delivered_at")}
        for video_id in task.delivered:
            assert video_id in noted, f"the delivery of {video_id} is not noted, but {records}\n{self.told}"

    def dies(self) -> None:
        for task in self.tasks:
            for process in [*task.old, *([task.process] if task.process else [])]:
                process.kill()

    def check(self) -> None:
        """Fail if a video was paid for twice."""
        for task in self.tasks:
            self.counts["paid for twice"] += len(task.judge.charges)
            assert not task.judge.charges, f"{task.judge.charges}\n{self.told}"
        if self.cap:
            self._check_cap()

    def _check_cap(self) -> None:
        """Fail if more is held in an hour than the cap, or a video was billed that holds nothing."""
        windows = {window for window, _ in self.slots}
        held = {window: self.slots[window, "claim"] - self.slots[window, "return"] for window in windows}
        self.counts["most held in an hour"] = max(self.counts["most held in an hour"], *held.values(), 0)
        assert all(0 <= one <= self.cap for one in held.values()), f"{held}\n{self.told}"
        assert sum(held.values()) >= len(self.gateway.videos), self.told

    def check_end(self) -> None:
        """Fail if a video that was paid for is lost."""
        self.counts["billed"] += len(self.gateway.videos)
        if self.cap:
            entries: Counter[str] = Counter()
            for (_, kind), number in self.slots.items():
                entries[kind] += number
            self.counts["slots given back"] += entries["return"]
            self.counts["slots lost"] += entries["claim"] - entries["return"] - len(self.gateway.videos)
        for task in self.tasks:
            recorded = {json.loads(text).get("video_id") for text in task.store.texts().values()}
            judge = task.judge
            self.counts.update(f"asked for by {why}" for why in judge.asked)
            for video in judge.billed:
                fate = judge.fate(video, recorded)
                self.counts["lost"] += not fate
                assert fate, f"{video.id} is lost\n{self.told}"
                self.counts[f"videos: {fate}"] += 1

    @property
    def told(self) -> str:
        return "\n".join([f"options {self.options}, {self.code}, {self.layout}", *self.story])
