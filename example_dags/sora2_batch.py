"""A batch: one video for each product of a list, each with a prompt of its own.

Each row is a group of its own (create, wait, store), so that a prompt that is refused does not hold up the others. The
create tasks only submit, so they are done in a second; the sensors give their workers back between two questions. How
many videos are under way at once is the business of a pool: give ``create_video`` one whose slots fit your gateway's
limit.
"""

from __future__ import annotations

import pendulum

from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor

try:
    from airflow.sdk import dag, task, task_group
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task, task_group

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
    def films(folder: str) -> list[dict]:
        return [
            {
                "prompt": f"{product['name']}, {product['scene']}, product film, soft light",
                "path": f"{folder}/{product['sku']}.mp4",
            }
            for product in PRODUCTS
        ]

    @task_group
    def film(prompt: str, path: str):
        create = Sora2CreateVideoOperator(task_id="create_video", prompt=prompt, duration=10)
        wait = Sora2VideoSensor(
            task_id="wait_for_video", video_id=create.output, poke_interval=10, mode="reschedule", retries=3
        )
        Sora2DownloadVideoOperator(task_id="store", video_id=wait.output, path=path, retries=3)

    film.expand_kwargs(films("{{ params.folder }}"))


sora2_batch()
