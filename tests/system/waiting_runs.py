"""The DAG runs that the system tests look at: some that end by themselves, and one whose triggerer is killed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.harness.airflow import LocalAirflow
from dev.harness.processes import tail
from dev.harness.services import Postgres
from sora2_provider.emulator import Emulator
from sora2_provider.emulator.history import Billed
from tests.worker_seconds import WorkerSeconds, read_worker_seconds

KEY = "sk-system-test-5f4e3d2c1b0a"

POLL_INTERVAL = 5.0
#: How long a rendering takes where nobody ends it sooner.
RENDER_SECONDS = 15.0
#: Longer than any test takes, so that the test decides when these renderings end.
HELD_SECONDS = 86_400.0
#: How long an operator waits for its video.
TIMEOUT = 5400.0
#: Videos that sensors wait for too.
WATCHED_VIDEOS = 10
#: Task processes of a DAG at a time.
PARALLELISM = 4

_ENDED = {"success", "failed", "upstream_failed", "skipped", "removed"}
_FAILED = {"failed", "upstream_failed", "up_for_retry"}


@dataclass(frozen=True)
class World:
    """A running Airflow, its database, and the gateway."""

    airflow: LocalAirflow
    postgres: Postgres
    emulator: Emulator
    videos: int
    """How many videos a deferred run makes."""
    waiting_videos: int
    """How many videos the run with waiting workers makes."""
    hanging: Path
    """While a file of a connection's name is in this folder, looking that connection up hangs."""

    @property
    def patience(self) -> float:
        """Seconds in which all videos of a run surely get through the workers once."""
        return 300 + 5.0 * self.videos

    def wait_for(self, condition: Callable[[], bool], what: str, *, more: float = 0.0) -> None:
        """Wait, for so many seconds ``more`` than workers need; end at once when a component of Airflow dies."""
        self.airflow.wait_until(condition, timeout=self.patience + more, what=what)


@dataclass(frozen=True)
class Run:
    """A DAG run that has ended."""

    dag_id: str
    states: dict[tuple[str, int], str | None]
    tries: dict[tuple[str, int], int]
    xcoms: dict[tuple[str, str, int], Any]
    billed: tuple[Billed, ...]
    """What was billed while it ran."""
    worker_seconds: dict[str, WorkerSeconds]
    """By the state in which a task process left its task: deferred, success."""
    log: str
    """The logs of its tasks that did not succeed."""

    @property
    def seconds_a_video(self) -> float:
        """Worker seconds, of all task processes, for each video."""
        return sum(part.seconds for part in self.worker_seconds.values()) / len(self.billed)


@dataclass(frozen=True)
class Trigger:
    """A trigger as it stands in the database."""

    triggerer: int | None
    kwargs: dict[str, Any]


@dataclass(frozen=True)
class HeldRun:
    """A deferred run, and a run of sensors on its first videos, over which the triggerer was killed."""

    created: Run
    watched: Run
    watched_ids: tuple[str, ...]
    at_kill: dict[tuple[str, int], Trigger]
    """By (DAG's id, map index)."""
    billed_at_kill: int
    seconds_unwatched: float
    """From the restart to the first question about a video."""
    after_restart: dict[tuple[str, int], Trigger]
    asked_after_restart: frozenset[str]
    """The videos that the restarted triggerer has asked about before any of them was completed."""
    dump: str
    """The whole database while everything was deferred."""
    render_seconds: float
    """How long the videos took to render, all in all."""


def run_to_end(world: World, dag_id: str) -> Run:
    """Run a DAG whose renderings end by themselves."""
    world.emulator.settings(render_seconds=RENDER_SECONDS)
    billed_before = len(world.emulator.billed)
    run_id = world.airflow.rest.trigger(dag_id)
    return end_of(world, dag_id, run_id, billed_before)


