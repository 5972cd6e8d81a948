"""What retries, clears, backfills, changed lists and processes that were believed dead lead to on a real Airflow."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dev.harness.processes import descendants, living
from tests.faults.dags.strikes import marker_of
from tests.faults.fault_world import Run, Told, World, parent_of, show_table

POLICIES = ("regenerate", "reuse")

#: What Airflow's logs must say; {id} is any id that the gateway has billed.
RESUMED = "Video {id} of an earlier try is taken up again; nothing is submitted."
UNKNOWN = "The outcome of the create that was sent"
UNKNOWN_BEFORE = "The outcome of that create is unknown, so nothing was submitted now."
#: The failure that says so, once a try: the message alone is in the log before that, too.
FAILED_AS_UNKNOWN = '"exc_value":"An earlier try of this task was about to submit its video'
DECIDED = "An earlier create of this task may have been paid for; as decided, another one is submitted now."
TIMED_OUT = "Video {id} was not completed after"
FAILED = "The rendering of video {id} failed"
GIVEN_UP = "Video {id} of an earlier try is given up, and may still be rendering."
CHANGED = "The request or the connection has changed since video {id} was submitted"

#: So long is an answer to a create held back that comes in, or does not, while Airflow ends the task (it waits 5 s).
WITHIN_GRACE, BEYOND_GRACE = 2.0, 60.0

POLICY_UNKNOWN = {"on_unknown_submission": "resubmit"}
BLOCKED = {"error_code": "content_policy_violation", "error_message": "This content may violate our content policies."}


def says(log: str, message: str) -> bool:
    return re.search(re.escape(message).replace(re.escape("{id}"), r"\S+"), log) is not None


def count(log: str, message: str) -> int:
    return len(re.findall(re.escape(message).replace(re.escape("{id}"), r"\S+"), log))


@dataclass(frozen=True)
class Scenario:
    """One video: what happens to it, when a person clears its task, and what must come of it.

    :param ripe: the task is cleared when it is in this state; ``asked``: when its video was asked for; ``sent``: when
        its create has arrived; ``None``: it is not cleared.
    :param before, after: how many creates are billed before the clear (or at the end), and after it.
    :param says: messages that the task's log must hold.
    """

    name: str
    ripe: str | None
    before: int
    after: int
    says: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    fault: Mapping[str, Any] | None = None

    @property
    def prompt(self) -> str:
        return self.name


STUCK = {"rendering": "stuck"}

SCENARIOS = (
    Scenario("a retry after a timeout", None, 1, 1, (TIMED_OUT, RESUMED), {"timeout": 0.5}),
    Scenario(
        "a retry after a rendering that failed", None, 2, 2, (FAILED,),
        fault={"rendering": "failed", "error_code": "video_generation_failed"},
    ),
    Scenario("a clear after success, regenerate", "success", 1, 2),
    Scenario("a clear after success, reuse", "success", 1, 1, (RESUMED,), {"on_clear": "reuse"}),
    *(
        Scenario(
            f"a clear after all tries timed out, {policy}", "failed", 1, 1, (TIMED_OUT, RESUMED),
            {"timeout": 0.5, "on_clear": policy}, STUCK,
        )
        for policy in POLICIES
    ),
    *(
        Scenario(
            f"a clear after the content was rejected, {policy}", "failed", 1, 2, (FAILED,),
            {"on_clear": policy}, {"rendering": "failed", **BLOCKED},
        )
        for policy in POLICIES
    ),
    Scenario(
        "a clear after the create was refused", "failed", 0, 1, ("The gateway did not accept the video",),
        fault={"status": 400, "body": {"error": {"message": "no such model", "code": "invalid_request"}}},
    ),
    *(
        Scenario(
            f"a clear after the answer was lost, {policy}", "failed", 1, 2, (UNKNOWN, DECIDED),
            {"on_clear": policy}, {"reset": "after"},
        )
        for policy in POLICIES
    ),
    Scenario(
        "a lost answer, resubmit", None, 2, 2, (UNKNOWN, "'resubmit'", DECIDED), POLICY_UNKNOWN, {"reset": "after"}
    ),
    Scenario(
        "killed after the answer, resubmit", None, 2, 2, (DECIDED,),
        {**POLICY_UNKNOWN, "struck_at": "after the answer, before the store"},
    ),
    *(
        Scenario(
            f"a clear while {'the triggerer' if deferrable else 'the worker'} waits, {policy}", "asked", 1, 1, (RESUMED,),
            {"deferrable": deferrable, "on_clear": policy}, STUCK,
        )
        for deferrable in (False, True)
        for policy in POLICIES
    ),
)  # fmt: skip

#: A clear while the POST is on the wire: a video that is taken up, or an unknown outcome, which is cleared again.
ON_THE_WIRE = {
    f"a clear while the POST is on the wire, {policy}, answered {when}": (seconds, policy)
    for policy in POLICIES
    for when, seconds in (("in time", WITHIN_GRACE), ("too late", BEYOND_GRACE))
}


@dataclass
class Reruns:
    """The runs of this file: all are begun at once, because most of their time is waiting."""

    world: World
    scenarios: Run
    frozen: Run
    edited: Run
    lists: Run


@pytest.fixture(scope="module")
def reruns(world: World) -> Reruns:
    frozen, edited, lists = start_frozen(world), start_edited(world), start_lists(world)
    edit_between_tries(world, edited)
    return Reruns(world, frozen=frozen, edited=edited, lists=lists, scenarios=start_scenarios(world))


# clears


def start_scenarios(world: World) -> Run:
    for one in SCENARIOS:
        if one.fault is not None:
            world.emulator.fault(route="create", prompt_contains=one.prompt, **one.fault)
    for prompt, (seconds, _) in ON_THE_WIRE.items():
        world.hold_create(prompt, accepted=True, seconds=seconds)
    return world.start(
        [{"prompt": one.prompt, **one.arguments} for one in SCENARIOS]
        + [{"prompt": prompt, "on_clear": policy} for prompt, (_, policy) in ON_THE_WIRE.items()]
    )


@dataclass(frozen=True)
class Cleared:
    """What is known of the scenarios' videos when they were about to be cleared, afterwards, and after a second clear."""

    before: dict[str, Told]
    after: dict[str, Told]
    again: dict[str, Told]


