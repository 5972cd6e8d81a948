"""Signals that would tear a create from its record wait until the record is whole."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sora2_provider.compat import AirflowTaskTimeout, BaseOperator
from sora2_provider.exceptions import FinalError, LeftRendering, Sora2Error
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.hooks import operations
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.spending.caps import SpendingGuard
from sora2_provider.submission import signals
from sora2_provider.submission.journal import SubmissionJournal
from sora2_provider.submission.signals import StopNotice, deferred_signals
from sora2_provider.submission.stores import STATE_KEY
from tests.exact_errors import raises_exactly
from tests.unit.durable import create, failing


class Terminated(BaseException):
    """What Airflow 2 raises in a task that gets SIGTERM, and Airflow's timeout at SIGALRM."""


@pytest.fixture
def raising() -> Iterator[None]:
    """Handlers as Airflow 2 sets them, put back afterwards."""

    def terminate(number: int, _frame: Any) -> None:
        raise Terminated(number)

    usual = {one: signal.signal(one, terminate) for one in (signal.SIGTERM, signal.SIGALRM)}
    yield
    for one, handler in usual.items():
        signal.signal(one, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGALRM])
def test_a_signal_acts_when_the_block_is_done(raising, number):
    done = []

    def work() -> None:
        with deferred_signals():
            os.kill(os.getpid(), number)
            done.append(1)

    with pytest.raises(Terminated):
        work()
    assert done == [1]
    with pytest.raises(Terminated):
        os.kill(os.getpid(), number)


def test_a_signal_that_came_with_an_error_acts_too(raising):
    def work() -> None:
        with deferred_signals():
            os.kill(os.getpid(), signal.SIGTERM)
            raise ValueError("refused")

    with pytest.raises(Terminated) as caught:
        work()
    assert isinstance(caught.value.__context__, ValueError)


def test_without_a_signal_nothing_is_changed(raising):
    before = signal.getsignal(signal.SIGTERM)
    with deferred_signals():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_outside_the_main_thread_there_is_nothing_to_hold():
    seen = []

    def work() -> None:
        with deferred_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert seen == [signal.getsignal(signal.SIGTERM)]


def interrupt_create(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Send this process a signal in its create: when the gateway has it, and the answer is on its way or lost."""
    real = Sora2Client.create_video

    def create_video(self: Sora2Client, request: Any) -> Any:
        try:
            return real(self, request)
        finally:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(Sora2Client, "create_video", create_video)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGALRM])
def test_a_task_that_is_stopped_in_the_middle_of_its_create_stores_the_id_first(
    raising, gateway, durable_context, state, monkeypatch, number
):
    with monkeypatch.context() as patch:
        interrupt_create(patch, number)
        with pytest.raises(LeftRendering, match=r"Terminated.*a retry picks it up"):
            create().execute(durable_context)
    made = gateway.billed[0].id
    assert json.loads(state.values[STATE_KEY])["video_id"] == made
    assert create().execute(durable_context) == made
    assert len(gateway.billed) == 1


@pytest.mark.parametrize("lost", [False, True])
def test_a_task_without_a_record_that_is_stopped_in_its_create_is_not_retried(
    raising, gateway, context, monkeypatch, lost
):
    interrupt_create(monkeypatch, signal.SIGALRM)
    if lost:
        gateway.fault(route="create", reset="after")
    with raises_exactly(FinalError, match="The outcome of the create" if lost else "was submitted, and then") as caught:
        create().execute(context)
    (made,) = gateway.billed
    assert (made.id in str(caught.value)) is not lost


def test_airflow_3_asks_a_stopped_task_to_end_its_wait(gateway, durable_context, monkeypatch, logged):
    """Airflow 3's handler only calls ``on_kill``; the wait would otherwise go on until the process is killed."""
    gateway.settings(render_seconds=600)
    operator = create(wait_for_completion=True)
    usual = signal.signal(signal.SIGTERM, lambda *_: operator.on_kill())

    def sleep(seconds: float) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    try:
        with monkeypatch.context() as patch:
            patch.setattr(operations.time, "sleep", sleep)
            with pytest.raises(LeftRendering, match="stopped while it waited"):
                operator.execute(durable_context)
    finally:
        signal.signal(signal.SIGTERM, usual)
    made = gateway.billed[0].id
    assert f"before the end of video {made}. The video goes on rendering" in logged()
    gateway.advance(1200)
    assert operator.execute(durable_context) == made
    assert len(gateway.billed) == 1


def test_airflows_time_out_in_a_create_outside_the_main_thread_is_an_unknown_outcome(
    gateway, durable_context, state, monkeypatch
):
    monkeypatch.setattr(Sora2Client, "create_video", failing(AirflowTaskTimeout("time is over")))
    with raises_exactly(FinalError, match="The outcome of the create"):
        create().execute(durable_context)
    assert state.get(STATE_KEY)["unknown_reported"] is True


@pytest.fixture
def going_on() -> Iterator[list[int]]:
    """Handlers as Airflow 3 sets them: the task goes on until it is killed."""
    told: list[int] = []
    usual = signal.signal(signal.SIGTERM, lambda number, _frame: told.append(number))
    yield told
    signal.signal(signal.SIGTERM, usual)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


STOPPED_AT = {
    "the connection": (Sora2Hook, "get_conn"),
    "the limits": (SpendingGuard, "reserve"),
    "the intent": (SubmissionJournal, "intend"),
}


@pytest.mark.parametrize(("owner", "name"), STOPPED_AT.values(), ids=STOPPED_AT)
@pytest.mark.parametrize(
    "make",
    [lambda context: create().execute(context), lambda _: Sora2Hook().create_video(VideoRequest("a cat"))],
    ids=["operator", "hook"],
)
def test_a_task_that_is_told_to_stop_before_its_create_pays_for_nothing(
    going_on, gateway, durable_context, state, monkeypatch, owner, name, make
):
    real = getattr(owner, name)

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        terminate()
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, interrupted)
        with raises_exactly(Sora2Error, match=r"told to stop before its create was sent\. Nothing was sent"):
            make(durable_context)
    assert (set(going_on), gateway.billed, state.values) == ({signal.SIGTERM}, (), {})
    assert create().execute(durable_context) == gateway.billed[0].id


