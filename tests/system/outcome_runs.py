"""The DAG run in which every outcome happens in every mode, all at the same time."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from sora2_provider.emulator import Emulator
from sora2_provider.emulator.history import Received
from tests.outcome_cases import CASES, Case
from tests.outcome_table import MODES
from tests.system.waiting_runs import HELD_SECONDS, POLL_INTERVAL, World, end_of

DAG_ID = "every_outcome"

#: More than ten minutes of a gateway that is away are for the made-up clock.
TRIED = {name: case for name, case in CASES.items() if name != "gateway down for long"}

#: How long a task waits whose timeout nothing but the time brings about, and how long all others do.
_SHORT_TIMEOUT, _TIMEOUT = 60, 240
#: What the docs call three minutes.
PATIENCE = 180
#: Longer than the first try of any task, and not so long that a second one could not ride out the rest.
_REFUSED_SECONDS = _TIMEOUT + 60

#: Each question of a sensor in reschedule mode takes a process.
POLL_INTERVALS = {mode: POLL_INTERVAL * (4 if mode == "reschedule" else 1) for mode in MODES}
#: Two modes hold a worker while they wait, and all others need one for a moment now and then.
WORKERS = 2 * len(TRIED) + 6


@dataclass(frozen=True)
class Seen:
    """What came of one case in one mode."""

    state: str | None
    tries: int
    video_ids: tuple[str, ...]
    """The videos that were paid for, in order."""
    questions: tuple[Received, ...]
    returned: Any
    video: Any
    """The XCom of this name."""
    raised: tuple[tuple[str, str], ...]
    """The name and the message of each exception that ended a try."""


@dataclass(frozen=True)
class OutcomeRun:
    """The run when it has ended."""

    seconds: float
    billed: int
    seen: dict[tuple[str, str], Seen]
    """By case and mode."""


def task_id(case: str, mode: str) -> str:
    """Return the id of the task that tries a case in a mode. Its video's prompt is the same."""
    return f"{case}--{mode}".replace(" ", "_")


def timeout_of(case: str, mode: str) -> float:
    """Return the timeout of that task."""
    waits_only = TRIED[case].told(mode).row == "timeout" and not TRIED[case].refusal
    return _SHORT_TIMEOUT if waits_only else _TIMEOUT


def tasks() -> str:
    """Return what the DAG is told about its tasks, by task id, as JSON."""
    return json.dumps(
        {
            task_id(case, mode): {
                "mode": mode,
                "timeout": timeout_of(case, mode),
                "poll_interval": POLL_INTERVALS[mode],
                # What takes longest begins first.
                "priority": 2 if TRIED[case].refusal and TRIED[case].refusal_lasts is None else 1,
            }
            for case in TRIED
            for mode in MODES
        }
    )


def run_outcomes(world: World) -> OutcomeRun:
    """Let everything happen."""
    airflow, emulator = world.airflow, world.emulator
    started = time.monotonic()
    emulator.settings(render_seconds=HELD_SECONDS)
    names = {(case, mode): task_id(case, mode) for case in TRIED for mode in MODES}
    cases = {name: TRIED[case] for (case, _), name in names.items()}
    deferring = {name for (_, mode), name in names.items() if mode.startswith("deferred")}
    for name, case in cases.items():
        if case.refusal:
            emulator.fault(case.refuse(_REFUSED_SECONDS, prompt_contains=name))
    billed_before = len(emulator.billed)
    run_id = airflow.rest.trigger(DAG_ID)
    ended: dict[str, str] = {}

    def end_renderings() -> None:
        newest = {one.request["prompt"]: one.id for one in emulator.billed[billed_before:]}
        told = {one.video_id for one in emulator.requests if one.route == "query" and one.status == 200}
        tries = _tries(world, run_id)
        settled = airflow.noticed_ends(DAG_ID, run_id)
        for name, video_id in newest.items():
            status = cases[name].rendering if tries[name] == 1 else "completed"
            # Somebody was told that it goes on, and so has to wait.
            waiting = video_id in told and (name not in deferring or (name, tries[name]) in settled)
            if waiting and ended.get(video_id) != status:
                ended[video_id] = status
                _end(emulator, video_id, status, cases[name])

    run = end_of(world, DAG_ID, run_id, billed_before, meanwhile=end_renderings, more=2 * _TIMEOUT)
    emulator.clear_faults()
    questions = [one for one in emulator.requests if one.route == "query"]

    def seen(name: str) -> Seen:
        ids = tuple(one.id for one in run.billed if one.request["prompt"] == name)
        return Seen(
            state=run.states[name, -1],
            tries=run.tries[name, -1],
            video_ids=ids,
            questions=tuple(one for one in questions if one.video_id in ids),
            returned=run.xcoms.get((name, "return_value", -1)),
            video=run.xcoms.get((name, "video", -1)),
            raised=_raised(airflow.task_log(DAG_ID, name, run_id)),
        )

    return OutcomeRun(
        seconds=time.monotonic() - started,
        billed=len(run.billed),
        seen={which: seen(name) for which, name in names.items()},
    )


def _tries(world: World, run_id: str) -> dict[str, int]:
    """Return the number of the try that each task is at."""
    rows = world.airflow.query(
        "SELECT task_id, try_number FROM task_instance WHERE dag_id = :dag_id AND run_id = :run_id",
        dag_id=DAG_ID,
        run_id=run_id,
    )
    return {str(name): int(number) for name, number in rows}


def _end(emulator: Emulator, video_id: str, status: str, case: Case) -> None:
    if status == "failed":
        emulator.fail(video_id, case.error_code, case.error_message)
    else:
        emulator.end(video_id, status)


def _raised(log: str) -> tuple[tuple[str, str], ...]:
    lines = [json.loads(line) for line in log.splitlines() if '"error_detail"' in line]
    # Behind the exception itself come its causes.
    raised = [line["error_detail"][0] for line in lines if line["event"] == "Task failed with exception"]
    return tuple((one["exc_type"], one["exc_value"]) for one in raised)
