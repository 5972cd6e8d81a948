"""A create task whose store fails, or whose process was believed dead and goes on: what is sent, kept and paid."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from sora2_provider.compat import AirflowFailException, AirflowTaskTimeout
from sora2_provider.exceptions import Sora2Error
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.errors import ContentRejected
from sora2_provider.operators import create_run
from sora2_provider.submission import stores
from sora2_provider.submission.record import Record
from sora2_provider.submission.stores import STATE_KEY
from tests.exact_errors import raises_exactly
from tests.unit.durable import WAITS, as_try, clear, create, failing, record


@contextmanager
def after_create(meanwhile: Callable[[], None]) -> Iterator[None]:
    """Let something happen between the gateway's answer to the next create and what its process does with it."""
    real = Sora2Client.create_video

    def create_video(self, request):
        video = real(self, request)
        patch.undo()
        meanwhile()
        return video

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sora2Client, "create_video", create_video)
        yield


class Watched:
    """A task state store; before a call of one of its methods something happens.

    :param before: by the name of the method; gets the arguments of the call.
    """

    def __init__(self, state, **before: Callable[..., None]) -> None:
        self._state, self.before = state, before

    def __getattr__(self, name):
        def call(*args, **options):
            if name in self.before:
                self.before[name](*args, **options)
            return getattr(self._state, name)(*args, **options)

        return call


def away(times: int = 10_000) -> Callable[..., None]:
    """Fail so many times, as an API server that is away does."""
    left = iter(range(times))

    def fail(*_, **__) -> None:
        if next(left, None) is not None:
            raise RuntimeError("API_SERVER_ERROR")

    return fail


@pytest.mark.parametrize("fails", ["get", "set"])
def test_a_store_that_fails_before_the_create_means_that_nothing_is_sent(gateway, ti, state, fails):
    with raises_exactly(Sora2Error, match="othing was sent"):
        create().execute({"ti": ti, "task_state_store": Watched(state, **{fails: away()})})
    assert gateway.requests == ()
    assert create().execute({"ti": ti, "task_state_store": state})


def test_an_id_that_cannot_be_written_is_named_loudly(gateway, ti, state, monkeypatch, logged):
    monkeypatch.setattr("sora2_provider.submission.journal._PAUSE", 0)
    broken = Watched(state)
    context = {"ti": ti, "task_state_store": broken}
    with after_create(lambda: broken.before.update(set=away())), pytest.raises(AirflowFailException) as caught:
        create().execute(context)
    made = gateway.billed[0].id
    assert made in str(caught.value)
    assert made in logged()
    assert ti.xcoms == {}, "they may be a later try's by now"
    broken.before.clear()
    with pytest.raises(AirflowFailException, match="An earlier try"):
        create().execute(context)
    assert len(gateway.billed) == 1


def test_a_blip_of_the_store_after_the_create_is_ridden_out(gateway, ti, state, monkeypatch):
    monkeypatch.setattr("sora2_provider.submission.journal._PAUSE", 0)
    broken = Watched(state)
    with after_create(lambda: broken.before.update(set=away(times=2))):
        made = create().execute({"ti": ti, "task_state_store": broken})
    assert record(state)["video_id"] == made


@pytest.mark.parametrize("left", ["garbage", {"version": 99}, [1]])
def test_a_record_that_cannot_be_read_is_left_to_retries_and_submits_nothing(gateway, durable_context, state, left):
    state.set(STATE_KEY, left)
    with raises_exactly(Sora2Error, match="cannot be read"):
        create().execute(durable_context)
    assert gateway.requests == ()


def test_a_record_is_kept_for_as_long_as_its_dag_run(gateway, ti, state, monkeypatch):
    kept_for = []
    for_ever = object()
    monkeypatch.setattr(stores, "never_expire", lambda: for_ever)
    watched = Watched(state, set=lambda *_, retention=None: kept_for.append(retention))
    create().execute({"ti": ti, "task_state_store": watched})
    assert kept_for == [for_ever] * 3, "the intent, the id, and that it is delivered"


