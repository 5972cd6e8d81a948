"""What comes of tasks whose list, request or retries somebody changes between their tries, on a real Airflow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ForPeople
from tests.faults.fault_world import Run, Told, World
from tests.faults.logs import RESUMED, TIMED_OUT, UNKNOWN_BEFORE, count, says, show_reruns

GIVEN_UP = "Video {id} of an earlier try is given up, and may still be rendering."
#: The failure that says so, once a try: the message alone is in the log before that, too.
FAILED_AS_UNKNOWN = '"exc_value":"An earlier try of this task was ended while it submitted its video'

# the list behind mapped tasks


KEPT, CHANGED_REQUEST, REUSED, REUSED_CHANGED, REMOVED, LEFT, LEFT_REUSE = (
    "the same",
    "another request",
    "the same, reuse",
    "another request, reuse",
    "taken off the list",
    "left rendering",
    "left rendering, reuse",
)


def start_lists(world: World) -> Run:
    for prompt in (LEFT, LEFT_REUSE):
        # With the quotation mark's neighbour, so that one name is not found in the other.
        world.emulator.fault(route="create", prompt_contains=f"1: {prompt}.", times=None, rendering="stuck")
    return world.start(listed("1"))


def listed(version: str) -> list[dict[str, Any]]:
    """Return the list: version 1, or version 2, in which some requests are others and one is missing."""
    names = {KEPT: "1", CHANGED_REQUEST: version, REUSED: "1", REUSED_CHANGED: version}
    names |= {LEFT: version, LEFT_REUSE: version, REMOVED: "1"}
    timeouts = {LEFT: 0.5, LEFT_REUSE: 0.5} if version == "1" else {}
    return [
        {
            "prompt": f"{number}: {name}.",
            "on_clear": "reuse" if "reuse" in name else "regenerate",
            **({"timeout": timeouts[name]} if name in timeouts else {}),
        }
        for name, number in names.items()
        if not (version == "2" and name == REMOVED)
    ]


@dataclass(frozen=True)
class Listed:
    """By name: the first run, after a clear of the task that makes the list, after another with another list."""

    first: dict[str, Told]
    cleared: dict[str, Told]
    changed: dict[str, Told]
    removed_state: str | None
    billed: dict[str, int]
    """At the end, by prompt."""


@pytest.fixture(scope="module")
def lists(world: World) -> Listed:
    run = start_lists(world)

    def told() -> dict[str, Told]:
        run.wait_for_end()
        return {prompt.split(": ")[1].rstrip("."): each for prompt, each in run.told_all().items()}

    def clear_upstream() -> None:
        run.clear(task_ids=["wanted"], include_downstream=True)

    first = told()
    clear_upstream()
    cleared = told()
    run.change(listed("2"))
    clear_upstream()
    changed = told()
    ((removed,),) = world.airflow.query(
        "SELECT state FROM task_instance WHERE run_id = :run_id AND task_id = 'create' AND map_index = 6",
        run_id=run.run_id,
    )
    prompts = {video["prompt"] for version in "12" for video in listed(version)}
    return Listed(first, cleared, changed, removed, {prompt: len(world.billed(prompt)) for prompt in prompts})


def test_a_clear_upstream_regenerates_or_reuses_what_was_delivered(lists: Listed) -> None:
    for name in (KEPT, CHANGED_REQUEST, REMOVED):
        assert lists.cleared[name].delivered
        assert len(lists.cleared[name].billed) == 2
        assert lists.cleared[name].xcom != lists.first[name].xcom
    for name in (REUSED, REUSED_CHANGED):
        assert lists.cleared[name].delivered
        assert lists.cleared[name].billed == (lists.first[name].xcom,)
        assert says(lists.cleared[name].log, RESUMED)


def test_a_clear_upstream_takes_up_what_was_left_rendering(lists: Listed) -> None:
    for name in (LEFT, LEFT_REUSE):
        assert lists.first[name].state == lists.cleared[name].state == "failed"
        assert lists.cleared[name].billed == lists.first[name].billed
        assert len(lists.cleared[name].billed) == 1
        assert count(lists.cleared[name].log, TIMED_OUT) > count(lists.first[name].log, TIMED_OUT)


def test_mapped_tasks_whose_request_changed_submit_it_and_say_what_they_give_up(lists: Listed) -> None:
    for name in (CHANGED_REQUEST, REUSED_CHANGED, LEFT, LEFT_REUSE):
        assert lists.changed[name].delivered, lists.changed[name].log
        assert len(lists.changed[name].billed) == 1
        assert lists.changed[name].xcom == lists.changed[name].billed[0]
    for name in (LEFT, LEFT_REUSE):
        assert says(lists.changed[name].log, GIVEN_UP.replace("{id}", lists.cleared[name].billed[0]))
        assert lists.billed[f"1: {name}."] == 1


def test_a_mapped_task_that_is_off_the_list_pays_for_nothing(lists: Listed) -> None:
    assert lists.removed_state == "removed"
    assert lists.billed[f"1: {REMOVED}."] == 2


# retries that somebody edits


EDITED_DELIVERED, EDITED_UNKNOWN = "retries edited, delivered", "retries edited, unknown"


def start_edited(world: World) -> Run:
    return world.start(
        [
            {"prompt": EDITED_DELIVERED, "struck_at": "delivered, before success"},
            {"prompt": EDITED_UNKNOWN, "struck_at": "after the answer, before the store"},
        ],
        dag_id="edited",
    )


def edit_retries(world: World, retries: int) -> None:
    """Edit the DAG file, and wait until Airflow has read it."""
    file = Path(world.airflow.environment["AIRFLOW__CORE__DAGS_FOLDER"]) / "edited.py"
    file.write_text(re.sub(r"^RETRIES = \d+$", f"RETRIES = {retries}", file.read_text(), flags=re.MULTILINE))
    rest = world.airflow.rest
    rest.request("PUT", f"/parseDagFile/{rest.get('/dags/edited')['file_token']}")
    read = lambda: rest.get("/dags/edited/tasks/create")["retries"]  # noqa: E731
    world.wait_for(lambda: read() == retries, "the edited DAG to be parsed")


def edit_between_tries(world: World, run: Run) -> None:
    run.wait_for({"up_for_retry"})
    edit_retries(world, 5)
    assert set(run.states().values()) == {"up_for_retry"}, "the edit came too late"


@dataclass(frozen=True)
class Edited:
    """What came of tasks whose ``retries`` were edited between their tries, and again before clears."""

    retried: dict[str, Told]
    cleared: dict[str, Told]
    cleared_again: dict[str, Told]


@pytest.fixture(scope="module")
def edited(world: World) -> Edited:
    run = start_edited(world)
    edit_between_tries(world, run)
    told = []
    for clear in (False, True, True):
        if clear:
            run.clear(run.prompts)
        run.wait_for({"success", "failed"})
        run.wait_for_end()
        told.append(run.told_all())
        if not clear:
            # A clear sets max_tries to the tries so far, two, and retries: to the very number that it was.
            edit_retries(world, 0)
    return Edited(*told)


def test_retries_that_are_edited_between_tries_lead_to_no_second_payment(edited: Edited) -> None:
    delivered, unknown = edited.retried[EDITED_DELIVERED], edited.retried[EDITED_UNKNOWN]
    assert (len(delivered.billed), delivered.delivered) == (1, True)
    assert says(delivered.log, RESUMED)
    assert (len(unknown.billed), unknown.state) == (1, "failed")
    assert says(unknown.log, UNKNOWN_BEFORE)


def test_a_clear_that_leaves_max_tries_as_it_was_is_taken_for_a_retry_and_the_next_one_is_not(edited: Edited) -> None:
    # Airflow then tells a task nothing by which it could know the two apart, so it pays for nothing.
    delivered, unknown = edited.cleared[EDITED_DELIVERED], edited.cleared[EDITED_UNKNOWN]
    assert delivered.delivered
    assert delivered.billed == edited.retried[EDITED_DELIVERED].billed
    assert count(delivered.log, RESUMED) == 2
    assert (len(unknown.billed), unknown.state) == (1, "failed")
    assert count(unknown.log, FAILED_AS_UNKNOWN) == 2
    for told in edited.cleared_again.values():
        assert told.delivered, told.log
        assert len(told.billed) == 2
        assert told.xcom == told.billed[-1]


@pytest.fixture(scope="module", autouse=True)
def table(lists: Listed, edited: Edited, for_people: ForPeople) -> Iterator[None]:
    yield
    told = {
        **{f"a clear upstream: {name}": each for name, each in lists.cleared.items()},
        **{f"a list that changed: {name}": each for name, each in lists.changed.items()},
        **edited.cleared_again,
    }
    show_reruns(for_people, told)