def test_a_task_that_is_told_to_stop_between_two_sendings_pays_for_nothing(
    going_on, gateway, durable_context, state, monkeypatch
):
    """The pause is not waited out: its end would be beyond what a task is granted."""
    monkeypatch.setattr("sora2_provider.gateway.resend._PAUSES", (3600.0, 3600.0))
    real = SubmissionJournal.refused

    def refused(self: SubmissionJournal) -> None:
        real(self)
        threading.Timer(0.05, terminate).start()

    monkeypatch.setattr("sora2_provider.gateway.resend._LONGEST_PAUSE", 3600.0)
    monkeypatch.setattr(SubmissionJournal, "refused", refused)
    gateway.fault(route="create", status=429, times=1)
    with raises_exactly(Sora2Error, match="told to stop before its create was sent"):
        create().execute(durable_context)
    assert (set(going_on), gateway.billed, state.values) == ({signal.SIGTERM}, (), {})


def test_code_that_goes_on_after_a_stop_pays_for_no_further_create(going_on, gateway, durable_context, monkeypatch):
    context = {**durable_context, "task": BaseOperator(task_id="loop")}
    interrupt_create(monkeypatch, signal.SIGTERM)
    made = create().execute(context)
    for prompt in ("a dog", "a dog"):
        with raises_exactly(Sora2Error, match="told to stop before its create was sent"):
            create(prompt=prompt).execute(context)
    assert [video.id for video in gateway.billed] == [made]


def test_a_stop_outside_a_pause_is_noted_and_interrupts_nothing(going_on):
    stop, usual = StopNotice(), signal.getsignal(signal.SIGTERM)
    with stop.watching():
        stop.pause(0.0)
        other = threading.Thread(target=stop.pause, args=(0.0,))
        other.start()
        other.join(20)
        terminate()
        assert stop.told is True
    assert going_on == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is usual
    with raises_exactly(Sora2Error, match="told to stop"):
        stop.pause(3600.0)


def test_a_stop_that_is_ignored_is_noted_and_goes_on_being_ignored(going_on):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stop = StopNotice()
    with stop.watching():
        terminate()
    assert stop.told is True
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_a_stop_that_nothing_handles_ends_the_process_as_it_would_have(going_on, monkeypatch):
    raised = []
    monkeypatch.setattr(
        signals.signal, "raise_signal", lambda number: raised.append((number, signal.getsignal(number)))
    )
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with StopNotice().watching():
        terminate()
    assert raised == [(signal.SIGTERM, signal.SIG_DFL)]


def test_a_stop_ends_a_pause_though_another_thread_has_paused_meanwhile(going_on, monkeypatch):
    stop = StopNotice()

    def sleep(_: float) -> None:
        if threading.current_thread() is threading.main_thread():
            other = threading.Thread(target=stop.pause, args=(0.0,))
            other.start()
            other.join(20)
            terminate()

    monkeypatch.setattr(signals.time, "sleep", sleep)
    with stop.watching(), raises_exactly(Sora2Error, match="told to stop"):
        stop.pause(3600.0)
    assert going_on == [signal.SIGTERM]
