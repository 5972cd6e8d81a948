"""A DAG file with types, as an author writes it: ``make typecheck`` holds mypy and pyright to finding nothing here."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from airflow.sdk import ObjectStoragePath, Param, chain, dag, task, task_group

from sora2_provider.decorators.sora2 import VideoParameters
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor

HALF_AN_HOUR = timedelta(minutes=30)


@task
def text() -> str:
    return "A fox in the snow"


@task
def texts() -> list[str]:
    return ["https://example.com/fox.png"]


@task
def seconds() -> float:
    return 15.0


@task.sora2_video(wait_for_completion=True, timeout=HALF_AN_HOUR)
def film() -> VideoParameters:
    return {"prompt": "A fox in the snow", "duration": 15}


@task.sora2_video
def prompt(animal: str) -> str:
    return f"A {animal} in the snow"


@dag(schedule=None, start_date=datetime(2026, 1, 1), params={"seconds": Param(15)})
def literals() -> None:
    create = Sora2CreateVideoOperator(
        task_id="create",
        prompt="A fox in the snow",
        images=["https://example.com/fox.png"],
        duration=15,
        extra={"watermark": False},
        wait_for_completion=True,
        deferrable=True,
        timeout=HALF_AN_HOUR,
        poll_interval=7.5,
        output_path=ObjectStoragePath("s3://bucket/films/"),
        retries=3,
    )
    templates = Sora2CreateVideoOperator(
        task_id="templates",
        prompt="fox.prompt",
        images="{{ params.images | tojson }}",
        duration="{{ params.seconds }}",
        extra="{{ params.extra | tojson }}",
        timeout="{{ params.seconds * 100 }}",
        poll_interval="{{ params.seconds / 2 }}",
        output_path="/films/{{ ds }}/",
        wait_for_completion=True,
    )
    wait = Sora2VideoSensor(task_id="wait", video_id=create.output, timeout=HALF_AN_HOUR, poke_interval="7.5")
    Sora2DownloadVideoOperator(
        task_id="store", video_id="{{ params.id }}", path=Path("/films/fox.mp4"), if_exists="skip"
    )
    chain(create, templates, wait)


@dag(schedule=None, start_date=datetime(2026, 1, 1))
def xcoms() -> None:
    create = Sora2CreateVideoOperator(
        task_id="create",
        prompt=text(),
        images=texts(),
        model=text(),
        orientation=text(),
        size=text(),
        duration=seconds(),
        extra={"style": text()},
        sora2_conn_id=text(),
        wait_for_completion=True,
        timeout=seconds(),
        poll_interval=seconds(),
        output_path=text(),
    )
    Sora2CreateVideoOperator(
        task_id="some", prompt="a hen", images=[text(), "https://example.com/hen.png"], extra=text()
    )
    wait = Sora2VideoSensor(
        task_id="wait",
        video_id=create.output,
        sora2_conn_id=text(),
        timeout=seconds(),
        poke_interval=seconds(),
    )
    store = Sora2DownloadVideoOperator(
        task_id="store", video_id=create.output["video"], path=text(), if_exists=text(), sora2_conn_id=text()
    )
    Sora2VideoSensor(task_id="of_a_function", video_id=film())
    Sora2DownloadVideoOperator(task_id="of_a_dict", video_id=wait.output, path="/films/")
    Sora2CreateVideoOperator(task_id="of_a_size", prompt=store.output["content_type"])


@dag(schedule=None, start_date=datetime(2026, 1, 1))
def mapped() -> None:
    create = Sora2CreateVideoOperator.partial(task_id="create", size="large").expand(prompt=texts())
    wait = Sora2VideoSensor.partial(task_id="wait", mode="reschedule").expand(video_id=create.output)
    Sora2DownloadVideoOperator.partial(task_id="store", path="/films/").expand(video_id=wait.output)
    prompt.expand(animal=["fox", "hen"])

    @task_group
    def group(subject: str) -> None:
        Sora2CreateVideoOperator(task_id="of_a_group", prompt=subject)

    group.expand(subject=["a fox", "a hen"])


def own(video_id: str) -> str:
    """Wait in the code of a task."""
    hook = Sora2Hook()
    video = hook.wait_for_video(video_id, timeout=HALF_AN_HOUR, poll_interval="7.5")
    return hook.download_video(video.to_dict(), Path("/films/fox.mp4")).uri


literals()
xcoms()
mapped()
