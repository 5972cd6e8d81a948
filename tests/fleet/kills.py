"""Kills in mid-run, at moments that are recognised by what tasks and videos are doing, never by a clock."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dev.harness.processes import descendants
from sora2_provider.submission.stores import STATE_KEY
from tests.fleet.fleet import VIDEOS, WORKERS, Fleet
from tests.fleet.meter import Meter

#: What makes mid-run: this share of the videos waits in the triggerer.
MID_RUN = 0.2

QUEUE = "default"
#: Where Celery keeps what workers have fetched and not acknowledged.
UNACKNOWLEDGED = "unacked"


@dataclass(frozen=True)
class Kill:
    what: str
    met: str


@dataclass(frozen=True)
class Instance:
    """A task instance now."""

    map_index: int
    state: str | None
    pid: int | None
    resumed: bool
    """Whether it has been deferred, and stores the file now."""
    video_id: str | None
    intent: bool
    """Whether it has written down that it is about to submit."""


class Strikes:
    """Kills a worker, the triggerer and Redis, one after the other, and replaces each."""

    def __init__(self, fleet: Fleet, run_id: str, meter: Meter) -> None:
        self._fleet, self._run_id, self._meter = fleet, run_id, meter
        self.orphans: list[int] = []
        """The map indexes of the tasks that had paid for a video, and had nobody wait for it, when their worker was killed."""

    def all(self) -> list[Kill]:
        return [self._worker(), self._triggerer(), self._redis()]

    def _worker(self) -> Kill:
        """Kill a worker that has just paid for a video, which nobody waits for yet."""
        fleet, name = self._fleet, WORKERS[0]
        met: list[Instance] = []

        def struck() -> bool:
            tree = lambda: [fleet.airflow.components[name].pid, *_below(fleet, name)]  # noqa: E731
            if not _paid(self._running(tree())) or self._deferred() < MID_RUN:
                return False
            # What was seen is past by now: stop the worker, look again, and then decide.
            with _frozen(tree) as pids:
                running = self._settled(pids)
                if not _paid(running) or any(each.intent and each.video_id is None for each in running):
                    return False
                met.extend(running)
                self._meter.before_end_of(name)
                fleet.airflow.kill_container(name)
            return True

        fleet.wait_for(lambda: self._deferred() >= MID_RUN, "a fifth of the videos to wait")
        fleet.wait_for(struck, "a worker that has just paid for a video", every=0.1)
        fetched = int(fleet.redis.ask("HLEN", UNACKNOWLEDGED))
        fleet.airflow.start_component(name)
        fleet.wait_for(lambda: bool(self._running(_below(fleet, name))), "the new worker to run a task")
        self.orphans = [each.map_index for each in _paid(met)]
        resumed = sum(each.resumed for each in met)
        return Kill(
            f"kill -9 of {name} and all its processes",
            f"{len(met)} running tasks: {len(self.orphans)} had paid and not yet deferred, {resumed} were storing; "
            f"{fetched} messages were unacknowledged",
        )

    def _triggerer(self) -> Kill:
        fleet = self._fleet
        fleet.wait_for(lambda: self._deferred(taken=True) >= MID_RUN, "videos to be waited for in the triggerer")
        (killed,), waiting = self._triggerers(), round(self._deferred() * VIDEOS)
        self._meter.before_end_of("triggerer")
        fleet.airflow.kill_component("triggerer")
        fleet.airflow.start_component("triggerer")
        fleet.wait_for(lambda: bool(self._triggerers() - {killed}), "the new triggerer to take triggers")
        return Kill("kill -9 of the triggerer", f"{waiting} videos were waited for")

    def _redis(self) -> Kill:
        redis = self._fleet.redis
        met: list[int] = []

        def struck() -> bool:
            queued, fetched = int(redis.ask("LLEN", QUEUE)), int(redis.ask("HLEN", UNACKNOWLEDGED))
            if self._deferred() < MID_RUN or not queued or not fetched:
                return False
            met.extend((queued, fetched))
            self._meter.before_end_of("redis")
            redis.restart()
            return True

        self._fleet.wait_for(lambda: self._deferred() >= MID_RUN, "a fifth of the videos to wait")
        self._fleet.wait_for(struck, "messages in Redis", every=0.1)
        return Kill("restart of Redis, its data kept", f"{met[0]} queued messages, {met[1]} unacknowledged")

    def _deferred(self, *, taken: bool = False) -> float:
        """Return the share of the videos that wait in the triggerer; with ``taken`` those that it has begun to wait for."""
        ((number,),) = self._fleet.airflow.query(
            "SELECT count(*) FROM task_instance i JOIN trigger t ON t.id = i.trigger_id "
            f"WHERE i.run_id = :run_id AND i.state = 'deferred' {'AND t.triggerer_id IS NOT NULL' if taken else ''}",
            run_id=self._run_id,
        )
        return float(number) / VIDEOS

    def _triggerers(self) -> set[int]:
        rows = self._fleet.airflow.query("SELECT DISTINCT triggerer_id FROM trigger WHERE triggerer_id IS NOT NULL")
        return {int(number) for (number,) in rows}

    def _settled(self, pids: list[int]) -> list[Instance]:
        """Look until the API server has done what it was asked for before everything was stopped."""
        seen = self._running(pids)
        while True:
            self._fleet.airflow.rest.get("/version")
            again = self._running(pids)
            if again == seen:
                return seen
            seen = again

    def _running(self, pids: list[int]) -> list[Instance]:
        rows = self._fleet.airflow.query(
            "SELECT i.map_index, i.state, i.pid, i.next_method IS NOT NULL, s.value FROM task_instance i "
            "LEFT JOIN task_state_store s ON s.run_id = i.run_id AND s.task_id = i.task_id "
            "AND s.map_index = i.map_index AND s.key = :key "
            "WHERE i.run_id = :run_id AND i.state = 'running'",
            run_id=self._run_id,
            key=STATE_KEY,
        )
        wanted = set(pids)
        return [
            Instance(index, state, pid, resumed, (json.loads(value) if value else {}).get("video_id"), bool(value))
            for index, state, pid, resumed, value in rows
            if pid in wanted
        ]


def _paid(instances: list[Instance]) -> list[Instance]:
    """Return those that have submitted their video in this very process, and not deferred."""
    return [each for each in instances if each.video_id is not None and not each.resumed]


def _below(fleet: Fleet, name: str) -> list[int]:
    return [each.pid for each in descendants(fleet.airflow.components[name].pid)]


@contextlib.contextmanager
def _frozen(tree: Callable[[], list[int]]) -> Iterator[list[int]]:
    """Stop all processes of a tree, and let them go on afterwards."""
    stopped: set[int] = set()
    while new := set(tree()) - stopped:
        for pid in new:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        stopped |= new
    try:
        yield list(stopped)
    finally:
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
