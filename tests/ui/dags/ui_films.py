"""Videos of all outcomes. What becomes of each is the gateway's doing: tests/ui/films.py tells it, by the prompt.

Beside them two DAGs of one video: one that only those see who may read it, and one that tests/ui/archive.py turns into
thousands.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta

import pendulum
from airflow.sdk import DAG, dag, task_group

from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor

#: task id -> prompts
PROMPTS = json.loads(os.environ["UI_PROMPTS"])
FOLDER = os.environ["UI_FOLDER"]
USUAL = {"start_date": pendulum.datetime(2026, 1, 1, tz="UTC"), "catchup": False}
AT_ONCE = {"wait_for_completion": True, "deferrable": False, "poll_interval": 0.5}
PATIENT = {"retries": 2, "retry_delay": timedelta(seconds=1)}


@dag(
    schedule=None,
    **USUAL,
    # A busy machine can be too slow for the start of a task; what fails for good, fails again.
    default_args={"retries": 1, "retry_delay": timedelta(seconds=1)},
    # Any entry makes Airflow know rights of this DAG's own, which the tests then give to a role.
    access_control={"Op": {"DAGs": {"can_read"}}},
)
def ui_films():
    Sora2CreateVideoOperator.partial(task_id="batch", **AT_ONCE).expand_kwargs(PROMPTS["batch"])

    @task_group
    def film(prompt: str):
        create = Sora2CreateVideoOperator(task_id="create", prompt=prompt, orientation="landscape", duration=15)
        wait = Sora2VideoSensor(task_id="wait", video_id=create.output, poke_interval=0.5)
        Sora2DownloadVideoOperator(task_id="store", video_id=wait.output, path=f"{FOLDER}/")

    film.expand(prompt=PROMPTS["film"])

    Sora2CreateVideoOperator(
        task_id="stored",
        prompt=PROMPTS["stored"][0],
        images=["https://images.example.com/kettle.png"],
        **AT_ONCE,
        output_path=f"{FOLDER}/stored/",
    )
    Sora2CreateVideoOperator.partial(
        task_id="rendering",
        model="sora-2-pro",
        wait_for_completion=True,
        deferrable=True,
        poll_interval=2,
        timeout=7200,
    ).expand(prompt=PROMPTS["rendering"])


ui_films()

with DAG("ui_secret", schedule=None, **USUAL):
    Sora2CreateVideoOperator(task_id="unreleased", prompt="The unreleased product on a turntable", **AT_ONCE, **PATIENT)

with DAG("ui_archive", schedule=None, **USUAL):
    Sora2CreateVideoOperator(task_id="create", prompt="A lighthouse in a storm, seen from a boat", **AT_ONCE, **PATIENT)
