"""Histories that failed once, told step by step: whatever the seeds draw from now on, they stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.histories.processes import Order
from tests.histories.stage import put_on_stage
from tests.histories.task_code import TaskCode
from tests.histories.task_instance import Task
from tests.histories.world import CAT, DOG, World

POLICIES = {"on_clear": "regenerate", "on_unknown_submission": "fail", "durable": True}


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes a world, which must end well."""
    put_on_stage(monkeypatch)
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path))
    made: list[World] = []

    def world(retries: int = 0, *, waits: str = "", **plan: Any) -> World:
        options = {**POLICIES, "wait_for_completion": bool(waits), "deferrable": waits == "defers"}
        made.append(World(options, retries, tmp_path, Counter(), **plan))
        return made[-1]

    yield world
    for one in made:
        one.check()
        one.ends_well()
        one.check()
        one.check_end()
        one.dies()


def sleeps_at(task: Task, step: str) -> None:
    """Let a task run to a step."""
    task.goes_on([Order(0, "stall")])
    while task.process is not None and task.process.steps[-1] != step:
        # One step: with 0 it would sleep on where it is.
        task.goes_on([Order(1, "stall")])


def test_a_try_that_wakes_after_its_successor_submitted_pays_for_nothing_and_loses_nothing(make):
    world = make(waits="defers")
    task = world.task
    task.goes_on()
    task.clears("retry")
    task.goes_on([Order(1, "stall")])
    assert task.process is not None, "try 2 has read the record, and sleeps"
    task.believes_dead()
    world.changes("asks_for", [DOG])
    task.goes_on()
    task.clears("retry")
    task.old_goes_on(0)
    task.goes_on()


def test_a_try_that_wakes_in_a_run_that_was_started_anew_knows_its_successor(make):
    world = make()
    task = world.task
    task.goes_on([Order(0, "stall")])
    task.believes_dead()
    task.clears("retry")
    task.goes_on()
    task.old_goes_on(0)
    assert len(world.gateway.videos) == 1


def test_a_create_that_wakes_among_others_knows_what_its_successor_has_written_under_another_number(make):
    world = make(code=TaskCode("loop", "repeats"))
    task = world.task
    task.goes_on([Order(0, "refuse"), Order(0, "refuse"), Order(6, "stall")])
    task.believes_dead()
    task.clears("retry")
    task.goes_on()
    task.old_goes_on(0)
    assert len(world.gateway.videos) == 2


def test_a_process_that_was_given_up_before_a_clear_of_its_run_pays_for_nothing(make):
    world = make()
    world.options["on_clear"] = "reuse"
    task = world.task
    task.goes_on()
    task.clears("new")
    world.changes("asks_for", [DOG])
    task.goes_on([Order(0, "stall")])
    task.believes_dead()
    task.clears("new")
    world.changes("asks_for", [CAT])
    task.goes_on()
    task.old_goes_on(0)
    assert len(world.gateway.videos) == 1


def test_code_that_repeats_a_create_after_a_clear_of_its_run_does_not_pay_beside_an_unknown_outcome(make):
    world = make(code=TaskCode("is the operator", "repeats"))
    task = world.task
    task.goes_on([Order(0, "nothing"), Order(8, "away")])
    world.changes("store_is", "healthy")
    task.clears("new")
    task.goes_on()
    assert len(world.gateway.videos) == 1


def test_a_retry_leaves_the_video_of_another_deployment_alone(make):
    world = make(retries=1, layout="two deployments")
    ours, theirs = world.tasks
    theirs.goes_on([Order(0, "crash")])
    sleeps_at(ours, "xcom, before")
    ours.believes_dead()
    theirs.goes_on()
    ours.goes_on()
    assert len(world.gateway.videos) == 2


def test_code_that_repeats_a_create_of_another_request_does_not_pay_beside_an_unknown_outcome(make):
    world = make(retries=1, code=TaskCode("is the operator", "repeats"))
    task = world.task
    sleeps_at(task, "create, after")
    task.believes_dead()
    world.changes("asks_for", [DOG])
    task.goes_on()
    assert len(world.gateway.videos) == 1


def test_code_that_repeats_a_create_after_a_stop_pays_for_nothing(make):
    world = make(code=TaskCode("is the operator", "repeats"))
    world.task.goes_on([Order(0, "stop")])
    assert not world.gateway.videos


@pytest.mark.parametrize("on_clear", ["regenerate", "reuse"])
def test_a_list_that_has_shifted_gives_no_row_the_video_of_another(make, on_clear):
    world = make(layout="mapped")
    world.options["on_clear"] = on_clear
    for requests in ([CAT, DOG], [DOG, CAT], [CAT, DOG]):
        world.changes("asks_for", requests)
        for task in world.tasks:
            task.goes_on()
            task.clears("retry")
    assert len(world.gateway.videos) == (4 if on_clear == "reuse" else 6)
