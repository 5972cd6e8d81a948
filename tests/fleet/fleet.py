"""A fleet on one machine: a whole Airflow with the CeleryExecutor, its servers, and the gateway."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dev.harness.airflow import LocalAirflow
from dev.harness.airflow_on_postgres import whole_airflow
from dev.harness.processes import descendants
from dev.harness.services import Postgres, RedisServer
from sora2_provider.emulator import Emulator
from tests import triggerer_stalls
from tests.process_tree import listening_addresses
from tests.s3_server import BUCKET, aws_connection, s3_server

VIDEOS = int(os.environ.get("FLEET_VIDEOS", "300"))
#: How long a rendering takes.
RENDER_SECONDS = float(os.environ.get("FLEET_RENDER_SECONDS", "90"))

WORKERS = ("worker-1", "worker-2")
#: Tasks that one worker runs at a time.
CONCURRENCY = int(os.environ.get("FLEET_CONCURRENCY", "4"))
SLOTS = CONCURRENCY * len(WORKERS)
#: Tasks that Airflow has running and queued. A worker fetches as many as it runs beforehand, and as many again wait in
#: Redis, so that a restart of it meets some.
PARALLELISM = 3 * SLOTS

POOL = "sora2_videos"
#: Videos in flight, deferred ones included.
POOL_SLOTS = max(8, VIDEOS // 2)

KEY = "sk-fleet-test-9e8d7c6b"
FOLDER = f"s3://aws_fleet@{BUCKET}"
#: As large as a short video, so that storing is real work.
FILE_BYTES = 2**20

#: A task whose worker is silent for so long has lost it (seconds; 300 by default).
HEARTBEAT_TIMEOUT = 30
#: A task that waits so long for a worker is sent again: what a dead worker had fetched and not begun (600 by default).
QUEUED_TIMEOUT = 60
#: A message that no worker has acknowledged for so long is delivered again (24 hours by default). Short, so that the
#: messages of the killed worker do come back within the run, to tasks that have long gone on elsewhere.
VISIBILITY_TIMEOUT = 120


@dataclass(frozen=True)
class Fleet:
    airflow: LocalAirflow
    postgres: Postgres
    redis: RedisServer
    emulator: Emulator
    s3: str
    """The address of the S3-compatible server."""
    s3_pid: int

    def wait_for(self, condition: Callable[[], bool], what: str, *, every: float = 1) -> None:
        """Wait; end at once when a component of Airflow dies."""
        self.airflow.wait_until(condition, timeout=300 + 6 * VIDEOS, what=what, every=every)


@contextlib.contextmanager
def run_fleet(home: Path) -> Iterator[Fleet]:
    """Start everything; yield when the DAG is parsed."""
    with (
        RedisServer() as redis,
        s3_server() as s3,
        Emulator(canned=True, balance=None, render_seconds=RENDER_SECONDS, file_bytes=FILE_BYTES) as emulator,
        whole_airflow(
            dags_folder=Path(__file__).with_name("dags"),
            home=home,
            connection=emulator.connection(KEY),
            dag_ids={"batch"},
            parallelism=PARALLELISM,
            more_components={name: _worker(name) for name in WORKERS},
            environment={
                "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
                "AIRFLOW__CELERY__BROKER_URL": redis.url,
                "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": str(VISIBILITY_TIMEOUT),
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(HEARTBEAT_TIMEOUT),
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "5",
                "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": str(QUEUED_TIMEOUT),
                "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
                # On a machine that is busy with other things too, 5 s are not enough for an answer.
                "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
                **triggerer_stalls.ENVIRONMENT,
                "AIRFLOW_CONN_AWS_FLEET": aws_connection(s3),
                "FLEET_VIDEOS": str(VIDEOS),
                "FLEET_PARALLELISM": str(PARALLELISM),
                "FLEET_FOLDER": FOLDER,
                "FLEET_POOL": POOL,
            },
        ) as (airflow, postgres),
    ):
        pool = {"name": POOL, "slots": POOL_SLOTS, "description": "videos in flight", "include_deferred": True}
        airflow.rest.post("/pools", pool)
        airflow.wait_until(
            lambda: all(map(_is_ready, map(airflow.component_log, WORKERS))), timeout=120, what="workers"
        )
        yield Fleet(airflow, postgres, redis, emulator, s3, _listener(s3))


def _is_ready(log: Path) -> bool:
    return " ready." in log.read_text(errors="replace")


def _worker(name: str) -> list[str]:
    options = ["--celery-hostname", f"{name}@%h", "--concurrency", str(CONCURRENCY), "--skip-serve-logs"]
    return ["celery", "worker", *options]


def _listener(url: str) -> int:
    address = ("127.0.0.1", urlsplit(url).port)
    (found,) = (each.pid for each in descendants(os.getpid()) if address in listening_addresses([each]))
    return found
