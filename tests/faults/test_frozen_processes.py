"""What comes of processes that were believed dead, and go on, on a real Airflow."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from dev.harness.processes import descendants, living
from tests.conftest import ForPeople
from tests.faults.dags.strikes import marker_of
from tests.faults.fault_world import Run, Told, World, parent_of
from tests.faults.logs import DECIDED, UNKNOWN_BEFORE, says, show_reruns


@dataclass(frozen=True)
class Zombie:
    """A task whose processes are frozen until Airflow has made a successor, and then go on.

    :param struck_at: where they are frozen; ``None``: the test does so while the create is on the wire.
    :param recovers: the successor delivers by itself. Otherwise the outcome is unknown, and a person clears the task.
    :param thawed_late: the processes go on when the person's clear has made its video; otherwise before the clear.
    :param billed: all in all, when everything has ended.
    """

    name: str
    struck_at: str | None
    recovers: bool
    billed: int
    thawed_late: bool = False

    @property
    def prompt(self) -> str:
        return f"frozen {self.name}"


ZOMBIES = (
    Zombie("before the intent", "before the intent", recovers=True, billed=1),
    Zombie("after the intent, until the successor ended", "after the intent", recovers=False, billed=2),
    Zombie("after the intent, until a clear", "after the intent", recovers=False, billed=2, thawed_late=True),
    Zombie("with the POST on the wire", None, recovers=False, billed=2),
    Zombie("before the store", "after the answer, before the store", recovers=False, billed=2, thawed_late=True),
    Zombie("while it waited", "waiting", recovers=True, billed=1),
)
(ON_WIRE,) = (zombie for zombie in ZOMBIES if zombie.struck_at is None)


def start_frozen(world: World) -> Run:
    world.hold_create(ON_WIRE.prompt, accepted=True, seconds=8)
    run = world.start([{"prompt": each.prompt, "struck_at": each.struck_at, "strike": "freeze"} for each in ZOMBIES])
    world.wait_for(lambda: world.requested("create", ON_WIRE.prompt) > 0, "the create that is held to arrive")
    task = run.pid(ON_WIRE.prompt)
    processes = {"task": task, "supervisor": parent_of(task)}
    for pid in (processes["supervisor"], processes["task"]):
        os.kill(pid, signal.SIGSTOP)
    marker_of(world.folder, ON_WIRE.prompt).write_text(json.dumps(processes))
    return run


@dataclass(frozen=True)
class Thawed:
    """What was known when the successors had ended, and when all processes had."""

    succeeded: dict[str, Told]
    ended: dict[str, Told]
    recorded: dict[str, str | None]
    """The id in the record of each prompt's task."""


@pytest.fixture(scope="module")
def thawed(world: World) -> Thawed:
    run = start_frozen(world)
    run.wait_for({"success", "failed"})
    succeeded = run.told_all()
    for zombie in ZOMBIES:
        if not zombie.thawed_late:
            thaw(world, zombie.prompt)
    unknown = [zombie.prompt for zombie in ZOMBIES if not zombie.recovers]
    run.clear(unknown)
    run.wait_for({"success", "failed"})
    for zombie in ZOMBIES:
        if zombie.thawed_late:
            thaw(world, zombie.prompt)
    run.wait_for_end()
    rows = world.airflow.query("SELECT map_index, value FROM task_state_store WHERE run_id = :run", run=run.run_id)
    recorded = {run.prompts[index]: json.loads(value)["video_id"] for index, value in rows}
    return Thawed(succeeded, run.told_all(), recorded)


def thaw(world: World, prompt: str) -> None:
    """Let a frozen task and its supervisor go on, the task first, and wait for the end of the task."""
    processes = json.loads(marker_of(world.folder, prompt).read_text())
    scheduler = world.airflow.components["scheduler"].pid
    task = next((each for each in descendants(scheduler) if each.pid == processes["task"]), None)
    assert task is not None, "the frozen process is gone"
    for name in ("task", "supervisor"):
        os.kill(processes[name], signal.SIGCONT)
    world.wait_for(lambda: not living([task]), f"the process of {prompt!r} to end")


@pytest.mark.parametrize("zombie", ZOMBIES, ids=lambda zombie: zombie.name)
def test_a_process_that_was_believed_dead_changes_nothing_and_pays_for_nothing_unseen(
    thawed: Thawed, zombie: Zombie
) -> None:
    successor, told = thawed.succeeded[zombie.prompt], thawed.ended[zombie.prompt]
    assert successor.delivered == zombie.recovers, successor.log
    assert len(successor.billed) == (0 if zombie.struck_at == "after the intent" else 1)
    assert told.delivered, told.log
    assert len(told.billed) == zombie.billed, told.log
    assert thawed.recorded[zombie.prompt] == told.xcom
    if zombie.recovers:
        assert told.xcom == successor.xcom
    else:
        assert says(successor.log, UNKNOWN_BEFORE)
        assert says(told.log, DECIDED)
        (other,) = set(told.billed) - {told.xcom}
        assert f"The gateway accepted video {other}" in told.log, "what is paid beside it is named"


@pytest.fixture(scope="module", autouse=True)
def table(thawed: Thawed, for_people: ForPeople) -> Iterator[None]:
    yield
    show_reruns(for_people, {zombie.prompt: thawed.ended[zombie.prompt] for zombie in ZOMBIES})
