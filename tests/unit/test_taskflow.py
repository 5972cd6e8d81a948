"""``@task.sora2_video``: what the function may return, when it is called, and what is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sora2_provider.compat import AirflowException, AirflowFailException, TaskDeferred
from sora2_provider.decorators.sora2 import VideoParameters, sora2_video_task
from sora2_provider.exceptions import InvalidParameter, LeftRendering
from sora2_provider.gateway.polling.wait import Finished, Outcome
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.submission.stores import STATE_KEY
from sora2_provider.triggers.events import to_event


class Film:
    """A decorated function that notes its calls."""

    def __init__(self, returned: Any = "a cat", **options: Any) -> None:
        self.calls = 0
        self.returned = returned
        self.options = options

    def task(self, **options: Any) -> Sora2CreateVideoOperator:
        def film():
            self.calls += 1
            if isinstance(self.returned, Exception):
                raise self.returned
            return self.returned

        return sora2_video_task(film, **{**self.options, **options})().operator

    def run(self, context: Any, **options: Any) -> str:
        return self.task(**options).execute(context)


def clear(ti) -> None:
    ti.max_tries += 3
    ti.xcoms.clear()


def prompts(gateway) -> list[str]:
    return [billed.request["prompt"] for billed in gateway.billed]


def test_a_string_is_the_prompt_and_the_decorator_says_the_rest(gateway, context, ti):
    video_id = Film("a cat").run(context, model="sora-2-pro", duration=25, orientation="landscape")
    (billed,) = gateway.billed
    assert video_id == billed.id
    assert billed.request == {
        "images": [],
        "model": "sora-2-pro",
        "orientation": "landscape",
        "prompt": "a cat",
        "size": "small",
        "duration": 25,
    }
    assert ti.xcoms["video"]["request"] == billed.request


def test_a_dict_says_more_than_the_decorator(gateway, context):
    film: VideoParameters = {
        "prompt": "a dog",
        "images": ["https://example.com/a.png"],
        "duration": "15",
        "extra": {"watermark": False},
    }
    Film(film).run(context, duration=10, size="large")
    assert gateway.billed[0].request == {
        "images": ["https://example.com/a.png"],
        "model": "sora-2",
        "orientation": "portrait",
        "prompt": "a dog",
        "size": "large",
        "duration": 15,
        "watermark": False,
    }


@pytest.mark.parametrize("prompt", ["{{ var.value.secret }} and {% raw", "a cat.prompt"])
def test_what_the_function_returns_is_no_template(gateway, context, prompt):
    operator = Film({"prompt": prompt, "images": []}).task()
    operator.render_template_fields(context)
    operator.execute(context)
    assert prompts(gateway) == [prompt]


BAD = {
    "nothing": (None, "film() returned nothing"),
    "a number": (7, "a value of type int"),
    "a list": (["a cat"], "a value of type list"),
    "bytes": (b"a cat", "a value of type bytes"),
    "an empty string": ("", "prompt=''"),
    "the word None": ("None", "prompt='None'"),
    "a dict without a prompt": ({"duration": 10}, "a dict without prompt"),
    "an unknown key": ({"prompt": "a cat", "lenght": 10}, "a dict with 'lenght'"),
    "a key that is no string": ({"prompt": "a cat", 7: 10}, "a dict with 7"),
    "an option of the task": ({"prompt": "a cat", "output_path": "/x"}, "a dict with 'output_path'"),
    "a bad duration": ({"prompt": "a cat", "duration": 12}, "duration=12"),
    "a nothing among the images": ({"prompt": "a cat", "images": None}, "images=None"),
}


@pytest.mark.parametrize(("returned", "said"), BAD.values(), ids=BAD)
def test_what_no_request_can_be_made_of_is_refused_before_anything_is_sent(
    gateway, durable_context, state, returned, said
):
    with pytest.raises(AirflowFailException) as caught:
        Film(returned).run(durable_context)
    assert said in str(caught.value)
    assert "Nothing was sent, and nothing was paid." in str(caught.value)
    assert gateway.requests == ()
    assert state.values == {}


def test_an_error_of_the_function_is_left_as_it_is(gateway, durable_context, state):
    broken = ValueError("the row has no colour")
    with pytest.raises(ValueError, match="the row has no colour") as caught:
        Film(broken).run(durable_context)
    assert caught.value is broken
    assert state.values == {}
    assert gateway.requests == ()


def test_the_function_gets_its_arguments_and_what_it_asks_for_of_the_context(gateway, context):
    def film(name, *, mood, run_id=None, ds=None):
        return f"{name}, {mood}, {run_id}, {ds}"

    operator = sora2_video_task(film)("a cat", mood="calm", ds="my own").operator
    own = {**context, "run_id": "manual__7", "ds": "2026-01-01"}
    operator.execute(own)
    assert prompts(gateway) == ["a cat, calm, manual__7, my own"]
    assert own["ds"] == "2026-01-01", "the task's own context stays as it is"


def test_an_argument_that_is_called_like_the_task_instance_breaks_nothing(gateway, context, ti):
    def film(ti):
        return f"{ti} in the rain"

    video_id = sora2_video_task(film)(ti="a cat").operator.execute(context)
    assert prompts(gateway) == ["a cat in the rain"]
    assert ti.xcoms["video"]["id"] == video_id


def test_a_function_that_is_annotated_with_a_dict_still_makes_one_output(gateway, context):
    def film() -> dict:
        return {"prompt": "a cat"}

    operator = sora2_video_task(film)().operator
    assert operator.multiple_outputs is False
    assert operator.execute(context) == gateway.billed[0].id


def test_it_stores_the_file_as_the_operator_does(gateway, context, ti, tmp_path):
    Film().run(context, wait_for_completion=True, poll_interval=0.01, output_path=f"{tmp_path}/cat.mp4")
    assert (tmp_path / "cat.mp4").stat().st_size > 1000
    assert ti.xcoms["video"]["stored_uri"] == f"file://{tmp_path}/cat.mp4"


def test_a_retry_takes_up_the_video_and_does_not_call_the_function(gateway, durable_context, logged):
    film = Film()
    first = film.run(durable_context)
    film.returned = "another prompt, that nobody asks for"
    assert film.run(durable_context) == first
    assert film.calls == 1
    assert prompts(gateway) == ["a cat"]
    assert "has changed since" not in logged()


def test_a_retry_waits_for_as_long_as_the_video_that_was_sent_takes(gateway, durable_context, ti):
    film = Film({"prompt": "a cat", "model": "sora-2-pro", "duration": 25})
    film.run(durable_context)
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
    task = film.task(wait_for_completion=True, deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(durable_context)
    gateway.advance(120)
    from sora2_provider.hooks.sora2 import Sora2Hook

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
        film.run(context, wait_for_completion=True, timeout=0.02, poll_interval=0.01)
    return gateway.billed[0].id


def test_a_clear_before_the_delivery_calls_the_function_to_see_whether_the_request_has_changed(
    gateway, durable_context, ti
):
    film = Film()
    first = not_delivered(gateway, film, durable_context)
    clear(ti)
    assert film.run(durable_context) == first, "the same request: the same video"
    assert film.calls == 2
    assert film.run(durable_context) == first, "a retry after the clear"
    assert film.calls == 2
    assert len(gateway.billed) == 1


def test_a_clear_before_the_delivery_submits_what_the_function_says_now(gateway, durable_context, ti, logged):
    film = Film()
    first = not_delivered(gateway, film, durable_context)
    film.returned = "a dog"
    clear(ti)
    film.run(durable_context)
    assert prompts(gateway) == ["a cat", "a dog"]
    assert film.calls == 2
    assert f"Video {first} of an earlier try is given up" in logged()


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


def test_a_clear_after_the_delivery_calls_the_function_once_and_submits(gateway, durable_context, ti):
    film = Film()
    film.run(durable_context)
    clear(ti)
    film.run(durable_context)
    assert (film.calls, len(gateway.billed)) == (2, 2)


def test_a_clear_that_reuses_the_video_does_not_call_the_function(gateway, durable_context, ti):
    film = Film(on_clear="reuse")
    first = film.run(durable_context)
    clear(ti)
    assert film.run(durable_context) == first
    assert film.calls == 1


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
    with pytest.raises(AirflowException, match="cannot be read"):
        film.run(durable_context)
    assert film.calls == 0


def test_a_failed_rendering_is_submitted_anew_and_the_function_called_for_it(gateway, durable_context):
    film = Film()
    gateway.fault(route="create", rendering="failed", error_code="video_generation_failed", error_message="crashed")
    with pytest.raises(AirflowException, match="crashed"):
        film.run(durable_context, wait_for_completion=True, poll_interval=0.01)
    film.returned = "a dog"
    film.run(durable_context)
    assert prompts(gateway) == ["a cat", "a dog"]
    assert film.calls == 2


def test_a_bad_path_is_told_before_the_function_is_called(gateway, durable_context):
    film = Film()
    task = film.task(wait_for_completion=True, output_path="{{ nothing }}")
    task.output_path = ""
    with pytest.raises(AirflowFailException, match="output_path"):
        task.execute(durable_context)
    assert film.calls == 0


def plain():
    return "a cat"


async def asynchronous():
    return "a cat"


def yielding():
    yield "a cat"


REFUSED = {
    "a prompt beside the function": (plain, {"prompt": "a dog"}, "the function returns the prompt"),
    "many outputs": (plain, {"multiple_outputs": True}, "one value"),
    "an async function": (asynchronous, {}, "asynchronous() must be a plain function"),
    "a generator": (yielding, {}, "yielding() must be a plain function"),
    "a bad duration": (plain, {"duration": 12}, "duration=12"),
    "a path without a wait": (plain, {"output_path": "/x.mp4"}, "wait_for_completion=True"),
}


@pytest.mark.parametrize(("function", "options", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_work_is_an_error_of_the_dag_file(function, options, said):
    with pytest.raises(InvalidParameter) as caught:
        sora2_video_task(function, **options)()
    assert said in str(caught.value)


def test_a_prompt_in_override_is_refused_too():
    with pytest.raises(InvalidParameter, match="the function returns the prompt"):
        sora2_video_task(plain).override(prompt="a dog")()


def test_an_async_function_under_a_decorator_with_options_is_refused_too():
    with pytest.raises(InvalidParameter, match="plain function"):
        sora2_video_task(duration=15)(asynchronous)()


def test_override_changes_the_options_of_one_use():
    decorated = sora2_video_task(duration=15, size="large")(plain)
    one, other = decorated().operator, decorated.override(task_id="short", duration=10)().operator
    assert (one.task_id, one.duration, one.size) == ("plain", 15, "large")
    assert (other.task_id, other.duration, other.size) == ("short", 10, "large")


def test_airflow_knows_the_decorator():
    from airflow.providers.common.compat.sdk import task

    from sora2_provider import get_provider_info

    (told,) = get_provider_info()["task-decorators"]
    module, _, name = told["class-name"].rpartition(".")
    assert (module, name) == (sora2_video_task.__module__, sora2_video_task.__name__)
    operator = task.sora2_video(plain)().operator
    assert isinstance(operator, Sora2CreateVideoOperator)
    assert operator.custom_operator_name == "@task.sora2_video"


def test_the_arguments_of_the_function_and_the_options_are_templates_but_not_the_prompt(gateway, context):
    def film(day):
        return f"a cat on {day} {{{{ day }}}}"

    operator = sora2_video_task(film, duration="{{ seconds }}")("{{ weekday }}").operator
    assert "prompt" not in operator.template_fields
    own = {**context, "weekday": "Monday", "seconds": 15}
    operator.render_template_fields(own)
    operator.execute(own)
    (billed,) = gateway.billed
    assert (billed.request["prompt"], billed.request["duration"]) == ("a cat on Monday {{ day }}", 15)


def test_the_record_holds_what_the_function_said(gateway, durable_context, state):
    Film("a cat").run(durable_context)
    assert json.loads(state.values[STATE_KEY])["request"]["prompt"] == "a cat"
