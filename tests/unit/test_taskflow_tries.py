"""``@task.sora2_video``: when another try, a clear or the end of a deferral calls the function again."""

from __future__ import annotations

from typing import Any

import pytest

from sora2_provider.compat import AirflowFailException, TaskDeferred
from sora2_provider.exceptions import LeftRendering, RenderingFailed, Sora2Error
from sora2_provider.gateway.polling.wait import Finished, Outcome
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.submission.stores import STATE_KEY
from sora2_provider.triggers.events import to_event
from tests.exact_errors import raises_exactly
from tests.unit.durable import TOO_SHORT, Film, clear, prompts, record


def test_a_retry_waits_for_as_long_as_the_video_that_was_sent_takes(gateway, durable_context, ti, state):
    film = Film({"prompt": "a cat", "model": "sora-2-pro", "duration": 25})
    film.run(durable_context)
    assert record(state)["request"]["prompt"] == "a cat"
    gateway.settings(render_seconds=60)
    gateway.fault(route="query", status=503)
    with pytest.raises(TaskDeferred) as deferred:
        film.run(durable_context, wait_for_completion=True, deferrable=True)
    trigger = deferred.value.trigger
    assert (trigger.model, trigger.duration) == ("sora-2-pro", 25)
    assert ti.xcoms["video"]["request"]["prompt"] == "a cat"
    assert film.calls == 1


def test_the_end_of_a_deferral_does_not_call_the_function(gateway, durable_context):
    gateway.settings(render_seconds=60)
    film = Film()
    operator = film.task(wait_for_completion=True, deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(durable_context)
    gateway.advance(120)
    video = Sora2Hook().get_video(gateway.billed[0].id)
    event = to_event(video.id, Finished(Outcome.COMPLETED, video))
    woken = film.task(wait_for_completion=True, deferrable=True)
    kwargs = {**(deferred.value.kwargs or {}), "event": event}
    assert woken.resume_execution(deferred.value.method_name, kwargs, durable_context) == video.id
    assert film.calls == 1


def not_delivered(gateway, film, context) -> str:
    """Let a first try end while its video renders."""
    gateway.settings(render_seconds=60)
    with pytest.raises(LeftRendering):
        film.run(context, **TOO_SHORT)
    return gateway.billed[0].id


#: Whether the first try delivers, whether the task is then cleared, its options, and what the function returns by then;
#: how often it has been called, and what was sent.
AGAIN: dict[str, tuple[bool, bool, dict[str, Any], str, int, list[str]]] = {
    "a retry": (True, False, {}, "a dog", 1, ["a cat"]),
    "a clear after the delivery": (True, True, {}, "a cat", 2, ["a cat", "a cat"]),
    "a clear that reuses the video": (True, True, {"on_clear": "reuse"}, "a cat", 3, ["a cat"]),
    "a clear that may reuse the video of the same request only": (
        True,
        True,
        {"on_clear": "reuse"},
        "a dog",
        3,
        ["a cat", "a dog"],
    ),
    "a clear before the delivery": (False, True, {}, "a cat", 2, ["a cat"]),
    "a clear before the delivery of another request": (False, True, {}, "a dog", 2, ["a cat", "a dog"]),
}


@pytest.mark.parametrize(("delivers", "cleared", "options", "returns", "calls", "sent"), AGAIN.values(), ids=AGAIN)
def test_another_try_calls_the_function_only_where_its_answer_decides(
    gateway, durable_context, ti, logged, delivers, cleared, options, returns, calls, sent
):
    film = Film(**options)
    first = film.run(durable_context) if delivers else not_delivered(gateway, film, durable_context)
    if cleared:
        clear(ti)
    film.returned = returns
    again = film.run(durable_context)
    assert film.run(durable_context) == again, "a retry after it"
    if "on_clear" in options:
        clear(ti)
        assert film.run(durable_context) == again, "another clear"
    assert (film.calls, prompts(gateway)) == (calls, sent)
    assert (again == first) == (len(sent) == 1)
    log = logged()
    assert "has changed since" not in log
    assert (f"Video {first} of an earlier try is given up" in log) == (len(sent) == 2 and not delivers)


def test_a_function_that_fails_after_a_clear_loses_no_video(gateway, durable_context, ti):
    film = Film()
    first = not_delivered(gateway, film, durable_context)
    clear(ti)
    film.returned = RuntimeError("the database is away")
    with pytest.raises(RuntimeError):
        film.run(durable_context)
    film.returned = "a cat"
    assert film.run(durable_context) == first
    assert len(gateway.billed) == 1


def test_an_unknown_outcome_is_told_without_calling_the_function(gateway, durable_context, ti):
    film = Film()
    gateway.fault(route="create", reset="after")
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="The outcome of"):
            film.run(durable_context)
    assert film.calls == 1
    clear(ti)
    film.run(durable_context)
    assert film.calls == 2, "a person has looked, and decided"


def test_a_record_that_cannot_be_read_is_told_without_calling_the_function(gateway, durable_context, state):
    film = Film()
    state.set(STATE_KEY, "no record")
    with raises_exactly(Sora2Error, match="cannot be read"):
        film.run(durable_context)
    assert film.calls == 0


def test_a_failed_rendering_is_submitted_anew_and_the_function_called_for_it(gateway, durable_context):
    film = Film()
    gateway.fault(route="create", rendering="failed", error_code="video_generation_failed", error_message="crashed")
    with raises_exactly(RenderingFailed, match="crashed"):
        film.run(durable_context, wait_for_completion=True, poll_interval=0.01)
    film.returned = "a dog"
    film.run(durable_context)
    assert prompts(gateway) == ["a cat", "a dog"]
    assert film.calls == 2


def test_a_bad_path_is_told_before_the_function_is_called(gateway, durable_context):
    film = Film()
    operator = film.task(wait_for_completion=True, output_path="{{ nothing }}")
    operator.output_path = ""
    with pytest.raises(AirflowFailException, match="output_path"):
        operator.execute(durable_context)
    assert film.calls == 0
