"""What the fault tests look at: an Airflow to break, and runs of videos by prompt."""

from __future__ import annotations

import itertools
import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from dev.harness.airflow import LocalAirflow
from sora2_provider.emulator import Emulator

#: How often each point is struck.
KILLS = int(os.environ.get("FAULT_KILLS", "1"))
#: How many videos are made through a gateway that breaks.
VIDEOS = int(os.environ.get("FAULT_VIDEOS", "100"))

#: Seconds after which anything that should happen has long happened.
PATIENCE = 120.0 + 20.0 * KILLS

_ENDED = {"success", "failed", "upstream_failed", "skipped", "removed"}
_numbers = itertools.count(1)


class Row(NamedTuple):
    """A task instance in Airflow's database."""

    state: str | None
    pid: int | None
    tries: int


@dataclass(frozen=True)
class Told:
    """What a person sees of one task instance, and what the gateway billed for its prompt."""

    state: str | None
    xcom: str | None
    """The id that it returned."""
    video: Mapping[str, Any] | None
    billed: tuple[str, ...]
    """The ids of the accepted creates of its prompt, oldest first."""
    tries: int
    log: str
    """Of all its tries, oldest first."""

    @property
    def delivered(self) -> bool:
        """Whether the task succeeded and tells the id of a video of its own that is completed."""
        return (
            self.state == "success"
            and self.xcom in self.billed
            and self.video is not None
            and (self.video["id"], self.video["status"]) == (self.xcom, "completed")
        )


@dataclass(frozen=True)
class World:
    """A running Airflow, the gateway, and the folder through which tests and task processes talk."""

    airflow: LocalAirflow
    emulator: Emulator
    folder: Path

    def wait_for(self, condition: Callable[[], bool], what: str, timeout: float = PATIENCE) -> None:
        """Wait; end at once when a component of Airflow dies."""
        self.airflow.wait_until(condition, timeout=timeout, what=what)

    def billed(self, prompt: str) -> tuple[str, ...]:
        """Return the ids of the accepted creates of a prompt, oldest first."""
        return tuple(one.id for one in self.emulator.billed if one.request["prompt"] == prompt)

    def requested(self, route: str, prompt: str) -> int:
        """Return how many requests of a route came in for a prompt."""
        ids = set(self.billed(prompt))
        return sum(
            one.route == route
            and (one.video_id in ids or (isinstance(one.body, dict) and one.body.get("prompt") == prompt))
            for one in self.emulator.requests
        )

    def hold_create(self, prompt: str, *, accepted: bool, seconds: float) -> None:
        """Let the gateway hold its answer to the next create of a prompt.

        :param accepted: whether the create is accepted and billed at once; otherwise it never is.
        """
        refusal = {} if accepted else {"reset": "before"}
        self.emulator.fault(route="create", prompt_contains=prompt, delay=seconds, **refusal)

    def start(self, videos: Sequence[Mapping[str, Any]], dag_id: str = "videos") -> Run:
        """Start a run that makes these videos, given as arguments of the operator."""
        file = f"list-{next(_numbers)}.json"
        run = Run(self, dag_id, "", file)
        run.change(videos)
        run.run_id = self.airflow.rest.trigger(dag_id, {"list": file})
        return run