def run_held(world: World, watched: int) -> HeldRun:
    """Kill the triggerer when more than half of the videos are waited for; end the renderings after its restart."""
    airflow, emulator = world.airflow, world.emulator
    emulator.settings(render_seconds=HELD_SECONDS)
    billed_before, asked_before = len(emulator.billed), _last_request(emulator)
    created_run = airflow.rest.trigger("deferred")
    world.wait_for(lambda: len(emulator.billed) >= billed_before + watched, "the first videos")
    watched_ids = tuple(one.id for one in emulator.billed[billed_before : billed_before + watched])
    watched_run = airflow.rest.trigger("watched", {"video_ids": list(watched_ids)})
    runs = {"deferred": created_run, "watched": watched_run}

    def mid_wait() -> bool:
        _nothing_failed(airflow, runs)
        asked = _asked(emulator, asked_before)
        taken = [key for key, trigger in read_triggers(airflow, runs).items() if trigger.triggerer is not None]
        creating = sum(dag_id == "deferred" for dag_id, _ in taken)
        return len(taken) - creating == watched and 2 * creating > world.videos and 2 * len(asked) > world.videos

    world.wait_for(mid_wait, "more than half of the videos to be waited for")
    (killed,) = {trigger.triggerer for trigger in read_triggers(airflow, runs).values()} - {None}
    airflow.kill_component("triggerer")
    at_kill, billed_at_kill = read_triggers(airflow, runs), len(emulator.billed) - billed_before
    asked_at_kill, restarted = _last_request(emulator), time.monotonic()
    airflow.start_component("triggerer")

    def all_taken_again() -> bool:
        _nothing_failed(airflow, runs)
        triggers = read_triggers(airflow, runs).values()
        return len(triggers) == world.videos + watched and not {each.triggerer for each in triggers} & {None, killed}

    world.wait_for(lambda: _asked(emulator, asked_at_kill) != set(), "the restarted triggerer to ask again")
    seconds_unwatched = time.monotonic() - restarted
    world.wait_for(all_taken_again, "the restarted triggerer to take all triggers")
    asked_again = lambda: _asked(emulator, asked_at_kill)  # noqa: E731
    world.wait_for(lambda: len(asked_again()) == world.videos, "the restarted triggerer to ask about all videos")
    after_restart, asked_after_restart, dump = read_triggers(airflow, runs), asked_again(), world.postgres.dump()
    rendered = emulator.billed[billed_before:]
    for one in rendered:
        emulator.finish(one.id)
    render_seconds = sum(time.time() - one.at for one in rendered)
    return HeldRun(
        created=end_of(world, "deferred", created_run, billed_before),
        watched=end_of(world, "watched", watched_run, billed_before),
        watched_ids=watched_ids,
        at_kill=at_kill,
        billed_at_kill=billed_at_kill,
        seconds_unwatched=seconds_unwatched,
        after_restart=after_restart,
        asked_after_restart=asked_after_restart,
        dump=dump,
        render_seconds=render_seconds,
    )


def read_triggers(airflow: LocalAirflow, runs: dict[str, str]) -> dict[tuple[str, int], Trigger]:
    """Return the triggers of runs (run id by DAG id) from the database, by (DAG id, map index)."""
    rows = airflow.query(
        "SELECT i.dag_id, i.run_id, i.map_index, t.triggerer_id, t.kwargs FROM task_instance i "
        "JOIN trigger t ON t.id = i.trigger_id WHERE i.state = 'deferred'"
    )
    return {
        (dag_id, map_index): Trigger(triggerer, json.loads(kwargs))
        for dag_id, run_id, map_index, triggerer, kwargs in rows
        if runs.get(dag_id) == run_id
    }


def end_of(
    world: World,
    dag_id: str,
    run_id: str,
    billed_before: int,
    *,
    meanwhile: Callable[[], None] = lambda: None,
    more: float = 0.0,
) -> Run:
    """Wait for the end of a run, and return what came of it.

    :param meanwhile: is called again and again until then.
    :param more: seconds that it takes beside those that workers need.
    """
    airflow = world.airflow
    of_run = "dag_id = :dag_id AND run_id = :run_id"

    def ended() -> bool:
        meanwhile()
        ((state,),) = airflow.query(f"SELECT state FROM dag_run WHERE {of_run}", dag_id=dag_id, run_id=run_id)
        return state in _ENDED

    world.wait_for(ended, f"the run of {dag_id} to end", more=more)
    rows = airflow.query(
        f"SELECT id, task_id, map_index, state, try_number FROM task_instance WHERE {of_run}",
        dag_id=dag_id,
        run_id=run_id,
    )
    ids = {str(row[0]) for row in rows}
    scheduler_log = airflow.component_log("scheduler")
    read = lambda: read_worker_seconds(scheduler_log.read_text(errors="replace"), ids)  # noqa: E731
    # A task's state is in the database a moment before its process ends.
    ends = sum(row[3] in {"success", "failed"} for row in rows)
    world.wait_for(
        lambda: sum(part.processes for state, part in read().items() if state != "deferred") >= ends,
        f"the task processes of {dag_id} to end",
    )
    return Run(
        dag_id=dag_id,
        states={(task_id, map_index): state for _, task_id, map_index, state, _ in rows},
        tries={(task_id, map_index): number for _, task_id, map_index, _, number in rows},
        xcoms=airflow.xcoms(dag_id, run_id),
        billed=world.emulator.billed[billed_before:],
        worker_seconds=read(),
        log=tail(airflow.task_log(dag_id, run_id=run_id), 60) if any(row[3] != "success" for row in rows) else "",
    )


def _nothing_failed(airflow: LocalAirflow, runs: dict[str, str]) -> None:
    for dag_id, run_id in runs.items():
        failed = {key for key, state in airflow.task_states(dag_id, run_id).items() if state in _FAILED}
        assert not failed, f"{failed}\n{tail(airflow.task_log(dag_id, run_id=run_id), 60)}"


def _asked(emulator: Emulator, since: int) -> frozenset[str]:
    """Return the videos whose state was asked for after the request of this number."""
    return frozenset(one.video_id for one in emulator.requests if one.number > since and one.route == "query")


def _last_request(emulator: Emulator) -> int:
    return emulator.requests[-1].number if emulator.requests else 0
