"""The create operator against a gateway on loopback: what is sent, returned and pushed, and how each end is told."""

from __future__ import annotations

import pytest

from sora2_provider.compat import AirflowFailException
from sora2_provider.exceptions import FinalError, RenderingFailed
from sora2_provider.hooks import operations
from sora2_provider.operators import create_run
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.submission import submitter
from tests.unit.durable import TOO_SHORT, WAITS, create, failing
from tests.unit.made_up_time import MadeUpTime


def test_it_returns_the_id_and_pushes_the_video(gateway, context, ti):
    gateway.settings(render_seconds=60)
    video_id = create(images="https://example.com/a.png", duration="15", extra={"watermark": False}).execute(context)
    (billed,) = gateway.billed
    assert video_id == billed.id
    sent = {
        "images": ["https://example.com/a.png"],
        "model": "sora-2",
        "orientation": "portrait",
        "prompt": "a cat",
        "size": "small",
        "duration": 15,
        "watermark": False,
    }
    assert billed.request == sent
    pushed = ti.xcoms["video"]
    assert (pushed["id"], pushed["conn_id"], pushed["stored_uri"]) == (video_id, "sora2_default", None)
    assert pushed["request"] == sent
    assert pushed["status"] == "in_progress"
    assert "raw" not in pushed


@pytest.mark.parametrize("shape", ["guide", "unified", "openai", "taskdto"])
def test_it_waits_and_stores_the_file_whatever_the_gateway_speaks(gateway, context, ti, tmp_path, shape):
    gateway.settings(shape=shape)
    operator = create(**WAITS, output_path=f"{tmp_path}/")
    video_id = operator.execute(context)
    pushed = ti.xcoms["video"]
    assert pushed["status"] == "completed"
    assert pushed["id"] == video_id == gateway.billed[0].id
    (stored,) = tmp_path.iterdir()
    assert pushed["stored_uri"] == f"file://{stored}"
    assert stored.read_bytes()[4:8] == b"ftyp"
    assert len(gateway.billed) == 1


def test_the_log_tells_status_percent_and_elapsed_time(gateway, context, logged):
    gateway.settings(render_seconds=1000)
    clock = MadeUpTime(gateway)
    with pytest.MonkeyPatch.context() as patch:
        for module in (operations, create_run, submitter):
            patch.setattr(module, "time", clock)
        video_id = create(wait_for_completion=True, timeout=3600).execute(context)
    said = logged()
    assert f"The gateway accepted video {video_id}" in said
    assert f"Video {video_id} is in progress, " in said
    assert " %, after " in said
    assert f"Video {video_id} is completed, after 1" in said
    progress = [line for line in said.splitlines() if "in progress" in line]
    assert len(progress) <= 12, "one line for each tenth, not one for each poll"
    polls = [request for request in gateway.requests if request.route == "query"]
    assert len(polls) > 100


ENDS = {
    "moderation": (
        {"error_code": "content_policy_violation", "error_message": "real person detected"},
        FinalError,
        ("real person detected", "content_policy_violation", "not retried"),
    ),
    "a failed rendering": (
        {"error_code": "video_generation_failed", "error_message": "worker crashed"},
        RenderingFailed,
        ("worker crashed", "usually refunded", "submits the request again"),
    ),
    "a cancelled rendering": ({"rendering": "cancelled"}, RenderingFailed, ("cancelled",)),
}


@pytest.mark.parametrize(("failure", "kind", "said"), ENDS.values(), ids=ENDS)
def test_a_rendering_without_a_video_says_why_and_is_kept_in_xcom(gateway, context, ti, failure, kind, said):
    gateway.fault(route="create", **{"rendering": "failed", **failure})
    with pytest.raises(kind) as caught:
        create(**WAITS).execute(context)
    assert all(text in str(caught.value) for text in (*said, gateway.billed[0].id))
    assert ti.xcoms["video"]["status"] == failure.get("rendering", "failed")
    assert ti.xcoms["video"]["error_message"] == failure.get("error_message")


def test_a_rendering_that_takes_too_long_is_not_paid_for_again(gateway, context, ti):
    gateway.fault(route="create", rendering="stuck")
    with pytest.raises(AirflowFailException) as caught:
        create(**TOO_SHORT).execute(context)
    assert "goes on rendering" in str(caught.value)
    assert f"Sora2VideoSensor(video_id='{gateway.billed[0].id}'" in str(caught.value)
    assert ti.xcoms["video"]["id"] == gateway.billed[0].id


def test_an_unknown_word_is_waited_out_and_named_at_the_deadline(gateway, context, logged):
    gateway.fault(route="create", rendering="pondering")
    with pytest.raises(AirflowFailException, match="'pondering'"):
        create(wait_for_completion=True, poll_interval=0.005, timeout=0.1).execute(context)
    assert logged().count("the gateway's word is 'pondering'") == 1


def test_a_file_that_cannot_be_stored_does_not_cost_a_second_video(gateway, context, ti, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(AirflowFailException) as caught:
        create(**WAITS, output_path=str(tmp_path / "file" / "cat.mp4")).execute(context)
    assert "Sora2DownloadVideoOperator(video_id=" in str(caught.value)
    assert ti.xcoms["video"]["status"] == "completed"
    assert ti.xcoms["video"]["stored_uri"] is None


def test_a_task_that_breaks_after_the_submit_is_not_retried_into_a_second_bill(gateway, context, ti):
    ti.xcom_push = failing(RuntimeError("the metadata database is away"))
    with pytest.raises(AirflowFailException) as caught:
        create().execute(context)
    assert gateway.billed[0].id in str(caught.value)
    assert "metadata database is away" in str(caught.value)


def test_stopping_the_task_says_which_video_goes_on_rendering(gateway, context, logged):
    operator = create()
    operator.on_kill()
    assert "rendering" not in logged()
    video_id = operator.execute(context)
    logged()
    operator.on_kill()
    said = logged()
    assert video_id in said
    assert "goes on rendering" in said


def test_every_request_parameter_and_the_connection_are_templates():
    fields = {"prompt", "images", "model", "orientation", "size", "duration", "extra"}
    fields |= {"sora2_conn_id", "output_path", "timeout", "poll_interval"}
    assert set(Sora2CreateVideoOperator.template_fields) == fields
    assert Sora2CreateVideoOperator.template_ext == (".prompt",)
    assert Sora2CreateVideoOperator.template_fields_renderers["images"] == "json"