@dataclass
class Run:
    """A run of the DAG ``videos``; its task instances are told apart by the prompts of its list."""

    world: World
    dag_id: str
    run_id: str
    file: str
    prompts: list[str] = field(default_factory=list)
    task_id: str = "create"

    def change(self, videos: Sequence[Mapping[str, Any]]) -> None:
        """Write the list, which the run reads when it begins, and again when it is cleared from its beginning."""
        (self.world.folder / self.file).write_text(json.dumps(list(videos)))
        self.prompts = [video["prompt"] for video in videos]
        assert len(set(self.prompts)) == len(self.prompts)

    def states(self) -> dict[str, str | None]:
        """Return the states of the creates by prompt."""
        return {prompt: row.state for prompt, row in self._rows().items()}

    def pid(self, prompt: str) -> int:
        """Return the process of a running create."""
        pid = self._rows()[prompt].pid
        assert pid, prompt
        return pid

    def wait_for(self, states: set[str], prompts: Iterable[str] | None = None, *, timeout: float = PATIENCE) -> None:
        """Wait until the creates of these prompts, or all, have come to any of the states."""
        wanted = set(self.prompts if prompts is None else prompts)

        def reached() -> bool:
            now = self.states()
            return wanted <= now.keys() and all(now[prompt] in states for prompt in wanted)

        try:
            self.world.wait_for(reached, f"{len(wanted)} videos to be {' or '.join(sorted(states))}", timeout)
        except TimeoutError as error:
            now = self.states()
            raise TimeoutError(f"{error}; now {Counter(now.get(prompt) for prompt in wanted)}: {now}") from None

    def wait_for_end(self) -> None:
        """Wait until the run has ended."""
        self.world.wait_for(lambda: self.state() in {"success", "failed"}, f"the run {self.run_id} to end")

    def state(self) -> str:
        """Return the state of the run."""
        of_run = {"dag_id": self.dag_id, "run_id": self.run_id}
        statement = "SELECT state FROM dag_run WHERE dag_id = :dag_id AND run_id = :run_id"
        ((state,),) = self.world.airflow.query(statement, **of_run)
        return str(state)

    def clear(self, prompts: Iterable[str] | None = None, **options: Any) -> None:
        """Clear the creates of these prompts, or with ``task_ids`` other tasks, as a person does in the web interface."""
        tasks = [[self.task_id, self.prompts.index(prompt)] for prompt in prompts or ()]
        body = {"dag_run_id": self.run_id, "only_failed": False, "dry_run": False, "task_ids": tasks, **options}
        self.world.airflow.rest.post(f"/dags/{self.dag_id}/clearTaskInstances", body)

    def told(self, prompt: str) -> Told:
        """Return what is known of the create of a prompt."""
        return self.told_all([prompt])[prompt]

    def told_all(self, prompts: Iterable[str] | None = None) -> dict[str, Told]:
        """Return what is known of the creates of these prompts, or of all."""
        airflow, rows = self.world.airflow, self._rows()
        xcoms = airflow.xcoms(self.dag_id, self.run_id)
        found = {}
        for prompt in self.prompts if prompts is None else prompts:
            index = self.prompts.index(prompt)
            found[prompt] = Told(
                state=rows[prompt].state if prompt in rows else None,
                xcom=xcoms.get((self.task_id, "return_value", index)),
                video=xcoms.get((self.task_id, "video", index)),
                billed=self.world.billed(prompt),
                tries=rows[prompt].tries if prompt in rows else 0,
                log=airflow.task_log(self.dag_id, self.task_id, self.run_id, index),
            )
        return found

    def _rows(self) -> dict[str, Row]:
        rows = self.world.airflow.query(
            "SELECT map_index, state, pid, try_number FROM task_instance "
            "WHERE dag_id = :dag_id AND run_id = :run_id AND task_id = :task_id AND map_index >= 0",
            dag_id=self.dag_id,
            run_id=self.run_id,
            task_id=self.task_id,
        )
        return {self.prompts[index]: Row(*row) for index, *row in rows if index < len(self.prompts)}


def parent_of(pid: int) -> int:
    """Return the process id of a process's parent."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def kill(pid: int) -> None:
    """End a process as ``kill -9`` does."""
    os.kill(pid, signal.SIGKILL)


def show_table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: the first column to the left, numbers to the right."""
    lines = [tuple(map(str, row)) for row in (head, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    print(f"\n\n{title}")
    for line in lines:
        cells = [
            f"{line[0]:{widths[0]}}",
            *(f"{cell:>{width}}" for cell, width in zip(line[1:], widths[1:], strict=True)),
        ]
        print(f"  {'  '.join(cells)}")
