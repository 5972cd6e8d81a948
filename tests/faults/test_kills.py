"""Every process that has a part in a create is killed at every point of it: nothing is paid twice, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.conftest import ForPeople
from tests.faults.dags.strikes import marker_of
from tests.faults.fault_world import KILLS, Run, Told, World, kill, parent_of, show_table

#: What a person reads whose task was ended between the intent and the id.
UNKNOWN = "The outcome of that create is unknown, so nothing was submitted now."
RESUMED = "of an earlier try is taken up again; nothing is submitted."

#: Longer than any test takes.
HELD = 3600.0
#: So long is an answer held back whose process outlives its supervisor, and gets it. Less than the heartbeat timeout.
HELD_FROM_ORPHAN = 10.0


@dataclass(frozen=True)
class Point:
    """Where a kill strikes, and what must come of it.

    :param billed: what the gateway has billed when Airflow has recovered by itself.
    :param unknown: the task then fails and says that the outcome is unknown, and a person clears it.
    :param struck_at: the point in the provider's code; ``None`` where the test strikes from outside.
    """

    name: str
    billed: int = 1
    unknown: bool = False
    struck_at: str | None = None
    strike: str = "task"
    deferrable: bool = False
    resumes: bool = True
    """Another try takes the video up. If not: there was none yet, or the try that submitted it lives on in the triggerer."""

    @property
    def prompts(self) -> list[str]:
        return [f"{self.name} (#{number})" for number in range(KILLS)]


def of_task(name: str, **expected) -> Point:
    return Point(f"task: {name}", struck_at=name, **expected)


WIRE_BEFORE = Point("task: POST on the wire, not accepted yet", billed=0, unknown=True)
WIRE_AFTER = Point("task: POST on the wire, accepted", unknown=True)
WIRE_ORPHAN = Point("supervisor: POST on the wire, accepted", unknown=True, strike="supervisor")
STRUCK_FROM_OUTSIDE = (WIRE_BEFORE, WIRE_AFTER, WIRE_ORPHAN)

TASK_POINTS = (
    of_task("before the intent", resumes=False),
    of_task("after the intent", billed=0, unknown=True),
    WIRE_BEFORE,
    WIRE_AFTER,
    of_task("after the answer, before the store", unknown=True),
    of_task("after the store, before XCom"),
    of_task("after XCom, before the deferral", deferrable=True),
    of_task("waiting"),
    of_task("resumed", deferrable=True),
    of_task("delivered, before success", deferrable=True),
    WIRE_ORPHAN,
    Point("supervisor: waiting", struck_at="waiting", strike="supervisor"),
)

TRIGGERER_DEFERRED = Point("triggerer: deferred", deferrable=True, resumes=False)
SCHEDULER_DEFERRED = Point("scheduler: deferred", deferrable=True, resumes=False)
SCHEDULER_WAITING = Point("scheduler: waiting")
SCHEDULER_WIRE = Point("scheduler: POST on the wire, accepted", unknown=True)
COMPONENT_POINTS = (TRIGGERER_DEFERRED, SCHEDULER_DEFERRED, SCHEDULER_WAITING, SCHEDULER_WIRE)

POINTS = (*TASK_POINTS, *COMPONENT_POINTS)
by_name = pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)


@dataclass
class Killed:
    """What had become of every video when Airflow had recovered by itself, and when a person had cleared the unknown."""

    kills: dict[str, int] = field(default_factory=dict)
    recovered: dict[str, Told] = field(default_factory=dict)
    cleared: dict[str, Told] = field(default_factory=dict)

    def settle(self, run: Run) -> None:
        """Wait until the tasks of a run have ended, and clear those whose outcome is unknown."""
        run.wait_for({"success", "failed"})
        run.wait_for_end()
        recovered = run.told_all()
        self.recovered |= recovered
        failed = [prompt for prompt, told in recovered.items() if told.state == "failed"]
        if failed:
            run.clear(failed)
            run.wait_for({"success", "failed"}, failed)
            self.cleared |= run.told_all(failed)


def video_at(point: Point, prompt: str) -> dict[str, object]:
    return {
        "prompt": prompt,
        "deferrable": point.deferrable,
        "struck_at": point.struck_at,
        "strike": point.strike,
    }


@pytest.fixture(scope="module")
def killed(world: World) -> Killed:
    killed = Killed()
    strike_tasks(world, killed)
    for number in range(KILLS):
        strike_components(world, killed, number)
    return killed


def strike_tasks(world: World, killed: Killed) -> None:
    """Kill task processes and supervisors, all in one run."""
    for point in STRUCK_FROM_OUTSIDE:
        for prompt in point.prompts:
            seconds = HELD_FROM_ORPHAN if point is WIRE_ORPHAN else HELD
            world.hold_create(prompt, accepted=point.billed == 1, seconds=seconds)
    run = world.start([video_at(point, prompt) for point in TASK_POINTS for prompt in point.prompts])
    waiting = {prompt: point for point in STRUCK_FROM_OUTSIDE for prompt in point.prompts}

    def all_struck() -> bool:
        for prompt in [prompt for prompt in waiting if world.requested("create", prompt)]:
            pid = run.pid(prompt)
            kill(parent_of(pid) if waiting.pop(prompt).strike == "supervisor" else pid)
            killed.kills[prompt] = 1
        return not waiting

    world.wait_for(all_struck, "the creates that are held to arrive")
    killed.settle(run)
    for point in TASK_POINTS:
        if point.struck_at is not None:
            killed.kills |= {prompt: int(marker_of(world.folder, prompt).exists()) for prompt in point.prompts}


def strike_components(world: World, killed: Killed, number: int) -> None:
    """Kill the triggerer, and then the scheduler with all that it has started, while videos are under way."""
    airflow, emulator = world.airflow, world.emulator
    prompts = {point: point.prompts[number] for point in COMPONENT_POINTS}
    rendering = [prompt for point, prompt in prompts.items() if point is not SCHEDULER_WIRE]
    for prompt in rendering:
        emulator.fault(route="create", prompt_contains=prompt, rendering="stuck")
    world.hold_create(prompts[SCHEDULER_WIRE], accepted=True, seconds=HELD)
    run = world.start([video_at(point, prompt) for point, prompt in prompts.items()])
    asked = lambda: {prompt: world.requested("query", prompt) for prompt in rendering}  # noqa: E731
    world.wait_for(lambda: all(asked().values()) and bool(world.billed(prompts[SCHEDULER_WIRE])), "all to be under way")

    airflow.kill_component("triggerer")
    before = asked()[prompts[TRIGGERER_DEFERRED]]
    airflow.start_component("triggerer")
    world.wait_for(lambda: asked()[prompts[TRIGGERER_DEFERRED]] > before, "the new triggerer to ask")

    airflow.kill_container("scheduler")
    before = asked()[prompts[SCHEDULER_WAITING]]
    airflow.start_component("scheduler")
    world.wait_for(lambda: asked()[prompts[SCHEDULER_WAITING]] > before, "the new scheduler's task to ask")
    killed.kills |= dict.fromkeys(prompts.values(), 1)
    for prompt in rendering:
        (video_id,) = world.billed(prompt)
        emulator.finish(video_id)
    killed.settle(run)


@by_name
def test_each_kill_happened_and_nothing_was_paid_twice_or_lost(killed: Killed, point: Point) -> None:
    for prompt in point.prompts:
        told = killed.recovered[prompt]
        assert killed.kills[prompt] == 1
        assert len(told.billed) == point.billed, told.log
        assert told.delivered != point.unknown, told.log


@by_name
def test_what_is_unknown_is_said_loudly_and_all_else_recovers_by_itself(killed: Killed, point: Point) -> None:
    for prompt in point.prompts:
        told = killed.recovered[prompt]
        if point.unknown:
            assert told.state == "failed"
            assert told.xcom is None
            assert UNKNOWN in told.log
        else:
            assert told.billed == (told.xcom,)
            assert UNKNOWN not in told.log
            assert (RESUMED in told.log) == point.resumes, told.log
        lives_on = point in (TRIGGERER_DEFERRED, SCHEDULER_DEFERRED)
        assert told.tries == (1 if lives_on else 2), told.log


@pytest.mark.parametrize("point", [point for point in POINTS if point.unknown], ids=lambda point: point.name)
def test_an_unknown_goes_on_when_a_person_clears_the_task(killed: Killed, point: Point) -> None:
    for prompt in point.prompts:
        told = killed.cleared[prompt]
        assert told.delivered, told.log
        assert len(told.billed) == point.billed + 1, "one more, as the person decided"
        assert told.xcom == told.billed[-1]


def test_only_unknowns_had_to_be_cleared(killed: Killed) -> None:
    assert killed.cleared.keys() == {prompt for point in POINTS if point.unknown for prompt in point.prompts}


@pytest.fixture(scope="module", autouse=True)
def table(killed: Killed, for_people: ForPeople) -> Iterator[None]:
    yield
    rows = []
    for point in POINTS:
        told = [killed.recovered[prompt] for prompt in point.prompts]
        rows.append(
            (
                point.name,
                sum(killed.kills[prompt] for prompt in point.prompts),
                sum(len(each.billed) for each in told),
                sum(each.delivered for each in told),
                sum(UNKNOWN in each.log for each in told),
                sum(killed.cleared[prompt].delivered for prompt in point.prompts if prompt in killed.cleared),
            )
        )
    twice = sum(len(each.billed) > 1 for each in killed.recovered.values())
    lost = sum(
        bool(each.billed) and not each.delivered and UNKNOWN not in each.log for each in killed.recovered.values()
    )
    with for_people():
        head = ("killed at", "kills", "billed", "delivered", "unknown", "delivered after a clear")
        show_table(
            "What became of each video by itself, and then of the unknown ones when they were cleared", head, rows
        )
        print(f"  Billed more than once: {twice}. Lost: {lost}.")
