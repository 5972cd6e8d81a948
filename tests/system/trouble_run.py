"""The run in which videos wait in every trouble at once: each wait's end is read from the log of its trigger."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import requests

from dev.harness.processes import run_command
from sora2_provider.emulator import Emulator
from tests.system.gateway_front import GatewayFront
from tests.system.waiting_runs import HELD_SECONDS, KEY, POLL_INTERVAL, World
from tests.triggerer_stalls import stalls

DAG_ID = "in_trouble"
PROJECT = Path(__file__).parents[2]

CORRECTED, HANGING, SWAPPED, REFUSED = "corrected", "hanging", "swapped", "refused"
#: Each is the name of a connection, too.
TROUBLES = {
    CORRECTED: "a connection that is corrected",
    HANGING: "a secrets backend that hangs",
    SWAPPED: "a CA bundle that is swapped",
    REFUSED: "a persistent 429",
}
#: How long the waits last that only their deadline ends, in seconds; and those that are delivered when all is well again.
SHORT, LONG = 75.0, 900.0
TIMEOUTS = {CORRECTED: LONG, HANGING: SHORT, SWAPPED: LONG, REFUSED: SHORT}


_END = re.compile(r'^(?:{"timestamp":")?(\S+?Z)\b.*The wait for video (\S+) is over: (\w+)', re.MULTILINE)


class End(NamedTuple):
    """How a wait ended, by its trigger's own log."""

    outcome: str
    at: float


@dataclass(frozen=True)
class TroubleRun:
    """What came of the waits, by trouble."""

    deadlines: dict[str, float]
    ends: dict[str, list[End]]
    told: dict[str, list[tuple[str, str]]]
    """Each task instance's state, and what it will be called with."""
    asked: dict[str, int]
    stalls: list[float]
    hung_lookups: int


def environment(waits: int, hanging: Path, connection: str) -> dict[str, str]:
    """Return the options and connections of the Airflow that this runs on."""
    return {
        "SYSTEM_WAITS_IN_ALL": str(waits * len(TROUBLES)),
        "PYTHONPATH": str(Path(__file__).with_name("on_python_path")),
        "AIRFLOW__SECRETS__BACKEND": "hanging_backend.HangingBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"folder": str(hanging)}),
        f"AIRFLOW_CONN_{HANGING.upper()}": connection,
        f"AIRFLOW_CONN_{REFUSED.upper()}": connection,
    }


