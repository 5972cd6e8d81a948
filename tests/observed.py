"""An Airflow with metrics and lineage switched on, and DAGs that have something to say: for the tests that listen."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dev.harness.airflow import LocalAirflow
from sora2_provider.emulator import Emulator
from tests.statsd_server import StatsdServer, statsd_server

DAGS = """
import pendulum
try:
    from airflow.sdk import Asset, AssetAlias, BaseOperator, dag, task
except ImportError:  # Airflow 2.11
    from airflow.datasets import Dataset as Asset, DatasetAlias as AssetAlias
    from airflow.decorators import dag, task
    from airflow.models.baseoperator import BaseOperator

from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor
from failing_trigger import FailingTrigger

FACTS = {{"schedule": None, "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"), "catchup": False}}
WAITS = {{"wait_for_completion": True, "poll_interval": 1}}
FILMS, CATS = AssetAlias("sora2_films"), Asset("x-films://cats")


class Defers(BaseOperator):
    def execute(self, context):
        self.defer(trigger=FailingTrigger(), method_name="done")

    def done(self, context, event=None):
        pass


@dag(**FACTS)
def films():
    @task.sora2_video(
        **WAITS, deferrable=True, output_path="{folder}/kettle #1.mp4", outlets=[FILMS, CATS], duration=15
    )
    def kettle():
        return {{"prompt": "a kettle", "images": ["{image}?X-Signature=secret"]}}

    lamp = Sora2CreateVideoOperator(task_id="lamp", prompt="a lamp", **WAITS)
    Sora2DownloadVideoOperator(
        task_id="store_lamp", video_id=lamp.output["video"], path="{folder}/lamp.mp4", outlets=[FILMS]
    )
    kettle()


@dag(**FACTS)
def troubles():
    Sora2CreateVideoOperator(
        task_id="blocked_at_first",
        prompt="blocked",
        output_path="{folder}/{{{{ 'blocked' if ti.try_number == 1 else 'free' }}}}/film.mp4",
        retries=1,
        retry_delay=pendulum.duration(seconds=0),
        **WAITS,
    )
    Sora2CreateVideoOperator(task_id="refused", prompt="refuse me")
    Sora2CreateVideoOperator(task_id="lost", prompt="lose me")
    Sora2CreateVideoOperator(task_id="failing", prompt="fail me", retries=0, **WAITS)
    Sora2CreateVideoOperator(task_id="no_prompt", prompt="{{{{ none }}}}")
    asked = Sora2CreateVideoOperator(task_id="asked", prompt="stutter")
    Sora2VideoSensor(task_id="waits", video_id=asked.output, poke_interval=1)
    Defers(task_id="in_the_triggerer")


@dag(**{{**FACTS, "schedule": [FILMS]}})
def of_the_alias():
    @task
    def look(**context):
        events = context.get("triggering_asset_events") or context["triggering_dataset_events"]
        return [event.extra for each in events.values() for event in each]

    look()


@dag(**{{**FACTS, "schedule": [CATS]}})
def of_the_asset():
    @task
    def look(**context):
        events = context.get("triggering_asset_events") or context["triggering_dataset_events"]
        return [event.extra for each in events.values() for event in each]

    look()


@dag(**{{**FACTS, "schedule": [Asset("file://{folder}/lamp.mp4")]}})
def of_the_file():
    @task
    def look():
        return "seen"

    look()


films()
troubles()
of_the_alias()
of_the_asset()
of_the_file()
"""

TRIGGER = """
from airflow.triggers.base import BaseTrigger, TriggerEvent

from sora2_provider.reporting import metrics
from sora2_provider.gateway.errors import RateLimited


class FailingTrigger(BaseTrigger):
    def serialize(self):
        return "failing_trigger.FailingTrigger", {}

    async def run(self):
        metrics.poll_failed(RateLimited("slow down"))
        yield TriggerEvent({})
"""


class ObservedAirflow(NamedTuple):
    """What the tests look at.

    :param videos: the folder of the files.
    :param lineage: the file that OpenLineage's events go to.
    """

    airflow: LocalAirflow
    gateway: Emulator
    statsd: StatsdServer
    videos: Path
    lineage: Path

    def told(self, task: str, kind: str) -> list[dict[str, Any]]:
        """What OpenLineage was told of a task."""
        lines = self.lineage.read_text().splitlines() if self.lineage.exists() else []
        return [
            event
            for event in map(json.loads, filter(None, lines))
            if event.get("eventType") == kind and event["job"]["name"].endswith(f".{task}")
        ]

    def billed_for(self, prompt: str) -> Any:
        """The one video of a prompt."""
        (billed,) = [one for one in self.gateway.billed if one.request["prompt"] == prompt]
        return billed

    def kettle(self) -> dict[str, Any]:
        """The extra of the kettle's event."""
        path = self.videos / "kettle #1.mp4"
        content = path.read_bytes()
        return {
            "uri": f"file://{path}",
            "video_id": self.billed_for("a kettle").id,
            "model": "sora-2",
            "seconds": 15,
            "prompt_sha256": hashlib.sha256(b"a kettle").hexdigest(),
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }


@contextlib.contextmanager
def observed_airflow(folder: Path) -> Iterator[ObservedAirflow]:
    """Give an Airflow that runs nothing yet."""
    dags, library, videos = folder / "dags", folder / "library", folder / "videos"
    for made in (dags, library, videos):
        made.mkdir()
    (videos / "blocked").write_text("a file where a folder should be")
    (library / "failing_trigger.py").write_text(TRIGGER)
    transport = {"type": "file", "log_file_path": str(folder / "lineage.json"), "append": True}
    with Emulator(canned=True, render_seconds=2) as gateway, statsd_server() as statsd:
        (dags / "observed.py").write_text(DAGS.format(folder=videos, image=f"{gateway.url}/images/sample.png"))
        gateway.fault(route="create", prompt_contains="refuse me", status=401, body={"error": {"message": "no"}})
        gateway.fault(route="create", prompt_contains="lose me", reset="after")
        gateway.fault(
            route="create", prompt_contains="fail me", rendering="failed", error_code="video_generation_failed"
        )
        gateway.fault(route="query", prompt_contains="stutter", status=503)
        environment = {
            "PYTHONPATH": str(library),
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(statsd.port),
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
            "AIRFLOW__OPENLINEAGE__NAMESPACE": "here",
            "AIRFLOW__SORA2__STATE_PATH": str(folder / "state"),
        }
        with LocalAirflow(dags_folder=dags, connection=gateway.connection(), environment=environment) as airflow:
            yield ObservedAirflow(airflow, gateway, statsd, videos, folder / "lineage.json")
