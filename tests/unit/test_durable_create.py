"""A create task that keeps a record: what a retry, a clear, a crash and a broken store lead to, and what is paid."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from sora2_provider.compat import AirflowException, AirflowFailException, AirflowTaskTimeout, TaskDeferred
from sora2_provider.exceptions import LeftRendering, RenderingFailed
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.errors import ContentRejected, VideoNotFound
from sora2_provider.gateway.polling.wait import Finished, Outcome
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.submission.stores import STATE_KEY
from sora2_provider.triggers.events import to_event


def create(**options: Any) -> Sora2CreateVideoOperator:
    return Sora2CreateVideoOperator(**{"task_id": "create", "prompt": "a cat", **options})


def record(state) -> dict[str, Any]:
    return json.loads(state.values[STATE_KEY])


def clear(ti) -> None:
    """What Airflow does to a task instance that a person clears."""
    ti.max_tries += 3
    ti.xcoms.clear()


def lose_the_answer(gateway) -> None:
    gateway.fault(route="create", reset="after")


def test_a_retry_takes_up_the_video_of_the_try_before_it(gateway, durable_context, ti, logged):
    first = create().execute(durable_context)
    ti.xcoms.clear()
    assert create().execute(durable_context) == first
    assert [one.id for one in gateway.billed] == [first]
    assert ti.xcoms["video"]["id"] == first
    assert f"Video {first} of an earlier try is taken up again" in logged()


def test_a_clear_after_success_renders_a_new_video(gateway, durable_context, ti):
    first = create().execute(durable_context)
    clear(ti)
    second = create().execute(durable_context)
    assert [one.id for one in gateway.billed] == [first, second]
    assert create().execute(durable_context) == second, "a retry after the clear"


def test_a_clear_reuses_a_delivered_video_where_that_is_wanted(gateway, durable_context, ti):
    first = create(on_clear="reuse").execute(durable_context)
    for _ in range(2):
        clear(ti)
        assert create(on_clear="reuse").execute(durable_context) == first
    assert len(gateway.billed) == 1


def test_a_crash_after_a_clear_that_took_up_a_video_does_not_submit(gateway, durable_context, ti):
    gateway.settings(render_seconds=0)
    gateway.fault(route="query", status=503, times=None)
    with pytest.raises(LeftRendering):
        create(wait_for_completion=True, timeout=0.05, poll_interval=0.01).execute(durable_context)
    gateway.clear_faults()
    clear(ti)
    waiting = create(wait_for_completion=True, timeout=60, poll_interval=0.01)
    waiting.execute(durable_context)
    assert waiting.execute(durable_context) == gateway.billed[0].id, "delivered, but Airflow did not hear of it"
    assert len(gateway.billed) == 1


def test_a_timeout_is_left_to_retries_which_go_on_with_the_same_video(gateway, durable_context, ti):
    gateway.settings(render_seconds=30)
    operator = create(wait_for_completion=True, timeout=0.05, poll_interval=0.01)
    with pytest.raises(LeftRendering, match="a retry picks it up") as caught:
        operator.execute(durable_context)
    assert not isinstance(caught.value, AirflowFailException)
    gateway.advance(60)
    assert operator.execute(durable_context) == gateway.billed[0].id
    assert len(gateway.billed) == 1
    assert ti.xcoms["video"]["status"] == "completed"
    assert record(state=durable_context["task_state_store"])["delivered_at"]


def test_a_retry_of_a_changed_request_takes_up_the_old_video_and_says_so(gateway, durable_context, ti, logged):
    first = create().execute(durable_context)
    assert create(prompt="a dog").execute(durable_context) == first
    assert "has changed since" in logged()
    assert ti.xcoms["video"]["request"]["prompt"] == "a cat", "what was sent"
    assert len(gateway.billed) == 1


def test_a_cleared_task_whose_request_changed_submits_the_new_one(gateway, durable_context, ti, logged):
    gateway.settings(render_seconds=30)
    with pytest.raises(LeftRendering):
        create(wait_for_completion=True, timeout=0.02, poll_interval=0.01).execute(durable_context)
    clear(ti)
    create(prompt="a dog").execute(durable_context)
    assert [one.request["prompt"] for one in gateway.billed] == ["a cat", "a dog"]
    assert f"Video {gateway.billed[0].id} of an earlier try is given up" in logged()


def test_a_video_is_taken_up_with_the_connection_that_it_was_submitted_with(gateway, connect, durable_context):
    connect(gateway.url, conn_id="first")
    connect("http://127.0.0.1:9", conn_id="second")
    made = create(sora2_conn_id="first").execute(durable_context)
    operator = create(sora2_conn_id="second", wait_for_completion=True, timeout=60, poll_interval=0.01)
    gateway.settings(render_seconds=0)
    assert operator.execute(durable_context) == made
    assert durable_context["ti"].xcoms["video"]["conn_id"] == "first"


def test_a_lost_answer_stops_retries_and_a_clear_submits_again(gateway, durable_context, ti, state, logged):
    lose_the_answer(gateway)
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
    lose_the_answer(gateway)
    operator = create(on_unknown_submission="resubmit")
    with pytest.raises(AirflowException, match="'resubmit'") as caught:
        operator.execute(durable_context)
    assert not isinstance(caught.value, AirflowFailException)
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


def test_a_definite_refusal_leaves_no_record(gateway, durable_context, state):
    gateway.fault(route="create", status=401, body={"error": {"message": "invalid token"}})
    with pytest.raises(AirflowFailException):
        create().execute(durable_context)
    assert state.values == {}
    assert create().execute(durable_context) == gateway.billed[0].id


@pytest.mark.parametrize(("rendering", "kind"), [("failed", RenderingFailed), ("cancelled", RenderingFailed)])
def test_a_rendering_that_ended_without_a_video_may_be_submitted_again(
    gateway, durable_context, state, rendering, kind
):
    gateway.settings(render_seconds=0)
    gateway.fault(route="create", rendering=rendering)
    operator = create(wait_for_completion=True, timeout=60, poll_interval=0.01)
    with pytest.raises(kind):
        operator.execute(durable_context)
    assert state.values == {}
    assert operator.execute(durable_context) == gateway.billed[1].id


def test_a_file_that_could_not_be_stored_is_left_to_retries(gateway, durable_context, tmp_path, monkeypatch):
    gateway.settings(render_seconds=0)
    operator = create(
        wait_for_completion=True, timeout=60, poll_interval=0.01, output_path=f"file://{tmp_path}/cat.mp4"
    )

    def full(*args, **options):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Sora2Hook, "download_video", full)
        with pytest.raises(LeftRendering, match="only stores the file"):
            operator.execute(durable_context)
    operator.execute(durable_context)
    assert (tmp_path / "cat.mp4").exists()
    assert len(gateway.billed) == 1


@pytest.mark.parametrize("interruption", [AirflowTaskTimeout, SystemExit])
def test_an_interrupted_wait_is_left_to_retries(gateway, durable_context, monkeypatch, interruption):
    gateway.settings(render_seconds=0)

    def interrupted(self, *args, **options):
        raise interruption("interrupted")

    operator = create(wait_for_completion=True, timeout=60, poll_interval=0.01)
    with monkeypatch.context() as patch:
        patch.setattr(Sora2Hook, "await_outcome", interrupted)
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


class BrokenState:
    """A task state store that fails at some of its calls, as an API server that is away does."""

    def __init__(self, state, *, fails: str, times: int = 10_000) -> None:
        self._state, self._fails, self._left = state, fails, times

    def __getattr__(self, name):
        def call(*args, **options):
            if name == self._fails and self._left > 0:
                self._left -= 1
                raise RuntimeError("API_SERVER_ERROR")
            return getattr(self._state, name)(*args, **options)

        return call


@pytest.mark.parametrize("fails", ["get", "set"])
def test_a_store_that_fails_before_the_create_means_that_nothing_is_sent(gateway, ti, state, fails):
    with pytest.raises(AirflowException, match="othing was sent") as caught:
        create().execute({"ti": ti, "task_state_store": BrokenState(state, fails=fails)})
    assert not isinstance(caught.value, AirflowFailException), "a retry is safe"
    assert gateway.requests == ()
    assert create().execute({"ti": ti, "task_state_store": state})


def test_an_id_that_cannot_be_written_is_named_loudly(gateway, ti, state, monkeypatch, logged):
    monkeypatch.setattr("sora2_provider.submission.journal._PAUSE", 0)
    real = Sora2Client.create_video

    def breaks_the_store(self, request):
        video = real(self, request)
        context["task_state_store"] = broken
        broken._fails = "set"
        return video

    broken = BrokenState(state, fails="")
    context = {"ti": ti, "task_state_store": broken}
    monkeypatch.setattr(Sora2Client, "create_video", breaks_the_store)
    with pytest.raises(AirflowFailException) as caught:
        create().execute(context)
    made = gateway.billed[0].id
    assert made in str(caught.value)
    assert made in logged()
    assert ti.xcoms == {}, "they may be a later try's by now"
    broken._fails = ""
    with pytest.raises(AirflowFailException, match="An earlier try"):
        create().execute(context)
    assert len(gateway.billed) == 1


def test_a_blip_of_the_store_after_the_create_is_ridden_out(gateway, ti, state, monkeypatch):
    monkeypatch.setattr("sora2_provider.submission.journal._PAUSE", 0)
    real = Sora2Client.create_video
    broken = BrokenState(state, fails="", times=2)

    def breaks_the_store(self, request):
        video = real(self, request)
        broken._fails = "set"
        return video

    monkeypatch.setattr(Sora2Client, "create_video", breaks_the_store)
    made = create().execute({"ti": ti, "task_state_store": broken})
    assert record(state)["video_id"] == made


@pytest.mark.parametrize("left", ["garbage", {"version": 99}, [1]])
def test_a_record_that_cannot_be_read_is_left_to_retries_and_submits_nothing(gateway, durable_context, state, left):
    state.set(STATE_KEY, left)
    with pytest.raises(AirflowException, match="cannot be read") as caught:
        create().execute(durable_context)
    assert not isinstance(caught.value, AirflowFailException)
    assert gateway.requests == ()


def test_without_durability_nothing_is_kept_and_a_broken_task_is_not_retried(gateway, durable_context, state):
    gateway.settings(render_seconds=30)
    operator = create(durable=False, wait_for_completion=True, timeout=0.02, poll_interval=0.01)
    with pytest.raises(AirflowFailException, match="A retry would submit"):
        operator.execute(durable_context)
    assert state.values == {}


def test_without_a_place_for_the_record_the_log_warns(gateway, context, logged):
    create().execute(context)
    assert "can pay twice" in logged()
    create(durable=False).execute(context)
    assert "can pay twice" not in logged()


def test_a_process_that_was_believed_dead_does_not_write_over_its_successor(gateway, durable_context, ti, state):
    """The zombie sent its create, and sleeps; a person, told that the outcome is unknown, clears the task."""
    real = Sora2Client.create_video
    others: list[str] = []

    def sleeps(self, request):
        video = real(self, request)
        if not others:
            others.append("")
            with pytest.raises(AirflowFailException, match="An earlier try"):
                create().execute(durable_context)
            clear(ti)
            others[0] = create().execute(durable_context)
        return video

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sora2Client, "create_video", sleeps)
        with pytest.raises(AirflowFailException, match="given this process up"):
            create().execute(durable_context)
    assert record(state)["video_id"] == others[0]
    assert len(gateway.billed) == 2, "a person asked for the second"


def as_try(context, number: int) -> dict[str, Any]:
    """The context of another process of the same task instance."""
    ti = copy.copy(context["ti"])
    ti.try_number = number
    return {**context, "ti": ti}


class Sleeps:
    """A store; before one of its calls its process sleeps, and Airflow goes on without it."""

    def __init__(self, state, *, before: str, meanwhile) -> None:
        self._state, self._before, self._meanwhile = state, before, meanwhile

    def __getattr__(self, name):
        if name == self._before and self._meanwhile is not None:
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile()
        return getattr(self._state, name)


def test_a_process_that_was_believed_dead_and_reads_late_submits_nothing(gateway, durable_context, ti, state):
    """Without this, it would take what its successor has delivered for an old video, and its own try for a clear."""

    def meanwhile() -> None:
        clear(ti)
        create().execute(as_try(durable_context, 2))

    slow = {**as_try(durable_context, 1), "task_state_store": Sleeps(state, before="get", meanwhile=meanwhile)}
    with pytest.raises(AirflowException, match="Try 2 of this task is at work"):
        create().execute(slow)
    assert len(gateway.billed) == 1


def test_a_run_that_was_made_again_under_its_old_name_is_not_taken_for_an_old_process(gateway, durable_context):
    made = create().execute(as_try(durable_context, 5))
    assert create().execute(as_try(durable_context, 1)) == made
    assert len(gateway.billed) == 1


def test_an_id_that_a_slow_process_writes_is_not_submitted_over(gateway, durable_context, state):
    """The retry has seen the intent only, and may submit again by the policy; before it does, the id arrives."""
    resubmits = {"on_unknown_submission": "resubmit"}
    made = create(**resubmits).execute(durable_context)

    class ReadEarlier(Sleeps):
        def get(self, key, default=None):
            self.get = self._state.get
            return {**record(self._state), "video_id": None, "delivered_at": None}

    early = {**durable_context, "task_state_store": ReadEarlier(state, before="", meanwhile=None)}
    with pytest.raises(AirflowException, match="Another process"):
        create(**resubmits).execute(early)
    assert create(**resubmits).execute(durable_context) == made
    assert len(gateway.billed) == 1


def test_a_refusal_of_a_process_that_was_believed_dead_leaves_the_record_of_its_successor(
    gateway, durable_context, ti, state, monkeypatch
):
    real = Sora2Client.create_video
    successor: list[str] = []

    def sleeps(self, request):
        monkeypatch.setattr(Sora2Client, "create_video", real)
        with pytest.raises(AirflowFailException, match="An earlier try"):
            create().execute(as_try(durable_context, 2))
        clear(ti)
        successor.append(create().execute(as_try(durable_context, 3)))
        raise ContentRejected("no")

    monkeypatch.setattr(Sora2Client, "create_video", sleeps)
    with pytest.raises(AirflowFailException, match="did not accept"):
        create().execute(as_try(durable_context, 1))
    assert record(state)["video_id"] == successor[0]


def test_a_delivery_by_a_process_that_was_believed_dead_does_not_undo_a_clear(gateway, durable_context, ti, state):
    """The clear came first, so the tries after it go on with the video, and pay for no other."""
    gateway.settings(render_seconds=0)
    waiting = {"wait_for_completion": True, "timeout": 60, "poll_interval": 0.01}

    def interrupted(self, *args, **options):
        raise AirflowTaskTimeout

    def sleeps(self, *args, **options):
        clear(ti)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Sora2Client, "get_video", interrupted)
            with pytest.raises(AirflowTaskTimeout):
                create(**waiting).execute(as_try(durable_context, 2))
        return real(self, *args, **options)

    real = Sora2Hook.await_outcome
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sora2Hook, "await_outcome", sleeps)
        made = create(**waiting).execute(as_try(durable_context, 1))
    assert record(state)["epoch"] == ti.max_tries
    assert create(**waiting).execute(as_try(durable_context, 3)) == made
    assert len(gateway.billed) == 1


def test_an_unknown_outcome_is_said_before_it_is_noted(gateway, durable_context, state, logged):
    """A clear of a task that was killed between the two would else be taken for the decision of a person who knows."""

    class Dies:
        def __getattr__(self, name):
            return getattr(state, name)

        def set(self, key, value, **options):
            if value["unknown_reported"]:
                raise SystemExit("killed")
            state.set(key, value, **options)

    lose_the_answer(gateway)
    with pytest.raises(AirflowFailException):
        create().execute({**durable_context, "task_state_store": Dies()})
    assert "The outcome of the create" in logged()


@pytest.mark.parametrize(
    "options", [{"durable": "yes"}, {"on_clear": "always"}, {"on_unknown_submission": "retry"}, {"durable": None}]
)
def test_policies_are_checked_when_the_dag_is_parsed(options):
    with pytest.raises(AirflowFailException, match="must be"):
        create(**options)