def run_in_trouble(world: World, waits: int, folder: Path) -> TroubleRun:
    """Let so many videos wait in each trouble, put right what can be put right, and wait for the end of all."""
    airflow, emulator = world.airflow, world.emulator
    emulator.settings(render_seconds=HELD_SECONDS)
    videos = {trouble: _created(emulator, trouble, waits) for trouble in TROUBLES}
    emulator.fault(route="query", prompt_contains=REFUSED, status=429, headers={"Retry-After": "20"}, times=None)
    (world.hanging / HANGING).touch()
    bundle = folder / "authority.pem"
    with GatewayFront(emulator.url) as front:
        front.authority.cert_pem.write_to_path(bundle)
        _add_connection(world, CORRECTED, front.silent_url, read_timeout=5)
        _add_connection(world, SWAPPED, front.url, verify_tls=str(bundle))
        run_id = _scheduled(world, waits)
        log = airflow.component_log("triggerer")
        log_before = len(log.read_bytes())
        requests_before = emulator.requests[-1].number
        began = _defer(world, run_id, videos, folder)
        world.wait_for(lambda: front.hanging > min(waits, 100) // 2, "questions to hang at the wrong address")
        world.wait_for(lambda: front.passed == set(videos[SWAPPED]), "all videos to be asked for over TLS")
        for trouble in (CORRECTED, SWAPPED):
            for video_id in videos[trouble]:
                emulator.finish(video_id)
        front.exchange_certificate().cert_pem.write_to_path(bundle)
        airflow.rest.patch(f"/connections/{CORRECTED}", _connection(CORRECTED, emulator.url))
        world.wait_for(lambda: not _waiting(world, run_id), "every wait to end", more=LONG)
        of_triggerer = lambda: log.read_bytes()[log_before:].decode(errors="replace")  # noqa: E731
        ends: dict[str, End] = {}

        def all_logged() -> bool:
            ends.update(_ends(airflow.task_log(DAG_ID, run_id=run_id) + of_triggerer()))
            return len(ends) == waits * len(TROUBLES)

        world.wait_for(all_logged, "the logs of all triggers")
    (world.hanging / HANGING).unlink()
    emulator.clear_faults()
    asked = [one.video_id for one in emulator.requests if one.number > requests_before and one.route == "query"]
    rows = airflow.query(
        "SELECT map_index, state, CAST(next_kwargs AS TEXT) FROM task_instance WHERE dag_id = :dag_id AND run_id = :run_id",
        dag_id=DAG_ID,
        run_id=run_id,
    )
    airflow.rest.patch(f"/dags/{DAG_ID}/dagRuns/{run_id}", {"state": "failed"})
    told = {map_index: (state, event) for map_index, state, event in rows}
    return TroubleRun(
        deadlines={trouble: began + timeout for trouble, timeout in TIMEOUTS.items()},
        ends={trouble: [ends[video_id] for video_id in ids] for trouble, ids in videos.items()},
        told={
            trouble: [told[number] for number in range(first * waits, (first + 1) * waits)]
            for first, trouble in enumerate(TROUBLES)
        },
        asked={trouble: sum(video_id in ids for video_id in asked) for trouble, ids in _sets(videos)},
        stalls=stalls(of_triggerer()),
        hung_lookups=len((world.hanging / f"{HANGING}.hung").read_text().splitlines()),
    )


def _sets(videos: dict[str, list[str]]) -> Iterator[tuple[str, set[str]]]:
    return ((trouble, set(ids)) for trouble, ids in videos.items())


def _created(emulator: Emulator, trouble: str, count: int) -> list[str]:
    body = {"model": "sora-2", "images": [], "orientation": "portrait", "size": "small", "duration": 10}
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {KEY}"
        answers = [
            session.post(f"{emulator.url}/v1/video/create", json={**body, "prompt": f"{trouble} {number}"}, timeout=30)
            for number in range(count)
        ]
    return [answer.json()["id"] for answer in answers]


def _connection(conn_id: str, host: str, **extra: Any) -> dict[str, Any]:
    facts = {"connection_id": conn_id, "conn_type": "sora2", "host": host, "password": KEY}
    # The API is named: while the gateway is in trouble it could not be found out.
    return {**facts, "extra": json.dumps({"dialect": "unified", **extra})}


def _add_connection(world: World, conn_id: str, host: str, **extra: Any) -> None:
    world.airflow.rest.post("/connections", _connection(conn_id, host, **extra))


def _scheduled(world: World, waits: int) -> str:
    """Return a run whose task instances are there and wait for a slot that no pool has."""
    airflow = world.airflow
    airflow.rest.post("/pools", {"name": "no_slots", "slots": 0, "include_deferred": False})
    run_id = airflow.rest.trigger(DAG_ID)

    def scheduled() -> bool:
        states = list(airflow.task_states(DAG_ID, run_id).values())
        return states == ["scheduled"] * waits * len(TROUBLES)

    world.wait_for(scheduled, "all task instances to be scheduled")
    return run_id


def _defer(world: World, run_id: str, videos: dict[str, list[str]], folder: Path) -> float:
    """Defer the task instances, and return when their waits began."""
    waits = [
        {
            "video_id": video_id,
            "sora2_conn_id": trouble,
            "timeout": TIMEOUTS[trouble],
            "poll_interval": POLL_INTERVAL,
        }
        for trouble, ids in videos.items()
        for video_id in ids
    ]
    (folder / "waits.json").write_text(json.dumps({"dag_id": DAG_ID, "run_id": run_id, "waits": waits}))
    airflow = world.airflow
    result = run_command(
        [str(airflow.installation.python), "-P", "-m", "tests.system.defer_waits", str(folder / "waits.json")],
        environment={**airflow.environment, "PYTHONPATH": f"{airflow.environment['PYTHONPATH']}:{PROJECT}"},
        cwd=airflow.home,
        timeout=300,
    )
    result.check()
    return float(result.output.rpartition("Deferred at ")[2])


def _waiting(world: World, run_id: str) -> int:
    return list(world.airflow.task_states(DAG_ID, run_id).values()).count("deferred")


def _ends(logs: str) -> dict[str, End]:
    """Return the ends by video, from what the triggers have logged: the last lines of one may be in the triggerer's log."""
    ends = {}
    for moment, video_id, outcome in _END.findall(logs):
        assert video_id not in ends, "one end for each"
        ends[video_id] = End(outcome, datetime.fromisoformat(moment).timestamp())
    return ends