@pytest.fixture(scope="module")
def cleared(reruns: Reruns) -> Cleared:
    world, run, emulator = reruns.world, reruns.scenarios, reruns.world.emulator
    stuck = {one.prompt for one in SCENARIOS if one.fault is STUCK}
    waiting = {one.prompt: one.ripe for one in SCENARIOS if one.ripe is not None}
    waiting |= dict.fromkeys(ON_THE_WIRE, "sent")
    before: dict[str, Told] = {}

    def all_cleared() -> bool:
        states = run.states()

        def is_ripe(prompt: str, ripe: str) -> bool:
            if ripe == "asked":
                return world.requested("query", prompt) > 0
            return world.requested("create", prompt) > 0 if ripe == "sent" else states.get(prompt) == ripe

        ripe = [prompt for prompt, when in waiting.items() if is_ripe(prompt, when)]
        if ripe:
            before.update(run.told_all(ripe))
            run.clear(ripe)
            for prompt in ripe:
                del waiting[prompt]
                if prompt in stuck:
                    # At once, so that a process that was told to end sees its video completed.
                    emulator.finish(world.billed(prompt)[0])
        return not waiting

    world.wait_for(all_cleared, "the tasks to be ready for their clear")
    run.wait_for({"success", "failed"})
    run.wait_for_end()
    after = run.told_all()
    unknown = [prompt for prompt in ON_THE_WIRE if after[prompt].state == "failed"]
    if unknown:
        run.clear(unknown)
        run.wait_for({"success", "failed"}, unknown)
    return Cleared(before, after, run.told_all(unknown))


@pytest.mark.parametrize("one", SCENARIOS, ids=lambda one: one.name)
def test_retries_and_clears_pay_as_often_as_they_should(cleared: Cleared, one: Scenario) -> None:
    if one.ripe is not None:
        assert len(cleared.before[one.prompt].billed) == one.before
    told = cleared.after[one.prompt]
    assert told.delivered, told.log
    assert len(told.billed) == one.after, told.log
    assert told.xcom == told.billed[-1]
    for message in one.says:
        assert says(told.log, message), f"{message!r} is not in\n{told.log}"


@pytest.mark.parametrize("prompt", ON_THE_WIRE)
def test_a_clear_in_mid_create_ends_with_its_video_or_a_loud_unknown(cleared: Cleared, prompt: str) -> None:
    told = cleared.after[prompt]
    assert len(told.billed) == 1, told.log
    if told.state == "success":
        assert told.delivered
        assert says(told.log, RESUMED)
    else:
        assert told.state == "failed"
        assert says(told.log, UNKNOWN_BEFORE), told.log
        again = cleared.again[prompt]
        assert again.delivered
        assert len(again.billed) == 2, "the person, who was told, wanted another one"
        assert says(again.log, DECIDED)


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
        world.emulator.fault(route="create", prompt_contains=f"1: {prompt}.", times=None, **STUCK)
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
def lists(reruns: Reruns) -> Listed:
    world, run = reruns.world, reruns.lists

    def told() -> dict[str, Told]:
        run.wait_for_end()
        return {prompt.split(": ")[1].rstrip("."): each for prompt, each in run.told_all().items()}

    def clear_upstream() -> None:
        run.clear(task_ids=["wanted"], include_downstream=True)

    first = told()
    clear_upstream()
    cleared = told()
    (left,) = world.billed(f"1: {LEFT_REUSE}.")
    world.emulator.finish(left)
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
    for name in (CHANGED_REQUEST, LEFT):
        assert lists.changed[name].delivered, lists.changed[name].log
        assert len(lists.changed[name].billed) == 1
    assert says(lists.changed[LEFT].log, GIVEN_UP.replace("{id}", lists.cleared[LEFT].billed[0]))
    assert lists.billed[f"1: {LEFT}."] == 1


