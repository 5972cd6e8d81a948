"""What a later task does with the id: pull it from XCom, and ask the gateway through the hook."""

from __future__ import annotations

import pendulum

from sora2_provider.operators.sora2 import Sora2CreateVideoOperator

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    tags=["sora2", "example"],
    doc_md=__doc__,
)
def sora2_use_the_id():
    create = Sora2CreateVideoOperator(
        task_id="create_video",
        prompt="A lighthouse at dusk, waves in slow motion, aerial shot",
        orientation="landscape",
    )

    # One XCom for the video. With one for each of its fields, which `-> dict` would mean, Airflow 3.0 fails at a None.
    @task(multiple_outputs=False)
    def look_at(video_id: str) -> dict:
        from sora2_provider.hooks.sora2 import Sora2Hook

        video = Sora2Hook().get_video(video_id)
        print(f"{video_id} is {video.status.value}, {video.progress or 0} %")
        return video.to_dict()

    @task
    def pull_by_hand(ti=None) -> str:
        # The same id, without an argument: this is what the operator pushed as its return value.
        return ti.xcom_pull(task_ids="create_video")

    look_at(create.output)
    create >> pull_by_hand()


sora2_use_the_id()
