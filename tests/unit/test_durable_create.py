"""A create task that keeps a record: what a retry, a clear, a crash and a broken store lead to, and what is paid."""

from __future__ import annotations

from typing import Any

import pytest

from sora2_provider.compat import AirflowFailException, AirflowTaskTimeout, TaskDeferred
from sora2_provider.exceptions import LeftRendering, RenderingFailed, Sora2Error
from sora2_provider.gateway.errors import VideoNotFound
from sora2_provider.gateway.polling.wait import Finished, Outcome
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.submission.stores import STATE_KEY
from sora2_provider.triggers.events import to_event
from tests.exact_errors import raises_exactly
from tests.unit.durable import TOO_SHORT, WAITS, clear, create, failing, record


def test_a_retry_takes_up_the_video_of_the_try_before_it(gateway, durable_context, ti, logged):
    first = create().execute(durable_context)
    ti.xcoms.clear()
    assert create().execute(durable_context) == first
    assert [one.id for one in gateway.billed] == [first]
    assert ti.xcoms["video"]["id"] == first
    assert f"Video {first} of an earlier try is taken up again" in logged()


def test_a_crash_after_a_clear_that_took_up_a_video_does_not_submit(gateway, durable_context, ti):
    gateway.settings(render_seconds=0)
    gateway.fault(route="query", status=503, times=None)
    with pytest.raises(LeftRendering):
        create(**TOO_SHORT).execute(durable_context)
    gateway.clear_faults()
    clear(ti)
    waiting = create(**WAITS)
    waiting.execute(durable_context)
    assert waiting.execute(durable_context) == gateway.billed[0].id, "delivered, but Airflow did not hear of it"
    assert len(gateway.billed) == 1


def test_a_retry_of_a_changed_request_takes_up_the_old_video_and_says_so(gateway, durable_context, ti, logged):
    first = create().execute(durable_context)
    assert create(prompt="a dog").execute(durable_context) == first
    assert "has changed since" in logged()
    assert ti.xcoms["video"]["request"]["prompt"] == "a cat", "what was sent"
    assert len(gateway.billed) == 1


def test_a_video_is_taken_up_with_the_connection_that_it_was_submitted_with(gateway, connect, durable_context):
    connect(gateway.url, conn_id="first")
    connect("http://127.0.0.1:9", conn_id="second")
    made = create(sora2_conn_id="first").execute(durable_context)
    operator = create(sora2_conn_id="second", **WAITS)
    gateway.settings(render_seconds=0)
    assert operator.execute(durable_context) == made
    assert durable_context["ti"].xcoms["video"]["conn_id"] == "first"


def test_a_lost_answer_stops_retries_and_a_clear_submits_again(gateway, durable_context, ti, state, logged):
    gateway.fault(route="create", reset="after")
    with pytest.raises(AirflowFailException, match="The outcome of"):
        create().execute(durable_context)
    with pytest.raises(AirflowFailException, match=r"at \d{4}-\d\d-\d\d .* UTC"):
        create().execute(durable_context)
    assert len(gateway.billed) == 1
    clear(ti)
    second = create().execute(durable_context)
    assert [one.id for one in gateway.billed][1:] == [second]
    assert "may have been paid for" in logged()
    assert record(state)["unknown_reported"] is False


def test_a_lost_answer_is_followed_by_another_create_where_that_is_wanted(gateway, durable_context):
    gateway.fault(route="create", reset="after")
    operator = create(on_unknown_submission="resubmit")
    with raises_exactly(Sora2Error, match="'resubmit'"):
        operator.execute(durable_context)
    assert len(gateway.billed) == 1, "not in the same try"
    assert operator.execute(durable_context) == gateway.billed[1].id


def test_an_intent_without_an_id_is_loud_and_submits_nothing(gateway, durable_context, ti, state):
    create().execute(durable_context)
    left = {**record(state), "video_id": None, "delivered_at": None}
    state.set(STATE_KEY, left)
    clear(ti)
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="An earlier try of this task"):
            create().execute(durable_context)
    assert len(gateway.billed) == 1
    clear(ti)
    create().execute(durable_context)
    assert len(gateway.billed) == 2


@pytest.mark.parametrize("rendering", ["failed", "cancelled"])
def test_a_rendering_that_ended_without_a_video_may_be_submitted_again(gateway, durable_context, state, rendering):
    gateway.settings(render_seconds=0)
    gateway.fault(route="create", rendering=rendering)
    operator = create(**WAITS)
    with pytest.raises(RenderingFailed):
        operator.execute(durable_context)
    assert state.values == {}
    assert operator.execute(durable_context) == gateway.billed[1].id


