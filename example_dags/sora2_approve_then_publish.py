"""A person watches the video in Airflow, and only what is approved is published.

The video is rendered once and its file kept in a folder of drafts. Then the task `approve` waits in Airflow, under
**Required Actions**, with a link to the video. Approved: the file goes to the published folder. Rejected: the draft is removed.
No answer within a day: the task `approve` fails, and the draft stays; clear it to ask again, which renders nothing anew.

Needs Airflow 3.1 or later with `apache-airflow-providers-standard`, which brings the forms for people.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.exceptions import AirflowException

from sora2_provider.operators.sora2 import Sora2CreateVideoOperator

try:
    from airflow.sdk import ObjectStoragePath, Param, dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task
    from airflow.io.path import ObjectStoragePath
    from airflow.models.param import Param
try:
    from airflow.providers.standard.operators.hitl import HITLEntryOperator
except (ImportError, AirflowException):
    HITLEntryOperator = None

TIME_TO_ANSWER = timedelta(days=1)

QUESTION = """
{%- set video = ti.xcom_pull(task_ids="create_video", key="video") %}
{%- if video.url %}
**[Watch the video]({{ video.url }})**{% if video.expires_at %} (this link works until {{ video.expires_at }}){% endif %}
{%- endif %}

- The file: `{{ video.stored_uri }}`
- The prompt: {{ video.request.prompt }}
- Its id: `{{ video.id }}`

**Approve** publishes it in `{{ params.folder }}/published/`. **Reject** removes the file; say why below.
"""


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    params={
        "prompt": Param(
            "A red kite over a harvested field, product film", type="string", description="What to render."
        ),
        "folder": Param(
            "/tmp/sora2-videos",
            type="string",
            description="Where drafts/ and published/ are: an absolute path, or a URI such as s3://my_conn@bucket/videos.",
        ),
    },
    tags=["sora2", "example"],
    doc_md=__doc__,
)
def sora2_approve_then_publish():
    if HITLEntryOperator is None:

        @task
        def needs_airflow_3_1():
            raise AirflowException(
                "This DAG asks a person, which needs Airflow 3.1 or later with apache-airflow-providers-standard. "
                "Nothing was rendered."
            )

        needs_airflow_3_1()
        return

    create = Sora2CreateVideoOperator(
        task_id="create_video",
        prompt="{{ params.prompt }}",
        wait_for_completion=True,
        # Kept before anybody is asked: the gateway's link may be dead by the time that somebody answers.
        output_path="{{ params.folder }}/drafts/",
    )

    approve = HITLEntryOperator(
        task_id="approve",
        subject="Publish this video?",
        body=QUESTION,
        options=["Approve", "Reject"],
        # No default: silence is no approval, and no reason to throw away what was paid for.
        defaults=None,
        # Without "null" the form would want a comment of who approves, too.
        params={"comment": Param(None, type=["null", "string"], description="What is wrong with it?")},
        response_timeout=TIME_TO_ANSWER,
    )

    @task.branch
    def decide(answer: dict) -> str:
        return "publish" if answer["chosen_options"] == ["Approve"] else "discard"

    @task
    def publish(video: dict, folder: str) -> str:
        draft = ObjectStoragePath(video["stored_uri"])
        published = ObjectStoragePath(f"{folder}/published/{draft.name}")
        published.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("rb") as source, published.open("wb") as target:
            while part := source.read(2**20):
                target.write(part)
        return str(published)

    @task
    def discard(video: dict, answer: dict):
        ObjectStoragePath(video["stored_uri"]).unlink(missing_ok=True)
        why = answer["params_input"].get("comment") or "no reason given"
        who = (answer.get("responded_by_user") or {}).get("name", "nobody in time")
        print(f"{video['id']} was rejected by {who}: {why}")

    create >> approve
    video = create.output["video"]
    decide(approve.output) >> [publish(video, "{{ params.folder }}"), discard(video, approve.output)]


sora2_approve_then_publish()
