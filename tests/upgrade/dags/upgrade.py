"""The DAGs of the upgrade tests."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.triggers.base import BaseTrigger, TriggerEvent

from sora2_provider.compat import conf
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor
from sora2_provider.submission.record_names import earlier_name
from sora2_provider.submission.stores import STATE_KEY

try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG

FACTS = {"start_date": pendulum.datetime(2026, 1, 1, tz="UTC"), "catchup": False}
RETRIES = {"retries": 2, "retry_delay": timedelta(seconds=1)}
LEFT = json.loads(Path(os.environ["UPGRADE_LEFT"]).read_text()) if "UPGRADE_LEFT" in os.environ else {}


class AsKept(BaseTrigger):
    """Lets Airflow write the trigger's row that another release has written; it never runs."""

    def __init__(self, classpath: str, kwargs: dict[str, Any]) -> None:
        super().__init__()
        self.kept = classpath, kwargs

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return self.kept

    async def run(self) -> AsyncIterator[TriggerEvent]:
        raise NotImplementedError
        yield


class CreatedByAnotherRelease(Sora2CreateVideoOperator):
    """Its first try leaves what another release has left at its deferral; all that follows is this release's."""

    def execute(self, context):
        if context["ti"].try_number > 1:
            return super().execute(context)
        left = LEFT[self.task_id]
        folder = conf.get("sora2", "state_path", fallback="")
        if folder:
            file = Path(folder) / earlier_name(context)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(left["record"]))
        else:
            context["task_state_store"].set(STATE_KEY, left["record"])
        defer_as_kept(self, left)
        return None


class AwaitedByAnotherRelease(Sora2VideoSensor):
    """The same for the sensor."""

    def execute(self, context):
        defer_as_kept(self, LEFT[self.task_id])


def defer_as_kept(task, left: dict[str, Any]) -> None:
    task.defer(trigger=AsKept(**left["trigger"]), method_name=left["method_name"], kwargs=left["kwargs"])


with DAG("kept", schedule=None, **FACTS) as kept:
    for task_id, left in LEFT.items():
        if "record" in left:
            CreatedByAnotherRelease(
                task_id=task_id, prompt="a kettle", wait_for_completion=True, deferrable=True, **RETRIES
            )
        else:
            AwaitedByAnotherRelease(task_id=task_id, video_id=left["kwargs"]["video_id"], deferrable=True, **RETRIES)

with DAG("plain", schedule=None, **FACTS) as plain:
    create = Sora2CreateVideoOperator(
        task_id="create", prompt="a kettle", wait_for_completion=True, deferrable=True, poll_interval=1, **RETRIES
    )
    Sora2VideoSensor(
        task_id="wait", video_id="{{ dag_run.conf['video_id'] }}", deferrable=True, poke_interval=1, **RETRIES
    )
