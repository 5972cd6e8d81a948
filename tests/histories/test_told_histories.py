"""Histories that failed once, told step by step: whatever the seeds draw from now on, these stay."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.histories.processes import Order
from tests.histories.stage import put_on_stage
from tests.histories.world import World

WAITS = {"wait_for_completion": True, "deferrable": True}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    put_on_stage(monkeypatch)
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path))
    options = {"on_clear": "regenerate", "on_unknown_submission": "fail", "durable": True, **WAITS}
    made = World(options, 0, tmp_path, Counter())
    yield made
    made.ends_well()
    made.check()
    made.check_end()
    made.dies()


def test_a_try_that_wakes_after_its_successor_submitted_pays_for_nothing_and_loses_nothing(world):
    world.goes_on()
    world.clears("retry")
    world.goes_on([Order(1, "stall")])
    assert world.process is not None, "try 2 has read the record, and sleeps"
    world.believes_dead()
    world.changes("asks_for", ("a dog", "sora2_default"))
    world.goes_on()
    world.clears("retry")
    world.old_goes_on(0)
    world.goes_on()
    world.check()