def test_a_file_that_could_not_be_stored_is_left_to_retries(gateway, durable_context, tmp_path, monkeypatch):
    gateway.settings(render_seconds=0)
    operator = create(**WAITS, output_path=f"file://{tmp_path}/cat.mp4")

    with monkeypatch.context() as patch:
        patch.setattr(Sora2Hook, "download_video", failing(OSError("no space left on device")))
        with pytest.raises(LeftRendering, match="only stores the file"):
            operator.execute(durable_context)
    operator.execute(durable_context)
    assert (tmp_path / "cat.mp4").exists()
    assert len(gateway.billed) == 1


@pytest.mark.parametrize("interruption", [AirflowTaskTimeout, SystemExit])
def test_an_interrupted_wait_is_left_to_retries(gateway, durable_context, monkeypatch, interruption):
    gateway.settings(render_seconds=0)

    operator = create(**WAITS)
    with monkeypatch.context() as patch:
        patch.setattr("sora2_provider.operators.create_run.await_outcome", failing(interruption("interrupted")))
        with pytest.raises(LeftRendering, match="goes on rendering"):
            operator.execute(durable_context)
    assert operator.execute(durable_context) == gateway.billed[0].id
    assert len(gateway.billed) == 1


def deferred(operator, context) -> dict[str, Any]:
    with pytest.raises(TaskDeferred) as caught:
        operator.execute(context)
    return caught.value.kwargs


def test_a_deferred_task_whose_trigger_died_is_resumed_by_a_retry(gateway, durable_context):
    gateway.settings(render_seconds=30)
    operator = create(wait_for_completion=True, deferrable=True)
    kept = deferred(operator, durable_context)
    with pytest.raises(LeftRendering, match="a retry picks it up"):
        operator.resume_execution("__fail__", {**kept, "error": "Trigger failure"}, durable_context)
    assert deferred(operator, durable_context)["record"]["video_id"] == kept["record"]["video_id"]
    assert len(gateway.billed) == 1


def test_a_video_that_the_gateway_has_lost_is_submitted_again_after_a_clear_only(gateway, durable_context, ti):
    gateway.settings(render_seconds=30)
    operator = create(wait_for_completion=True, deferrable=True)
    kept = deferred(operator, durable_context)
    video_id = kept["record"]["video_id"]
    lost = to_event(video_id, Finished(Outcome.UNREACHABLE, None, VideoNotFound("task_not_exist")))
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="If the gateway has lost it, clear the task"):
            operator.execute_complete(durable_context, lost, **kept)
        assert deferred(operator, durable_context)["record"]["video_id"] == video_id
    with pytest.raises(AirflowFailException):
        operator.execute_complete(durable_context, lost, **kept)
    clear(ti)
    assert deferred(operator, durable_context)["record"]["video_id"] != video_id
    assert len(gateway.billed) == 2


def test_without_durability_nothing_is_kept_and_a_broken_task_is_not_retried(gateway, durable_context, state):
    gateway.settings(render_seconds=30)
    operator = create(durable=False, **TOO_SHORT)
    with pytest.raises(AirflowFailException, match="A retry would submit"):
        operator.execute(durable_context)
    assert state.values == {}


def test_without_a_place_for_the_record_the_log_warns(gateway, context, logged):
    create(**WAITS).execute(context)
    said = logged()
    assert said.count("What this task submits is written down nowhere") == 1
    assert "can pay twice" in said
    create(durable=False).execute(context)
    assert "can pay twice" not in logged()


@pytest.mark.parametrize(
    "options", [{"durable": "yes"}, {"on_clear": "always"}, {"on_unknown_submission": "retry"}, {"durable": None}]
)
def test_policies_are_checked_when_the_dag_is_parsed(options):
    with pytest.raises(AirflowFailException, match="must be"):
        create(**options)


@pytest.mark.parametrize(("options", "warns"), [({}, True), ({"on_clear": "reuse"}, False)])
def test_a_setup_task_is_warned_that_the_clear_of_another_task_pays_again(
    gateway, durable_context, logged, options, warns
):
    create(**options).execute(durable_context)
    assert "This task is a setup" not in logged()
    create(**options).as_setup().execute(durable_context)
    assert ("Set on_clear='reuse' to keep the video." in logged()) is warns
