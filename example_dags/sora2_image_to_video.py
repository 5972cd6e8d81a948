"""Image to video: animate a picture, wait for it, and store the file in a task of its own.

Two tasks, because a download that fails can then be retried without touching the paid one.
"""

from __future__ import annotations

import os

import pendulum

from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator

try:
    from airflow.sdk import Param, dag
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag
    from airflow.models.param import Param


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    params={
        "prompt": Param("make animate with cartoon style", type="string", description="What to render."),
        "image_url": Param(
            os.environ.get("SORA2_EXAMPLE_IMAGE", "https://example.com/img1.jpg"),
            type="string",
            description="A link to the picture that the gateway can fetch.",
        ),
        "output_path": Param(
            "/tmp/sora2-videos/image_to_video.mp4",
            type="string",
            description="Where to store the video: an absolute path, or a URI such as s3://my_conn@bucket/cat.mp4.",
        ),
    },
    tags=["sora2", "example"],
    doc_md=__doc__,
)
def sora2_image_to_video():
    video_id = Sora2CreateVideoOperator(
        task_id="create_video",
        prompt="{{ params.prompt }}",
        images=["{{ params.image_url }}"],
        orientation="portrait",
        size="large",
        duration=15,
        wait_for_completion=True,
        poll_interval=5,
    ).output

    Sora2DownloadVideoOperator(task_id="download", video_id=video_id, path="{{ params.output_path }}", retries=3)


sora2_image_to_video()
