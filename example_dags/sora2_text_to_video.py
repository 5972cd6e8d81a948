"""Text to video in one task: submit, wait, store.

The worker waits here, which is the simplest thing for one video. For many videos see ``sora2_batch.py``.
"""

from __future__ import annotations

import pendulum

from sora2_provider.operators.sora2 import Sora2CreateVideoOperator

try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    params={"prompt": "A paper boat on a rain puddle, macro, slow dolly in", "folder": "/tmp/sora2-videos/"},
    tags=["sora2", "example"],
    doc_md=__doc__,
)
def sora2_text_to_video():
    Sora2CreateVideoOperator(
        task_id="create_video",
        prompt="{{ params.prompt }}",
        orientation="landscape",
        duration=10,
        wait_for_completion=True,
        poll_interval=5,
        # A folder: the file is named after the video's id. Any ObjectStoragePath URI works, such as s3://conn@bucket/.
        output_path="{{ params.folder }}",
    )


sora2_text_to_video()
