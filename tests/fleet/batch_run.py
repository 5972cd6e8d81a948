"""One run of the batch from its trigger to its last file, with a worker, the triggerer and Redis struck in between."""

from __future__ import annotations

import contextlib
import re
import statistics
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import requests

from sora2_provider.emulator.history import Billed
from tests.fleet.figures import Figures
from tests.fleet.fleet import POOL, WORKERS, Fleet
from tests.fleet.kills import Strikes
from tests.fleet.meter import Meter
from tests.s3_server import BUCKET
from tests.triggerer_stalls import stalls
from tests.worker_seconds import read_worker_seconds

DAG_ID = "batch"
TASK_ID = "create"
_ENDED = {"success", "failed"}
#: What every try leaves in Airflow's event log, whatever comes of it.
_USUAL_EVENTS = {"running", "success", "deferred", "failed", "cli_task_run"}
_WORKER_ERROR = re.compile(r"Task execute_workload\[[^]]+\] raised unexpected: (.+?) \[celery")


@dataclass(frozen=True)
class FleetRun:
    states: dict[int, str | None]
    """By map index."""
    tries: dict[int, int]
    xcoms: dict[tuple[str, str, int], Any]
    billed: tuple[Billed, ...]
    files: dict[str, bytes]
    """What is in the bucket, by the last part of its key."""
    served: dict[str, bytes]
    """What the gateway serves for each video that was completed, by id."""
    figures: Figures
    redis_log: str
    orphans: dict[int, str]
    """The logs of the tasks that had paid for a video, and had nobody wait for it, when their worker was killed."""
    log: str
    """Of the tasks that did not succeed."""


def run_batch(fleet: Fleet) -> FleetRun:
    airflow = fleet.airflow
    meter, transactions_before = Meter(fleet), _transactions(fleet)
    run_id = airflow.rest.trigger(DAG_ID)
    of_run = {"dag_id": DAG_ID, "run_id": run_id}

    def ended() -> bool:
        ((state,),) = airflow.query("SELECT state FROM dag_run WHERE dag_id = :dag_id AND run_id = :run_id", **of_run)
        return state in _ENDED

    with _videos_in_flight(fleet) as in_flight:
        strikes = Strikes(fleet, run_id, meter)
        kills = strikes.all()
        fleet.wait_for(ended, "the run to end")
    costs = meter.read()
    transactions = _transactions(fleet) - transactions_before
    rows = airflow.query(
        "SELECT map_index, state, try_number FROM task_instance WHERE dag_id = :dag_id AND run_id = :run_id", **of_run
    )
    worker_logs = "".join(airflow.component_log(name).read_text(errors="replace") for name in WORKERS)
    held = read_worker_seconds(worker_logs, _instance_ids(fleet, of_run)).values()
    xcoms = airflow.xcoms(DAG_ID, run_id)
    return FleetRun(
        states={index: state for index, state, _ in rows},
        tries={index: number for index, _, number in rows},
        xcoms=xcoms,
        billed=fleet.emulator.billed,
        files=_files(fleet, run_id),
        served={
            video["id"]: _content(video["url"])
            for (_, key, _), video in xcoms.items()
            if key == "video" and video["status"] == "completed"
        },
        figures=Figures(
            costs=costs,
            task_processes=sum(part.processes for part in held),
            worker_seconds=sum(part.seconds for part in held),
            in_flight=statistics.mean(in_flight),
            questions=sum(one.route == "query" for one in fleet.emulator.requests),
            transactions=transactions,
            worst_stall=max(stalls(airflow.component_log("triggerer").read_text(errors="replace")), default=0.0),
            tries=Counter(row[2] for row in rows),
            events=_events(fleet, of_run),
            worker_errors=Counter(_WORKER_ERROR.findall(worker_logs)),
            kills=kills,
        ),
        redis_log=fleet.redis.log,
        orphans={index: airflow.task_log(DAG_ID, TASK_ID, run_id, index) for index in strikes.orphans},
        log=airflow.task_log(DAG_ID, run_id=run_id) if any(row[1] != "success" for row in rows) else "",
    )


@contextlib.contextmanager
def _videos_in_flight(fleet: Fleet) -> Iterator[list[int]]:
    """Count once a second, until the end of the block, how many slots of the pool are taken."""
    counted: list[int] = []
    done = threading.Event()

    def count() -> None:
        while not done.wait(1):
            ((number,),) = fleet.airflow.query(
                "SELECT count(*) FROM task_instance WHERE pool = :pool AND state IN ('queued', 'running', 'deferred')",
                pool=POOL,
            )
            counted.append(int(number))

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield counted
    finally:
        done.set()
        thread.join()


def _transactions(fleet: Fleet) -> int:
    ((number,),) = fleet.airflow.query("SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database")
    return int(number)


def _instance_ids(fleet: Fleet, of_run: dict[str, str]) -> list[str]:
    """Return the ids of all task instances of a run; each try has one of its own."""
    rows = fleet.airflow.query(
        "SELECT id FROM task_instance WHERE dag_id = :dag_id AND run_id = :run_id "
        "UNION SELECT task_instance_id FROM task_instance_history WHERE dag_id = :dag_id AND run_id = :run_id",
        **of_run,
    )
    return [str(each) for (each,) in rows]


def _events(fleet: Fleet, of_run: dict[str, str]) -> dict[str, int]:
    rows = fleet.airflow.query(
        "SELECT event, count(*) FROM log WHERE dag_id = :dag_id AND run_id = :run_id AND task_id = :task_id "
        "GROUP BY event ORDER BY event",
        task_id=TASK_ID,
        **of_run,
    )
    return {str(event): int(number) for event, number in rows if event not in _USUAL_EVENTS}


def _files(fleet: Fleet, run_id: str) -> dict[str, bytes]:
    client = boto3.client(
        "s3",
        endpoint_url=fleet.s3,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
    return {key.removeprefix(f"{run_id}/"): client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def _content(url: str) -> bytes:
    answer = requests.get(url, timeout=60)
    answer.raise_for_status()
    return answer.content
