"""``@task.sora2_video``: what the function may return, when it is called, and what is sent."""

from __future__ import annotations

from typing import Any

import pytest

from sora2_provider.compat import AirflowFailException
from sora2_provider.decorators.sora2 import VideoParameters
from sora2_provider.decorators.sora2 import sora2_video_task as task
from sora2_provider.exceptions import InvalidParameter
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from tests.unit.durable import Film, prompts

USUAL = {"images": [], "model": "sora-2", "orientation": "portrait", "prompt": "a cat", "size": "small", "duration": 10}
PICTURE = "https://example.com/a.png"
REQUESTS: dict[str, tuple[str | VideoParameters, dict[str, Any], dict[str, Any]]] = {
    "a string is the prompt, and the decorator says the rest": (
        "a cat",
        {"model": "sora-2-pro", "duration": 25, "orientation": "landscape"},
        {"model": "sora-2-pro", "duration": 25, "orientation": "landscape"},
    ),
    "a dict says more than the decorator": (
        {"prompt": "a dog", "images": [PICTURE], "duration": "15", "extra": {"watermark": False}},
        {"duration": 10, "size": "large"},
        {"prompt": "a dog", "images": [PICTURE], "duration": 15, "watermark": False, "size": "large"},
    ),
}


@pytest.mark.parametrize(("returned", "options", "sent"), REQUESTS.values(), ids=REQUESTS)
def test_what_is_sent(gateway, context, ti, returned, options, sent):
    video_id = Film(returned).run(context, **options)
    (billed,) = gateway.billed
    assert video_id == billed.id
    assert billed.request == USUAL | sent
    assert ti.xcoms["video"]["request"] == billed.request


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

    operator = task(film)("a cat", mood="calm", ds="my own").operator
    own = {**context, "run_id": "manual__7", "ds": "2026-01-01"}
    operator.execute(own)
    assert prompts(gateway) == ["a cat, calm, manual__7, my own"]
    assert own["ds"] == "2026-01-01", "the task's own context stays as it is"


def test_an_argument_that_is_called_like_the_task_instance_breaks_nothing(gateway, context, ti):
    def film(ti):
        return f"{ti} in the rain"

    video_id = task(film)(ti="a cat").operator.execute(context)
    assert prompts(gateway) == ["a cat in the rain"]
    assert ti.xcoms["video"]["id"] == video_id


def test_a_function_that_is_annotated_with_a_dict_still_makes_one_output(gateway, context):
    def film() -> dict:
        return {"prompt": "a cat"}

    operator = task(film)().operator
    assert operator.multiple_outputs is False
    assert operator.execute(context) == gateway.billed[0].id


def plain():
    return "a cat"


async def asynchronous():
    return "a cat"


def yielding():
    yield "a cat"


REFUSED = {
    "a prompt beside the function": (lambda: task(plain, prompt="a dog")(), "the function returns the prompt"),
    "a prompt in override": (lambda: task(plain).override(prompt="a dog")(), "the function returns the prompt"),
    "many outputs": (lambda: task(plain, multiple_outputs=True)(), "one value"),
    "an async function": (lambda: task(asynchronous)(), "asynchronous() must be a plain function"),
    "an async function, with options": (lambda: task(duration=15)(asynchronous)(), "plain function"),
    "a generator": (lambda: task(yielding)(), "yielding() must be a plain function"),
    "a bad duration": (lambda: task(plain, duration=12)(), "duration=12"),
    "a path without a wait": (lambda: task(plain, output_path="/x.mp4")(), "wait_for_completion=True"),
}


@pytest.mark.parametrize(("use", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_work_is_an_error_of_the_dag_file(use, said):
    with pytest.raises(InvalidParameter) as caught:
        use()
    assert said in str(caught.value)


def test_override_changes_the_options_of_one_use():
    decorated = task(duration=15, size="large")(plain)
    one, other = decorated().operator, decorated.override(task_id="short", duration=10)().operator
    assert (one.task_id, one.duration, one.size) == ("plain", 15, "large")
    assert (other.task_id, other.duration, other.size) == ("short", 10, "large")


def test_airflow_knows_the_decorator():
    try:
        from airflow.sdk import task as airflow_task
    except ImportError:  # Airflow 2.11
        from airflow.decorators import task as airflow_task

    from sora2_provider import get_provider_info

    (told,) = get_provider_info()["task-decorators"]
    module, _, name = told["class-name"].rpartition(".")
    assert (module, name) == (task.__module__, task.__name__)
    operator = airflow_task.sora2_video(plain)().operator
    assert isinstance(operator, Sora2CreateVideoOperator)
    assert operator.custom_operator_name == "@task.sora2_video"


def test_the_arguments_of_the_function_and_the_options_are_templates_but_not_the_prompt(gateway, context):
    def film(day):
        return f"a cat on {day} {{{{ day }}}}"

    operator = task(film, duration="{{ seconds }}")("{{ weekday }}").operator
    assert "prompt" not in operator.template_fields
    own = {**context, "weekday": "Monday", "seconds": 15}
    operator.render_template_fields(own)
    operator.execute(own)
    (billed,) = gateway.billed
    assert (billed.request["prompt"], billed.request["duration"]) == ("a cat on Monday {{ day }}", 15)
