"""What retries, clears and backfills lead to on a real Airflow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.conftest import ForPeople
from tests.faults.fault_world import Run, Told, World
from tests.faults.logs import DECIDED, RESUMED, TIMED_OUT, UNKNOWN, UNKNOWN_BEFORE, says, show_reruns

POLICIES = ("regenerate", "reuse")

FAILED = "The rendering of video {id} failed"

#: So long is an answer to a create held back that comes in, or does not, while Airflow ends the task (it waits 5 s).
WITHIN_GRACE, BEYOND_GRACE = 2.0, 60.0

POLICY_UNKNOWN = {"on_unknown_submission": "resubmit"}
BLOCKED = {"error_code": "content_policy_violation", "error_message": "This content may violate our content policies."}


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
def cleared(world: World) -> Cleared:
    run = start_scenarios(world)
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
                    world.emulator.finish(world.billed(prompt)[0])
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


@dataclass(frozen=True)
class Backfilled:
    """By day and policy: after the first backfill, one that takes only missing runs, and one that takes all again."""

    first: dict[tuple[str, str], Told]
    missing_only: dict[tuple[str, str], Told]
    completed: dict[tuple[str, str], Told]


DAYS = ("2026-01-01", "2026-01-02")


@pytest.fixture(scope="module")
def backfilled(world: World) -> Backfilled:
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
def table(cleared: Cleared, backfilled: Backfilled, for_people: ForPeople) -> Iterator[None]:
    yield
    told = {
        **{one.name: cleared.after[one.prompt] for one in SCENARIOS},
        **{prompt: cleared.again.get(prompt, cleared.after[prompt]) for prompt in ON_THE_WIRE},
        **{f"a backfill of {day} run again, {policy}": each for (day, policy), each in backfilled.completed.items()},
    }
    show_reruns(for_people, told)