def test_mapped_tasks_that_reuse_keep_their_video_and_say_that_the_request_changed(lists: Listed) -> None:
    for name in (REUSED_CHANGED, LEFT_REUSE):
        kept, changed = lists.cleared[name].billed[-1], lists.changed[name]
        assert (changed.state, changed.xcom, changed.billed) == ("success", kept, ()), changed.log
        assert changed.video["status"] == "completed"
        assert says(changed.log, CHANGED.replace("{id}", kept))


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
def edited(reruns: Reruns) -> Edited:
    world, run = reruns.world, reruns.edited
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


# processes that were believed dead


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
def thawed(reruns: Reruns) -> Thawed:
    world, run = reruns.world, reruns.frozen
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


# backfills


@dataclass(frozen=True)
class Backfilled:
    """By day and policy: after the first backfill, one that takes only missing runs, and one that takes all again."""

    first: dict[tuple[str, str], Told]
    missing_only: dict[tuple[str, str], Told]
    completed: dict[tuple[str, str], Told]


DAYS = ("2026-01-01", "2026-01-02")


@pytest.fixture(scope="module")
def backfilled(reruns: Reruns) -> Backfilled:
    world = reruns.world
    rest = world.airflow.rest

    def backfill(behavior: str) -> dict[tuple[str, str], Told]:
        made = rest.post(
            "/backfills",
            {
                "dag_id": "daily",
                "from_date": f"{DAYS[0]}T00:00:00Z",
                "to_date": f"{DAYS[-1]}T00:00:00Z",
                "reprocess_behavior": behavior,
            },
        )
        path = f"/backfills/{made['id']}"
        world.wait_for(lambda: rest.get(path)["completed_at"] is not None, f"backfill {behavior!r} to be complete")
        runs = rest.get("/dags/daily/dagRuns")["dag_runs"]
        assert sorted(run["logical_date"][:10] for run in runs) == list(DAYS)
        found = {}
        for run in runs:
            day = run["logical_date"][:10]
            prompts = [f"{day}, {policy}" for policy in POLICIES]
            told = Run(world, "daily", run["dag_run_id"], "", prompts).told_all()
            found |= {(day, policy): told[f"{day}, {policy}"] for policy in POLICIES}
        return found

    return Backfilled(*(backfill(behavior) for behavior in ("none", "none", "completed")))


@pytest.mark.parametrize("day", DAYS)
def test_a_backfill_that_runs_again_pays_only_where_it_is_to_regenerate(backfilled: Backfilled, day: str) -> None:
    for policy in POLICIES:
        first, second, third = (getattr(backfilled, name)[day, policy] for name in vars(backfilled))
        assert first.delivered
        assert second == first, "a backfill of missing runs only runs nothing"
        assert third.delivered, third.log
        assert len(third.billed) == (2 if policy == "regenerate" else 1)
        assert says(third.log, RESUMED) == (policy == "reuse")


@pytest.fixture(scope="module", autouse=True)
def table(
    cleared: Cleared,
    lists: Listed,
    edited: Edited,
    thawed: Thawed,
    backfilled: Backfilled,
    request: pytest.FixtureRequest,
) -> Iterator[None]:
    yield
    told = {
        **{one.name: cleared.after[one.prompt] for one in SCENARIOS},
        **{prompt: cleared.again.get(prompt, cleared.after[prompt]) for prompt in ON_THE_WIRE},
        **{f"a clear upstream: {name}": each for name, each in lists.cleared.items()},
        **{f"a list that changed: {name}": each for name, each in lists.changed.items()},
        **edited.cleared_again,
        **{zombie.prompt: thawed.ended[zombie.prompt] for zombie in ZOMBIES},
        **{f"a backfill of {day} run again, {policy}": each for (day, policy), each in backfilled.completed.items()},
    }
    rows = [
        (name, len(each.billed), each.state, "yes" if says(each.log, UNKNOWN) else "no") for name, each in told.items()
    ]
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        show_table("What runs again, and is paid for", ("", "billed", "at the end", "was unknown"), rows)
