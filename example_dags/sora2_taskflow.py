"""Prompts that are made by code: a function returns what to render, and ``@task.sora2_video`` does the rest.

The first function returns a prompt, and the options of the task stand in the decorator. The second one is mapped: it
returns a dict for each row, so that each row has a length of its own. A retry that takes up a video that is rendering
does not call the function again.
"""

from __future__ import annotations

import pendulum

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task

SCENES = [
    {"name": "dawn", "mood": "calm, low sun", "seconds": 10},
    {"name": "storm", "mood": "waves over the pier, dark clouds", "seconds": 15},
]


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    params={"place": "a lighthouse on a cliff", "folder": "/tmp/sora2-videos"},
    tags=["sora2", "example"],
    doc_md=__doc__,
)
def sora2_taskflow():
    @task
    def scenes() -> list[dict]:
        return SCENES

    @task.sora2_video(
        orientation="landscape",
        wait_for_completion=True,
        poll_interval=5,
        output_path="{{ params.folder }}/trailer.mp4",
    )
    def trailer(rows: list[dict], params=None) -> str:
        moods = ", then ".join(row["mood"] for row in rows)
        return f"{params['place']}: {moods}, aerial shot"

    @task.sora2_video(size="large")
    def scene(row: dict, params=None) -> dict:
        return {"prompt": f"{params['place']}, {row['mood']}", "duration": row["seconds"]}

    @task
    def report(trailer_id: str, scene_ids: list[str]) -> list[str]:
        return [trailer_id, *scene_ids]

    rows = scenes()
    report(trailer(rows), scene.expand(row=rows))


sora2_taskflow()