def test_the_task_state_store_says_whether_a_record_was_the_first(state):
    store = stores.TaskStateRecords(state)
    first = Record("a cat", "c", 0, 1.0, "t")
    assert store.create(first) is True
    assert store.create(dataclasses.replace(first, token="another")) is False
    assert store.read() == first


def test_a_process_that_was_believed_dead_does_not_write_over_its_successor(gateway, durable_context, ti, state):
    """The zombie sent its create, and sleeps; a person, told that the outcome is unknown, clears the task."""
    successor: list[str] = []

    def meanwhile() -> None:
        with pytest.raises(AirflowFailException, match="An earlier try"):
            create().execute(durable_context)
        clear(ti)
        successor.append(create().execute(durable_context))

    with after_create(meanwhile), pytest.raises(AirflowFailException, match="given this process up"):
        create().execute(durable_context)
    assert record(state)["video_id"] == successor[0]
    assert len(gateway.billed) == 2, "a person asked for the second"


def test_a_process_that_was_believed_dead_and_reads_late_submits_nothing(gateway, durable_context, ti, state):
    """Without this, it would take what its successor has delivered for an old video, and its own try for a clear."""

    def meanwhile(*_, **__) -> None:
        asleep.before.clear()
        clear(ti)
        create().execute(as_try(durable_context, 2))

    asleep = Watched(state, get=meanwhile)
    slow = {**as_try(durable_context, 1), "task_state_store": asleep}
    with raises_exactly(Sora2Error, match="Try 2 of this task is at work"):
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

    class ReadEarlier(Watched):
        def get(self, key, default=None):
            self.get = self._state.get
            return {**record(self._state), "video_id": None, "delivered_at": None}

    early = {**durable_context, "task_state_store": ReadEarlier(state)}
    with raises_exactly(Sora2Error, match="Another process"):
        create(**resubmits).execute(early)
    assert create(**resubmits).execute(durable_context) == made
    assert len(gateway.billed) == 1


def test_a_refusal_of_a_process_that_was_believed_dead_leaves_the_record_of_its_successor(
    gateway, durable_context, ti, state
):
    successor: list[str] = []

    def meanwhile() -> None:
        with pytest.raises(AirflowFailException, match="An earlier try"):
            create().execute(as_try(durable_context, 2))
        clear(ti)
        successor.append(create().execute(as_try(durable_context, 3)))
        raise ContentRejected("no")

    with after_create(meanwhile), pytest.raises(AirflowFailException, match="did not accept"):
        create().execute(as_try(durable_context, 1))
    assert record(state)["video_id"] == successor[0]


def test_a_delivery_by_a_process_that_was_believed_dead_does_not_undo_a_clear(gateway, durable_context, ti, state):
    """The clear came first, so the tries after it go on with the video, and pay for no other."""
    gateway.settings(render_seconds=0)

    def sleeps(self, *args, **options):
        clear(ti)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Sora2Client, "get_video", failing(AirflowTaskTimeout()))
            with pytest.raises(AirflowTaskTimeout):
                create(**WAITS).execute(as_try(durable_context, 2))
        return real(self, *args, **options)

    real = create_run.await_outcome
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(create_run, "await_outcome", sleeps)
        made = create(**WAITS).execute(as_try(durable_context, 1))
    assert record(state)["epoch"] == ti.max_tries
    assert create(**WAITS).execute(as_try(durable_context, 3)) == made
    assert len(gateway.billed) == 1


def test_an_unknown_outcome_is_said_before_it_is_noted(gateway, durable_context, state, logged):
    """A clear of a task that was killed between the two would else be taken for the decision of a person who knows."""

    def dies(key, value, **_) -> None:
        if value["unknown_reported"]:
            raise SystemExit("killed")

    gateway.fault(route="create", reset="after")
    with pytest.raises(AirflowFailException):
        create().execute({**durable_context, "task_state_store": Watched(state, set=dies)})
    assert "The outcome of the create" in logged()
