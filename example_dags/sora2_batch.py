"""A batch: one video for each product of a list, each with a prompt of its own.

The create tasks only submit, so they are done in a second; the sensors give their workers back between two questions.
How many videos are under way at once is the business of a pool: give ``create_video`` one whose slots fit your
gateway's limit.
"""

from __future__ import annotations

import pendulum
from airflow.providers.common.compat.sdk import dag, task

from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor

PRODUCTS = [
    {"sku": "kettle-01", "name": "an enamel kettle", "scene": "steam rising in a morning kitchen"},
    {"sku": "lamp-07", "name": "a brass desk lamp", "scene": "switching on over an open notebook"},
    {"sku": "boot-12", "name": "a pair of hiking boots", "scene": "splashing through a mountain stream"},
]


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    params={"folder": "/tmp/sora2-videos"},
    tags=["sora2", "example"],
    doc_md=__doc__,
)
def sora2_batch():
    @task
    def requests() -> list[dict]:
        return [{"prompt": f"{product['name']}, {product['scene']}, product film, soft light"} for product in PRODUCTS]

    @task
    def downloads(video_ids: list[str], folder: str) -> list[dict]:
        return [
            {"video_id": video_id, "path": f"{folder}/{product['sku']}.mp4"}
            for video_id, product in zip(video_ids, PRODUCTS, strict=True)
        ]

    create = Sora2CreateVideoOperator.partial(task_id="create_video", duration=10).expand_kwargs(requests())
    wait = Sora2VideoSensor.partial(task_id="wait_for_video", poke_interval=10, mode="reschedule").expand(
        video_id=create.output
    )
    planned = downloads(create.output, "{{ params.folder }}")
    store = Sora2DownloadVideoOperator.partial(task_id="store", retries=3).expand_kwargs(planned)
    wait >> store


sora2_batch()
