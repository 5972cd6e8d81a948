"""A create task in thousands of made-up histories: nothing is paid for twice unasked, and nothing paid for is lost.

``SORA2_HISTORIES`` is how many for each seed (2,000; a quarter of them with each store, with and without a cap on the
connection's creates), ``SORA2_HISTORIES_SEED`` which ones ("1", "1-20", "1-20 77"). A history that fails comes again with
the same two, whatever else is loaded or was run before, and Hypothesis shows the shortest one that fails.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import providers
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from tests.histories import paid_gateway, record_stores
from tests.histories.answers import FATES
from tests.histories.processes import SIGNALLED, STORE_CHANGES, Order
from tests.histories.stage import put_on_stage
from tests.histories.task_code import CODES, MANNERS, TaskCode
from tests.histories.task_instance import EVENTS, Task
from tests.histories.world import LAYOUTS, LISTS, World

HISTORIES = int(os.environ.get("SORA2_HISTORIES", "2000"))
SEEDS = [
    number
    for first, _, last in (part.partition("-") for part in os.environ.get("SORA2_HISTORIES_SEED", "1").split())
    for number in range(int(first), int(last or first) + 1)
]

FAULTS = ("fail", "refuse", "lose", "lose in words", "defect")
EVENTS_OF_A_PROCESS = st.sampled_from(
    [*["nothing"] * 4, *["crash"] * 4, *["stall"] * 4, *FAULTS, "lose in words", *SIGNALLED, *STORE_CHANGES]
)
STEPS = st.integers(0, 20)
TASKS = st.integers(0, 1)
PHASES = (Phase.generate, Phase.shrink)
ORDERS = st.one_of(
    st.builds(lambda *order: [Order(*order)], STEPS, EVENTS_OF_A_PROCESS),
    st.lists(st.builds(Order, STEPS, EVENTS_OF_A_PROCESS), min_size=2, max_size=3),
)
#: What may change between two moments, as the method of the world and its argument.
CHANGES = st.sampled_from(
    [
        *(("asks_for", requests) for requests in LISTS),
        *(("edits_retries", retries) for retries in (0, 1, 2, 3)),
        *(("time_passes", seconds) for seconds in (30.0, 300.0, 4000.0)),
        *(("gateway_is", mood) for mood in paid_gateway.MOODS),
        *(("next_rendering", (fate, seconds)) for fate in FATES for seconds in (0.0, 60.0, 600.0)),
        *(("store_is", mood) for mood in record_stores.MOODS),
        *(("record_is", state) for state in ("damaged", "the last one damaged", "repaired")),
        ("run_is_set_to_queued", "by a person"),
    ]
)
WAITS = st.sampled_from(["submit", "wait", "defer"])


def is_over(task: Task) -> bool:
    return task.is_over


def is_not_over(task: Task) -> bool:
    return not task.is_over


def is_deferred(task: Task) -> bool:
    return task.state == "deferred"


def runs(task: Task) -> bool:
    return task.process is not None


def has_old_processes(task: Task) -> bool:
    return bool(task.old)


class Histories(RuleBasedStateMachine):
    """One history is one run of this machine; what can happen in it are its rules."""

    counts: ClassVar[Counter[str]] = Counter()
    folder: ClassVar[Path | None] = None
    spending: ClassVar[Path | None] = None
    cap: ClassVar[int] = 0
    world: World

    @initialize(
        waits=WAITS,
        stores_file=st.booleans(),
        on_clear=st.sampled_from(["regenerate", "regenerate", "reuse"]),
        on_unknown=st.sampled_from(["fail", "fail", "resubmit"]),
        durable=st.sampled_from([True] * 7 + [False]),
        retries=st.integers(0, 3),
        code=st.builds(TaskCode, st.sampled_from(CODES), st.sampled_from(MANNERS)),
        layout=st.sampled_from(LAYOUTS),
    )
    def a_task_is_made(
        self,
        waits: str,
        stores_file: bool,
        on_clear: str,
        on_unknown: str,
        durable: bool,
        retries: int,
        code: TaskCode,
        layout: str,
    ) -> None:
        if layout == "two deployments" and self.folder is None:
            layout = "alone"
        options: dict[str, Any] = {"on_clear": on_clear, "on_unknown_submission": on_unknown, "durable": durable}
        # The code of a task cannot be deferred.
        defers = waits == "defer" and code.creates_one
        options |= {"wait_for_completion": waits != "submit", "deferrable": defers}
        if waits != "submit" and stores_file:
            options["output_path"] = "/videos/"
        self.world = World(options, retries, self.folder, self.counts, self.cap, code=code, layout=layout)
        self.counts[f"histories: {code.kind}, {layout}"] += 1

    def one_of(self, are: Callable[[Task], Any], which: int) -> Task:
        those = self.world.those(are)
        return those[which % len(those)]

    @precondition(lambda self: self.world.those(is_not_over))
    @rule(task=TASKS, orders=ORDERS)
    def airflow_goes_on(self, task: int, orders: list[Order]) -> None:
        self.one_of(is_not_over, task).goes_on(orders)

    # Twice, as most of what happens; Hypothesis leaves some rules out of each history.
    airflow_goes_on_again = precondition(lambda self: self.world.those(is_not_over))(
        rule(task=TASKS, orders=ORDERS)(lambda self, task, orders: self.one_of(is_not_over, task).goes_on(orders))
    )

    @precondition(lambda self: self.world.those(is_deferred))
    @rule(task=TASKS, event=st.sampled_from(EVENTS), orders=ORDERS)
    def the_trigger_ends_badly(self, task: int, event: str, orders: list[Order]) -> None:
        self.one_of(is_deferred, task).resumes(event, orders)

    @precondition(lambda self: self.world.those(runs))
    @rule(task=TASKS)
    def airflow_gives_the_process_up(self, task: int) -> None:
        self.one_of(runs, task).believes_dead()

    @precondition(lambda self: self.world.those(is_not_over))
    @rule(task=TASKS, after=STEPS)
    def the_process_falls_asleep_and_is_given_up(self, task: int, after: int) -> None:
        one = self.one_of(is_not_over, task)
        one.goes_on([Order(after, "stall")])
        if one.process is not None:
            one.believes_dead()

    @precondition(lambda self: self.world.those(has_old_processes))
    @rule(task=TASKS, which=st.integers(0, 2), orders=ORDERS)
    def an_old_process_goes_on(self, task: int, which: int, orders: list[Order]) -> None:
        self.one_of(has_old_processes, task).old_goes_on(which, orders)

    @precondition(lambda self: self.world.those(is_over))
    @rule(task=TASKS)
    def a_person_clears(self, task: int) -> None:
        self.one_of(is_over, task).clears("retry")

    @rule(task=TASKS, restarts_as=st.sampled_from(["retry", "new"]))
    def a_person_clears_at_any_time(self, task: int, restarts_as: str) -> None:
        self.one_of(lambda _: True, task).clears(restarts_as)

    @rule(change=CHANGES)
    def something_changes(self, change: tuple[str, Any]) -> None:
        self.world.changes(*change)

    @invariant()
    def nothing_is_paid_for_twice(self) -> None:
        if hasattr(self, "world"):
            self.world.check()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            # Hypothesis breaks some histories off, and those that have failed.
            if sys.exc_info()[0] is None:
                self.counts["histories"] += 1
                self.world.ends_well()
                self.world.check()
                self.world.check_end()
        finally:
            self.world.dies()
            for folder in (self.folder, self.spending):
                if folder is not None:
                    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def stage(monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_stage(monkeypatch)
    # Hypothesis draws numbers that stand in the code of whatever modules are loaded by then. So a seed would tell other
    # histories after each change of the code, and in another selection of tests.
    monkeypatch.setattr(providers, "_get_local_constants", providers.Constants, raising=False)
    providers.CONSTANTS_CACHE.cache.clear()


def test_a_seed_tells_the_same_whatever_is_loaded(monkeypatch, tmp_path):
    def drawn() -> list[int]:
        numbers: list[int] = []

        @seed(1)
        @settings(max_examples=200, database=None, phases=(Phase.generate,))
        @given(st.integers(0, 10**9))
        def draw(number: int) -> None:
            numbers.append(number)

        draw()
        return numbers

    before = drawn()
    (tmp_path / "loaded_later.py").write_text("NUMBERS = (7_654_321, 111_222_333, 987_654_321)")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("loaded_later")
    assert drawn() == before


@pytest.mark.parametrize("history_seed", SEEDS)
@pytest.mark.parametrize("cap", [0, 2], ids=["no cap", "two creates an hour"])
@pytest.mark.parametrize("store", ["the task state store", "a storage path"])
def test_no_history_pays_twice_or_loses_a_video(store, cap, history_seed, tmp_path, monkeypatch, for_people):
    folder = tmp_path / "records" if store == "a storage path" else None
    spending = tmp_path / "spending" if cap else None
    if spending is not None:
        monkeypatch.setenv("AIRFLOW__SORA2__SPENDING_PATH", str(spending))
        monkeypatch.setenv("AIRFLOW__SORA2__MAX_CREATES_PER_HOUR", str(cap))
    if folder is not None:
        monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(folder))
    counts: Counter[str] = Counter({"paid for twice": 0, "lost": 0})
    machine = type("Histories", (Histories,), {"counts": counts, "folder": folder, "spending": spending, "cap": cap})
    try:
        run_machine(
            seed(history_seed)(machine),
            settings=settings(
                max_examples=HISTORIES // 4,
                stateful_step_count=16,
                deadline=None,
                database=None,
                phases=PHASES,
                report_multiple_bugs=False,
                verbosity=Verbosity.quiet,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        with for_people():
            print(f"\n{store}, {f'{cap} creates an hour' if cap else 'no cap'}, seed {history_seed}:")
            for what, number in sorted(counts.items()):
                print(f"  {number:8} {what}")
    assert counts["histories"] >= HISTORIES // 4
    if cap:
        assert counts["most held in an hour"] == cap
