"""Several creates in one task instance, and several task instances that look alike: each has a record of its own."""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sora2_provider.compat import AirflowFailException, BaseOperator
from sora2_provider.exceptions import FinalError, InvalidParameter, LeftRendering, RenderingFailed
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from tests.exact_errors import raises_exactly
from tests.unit.durable import TOO_SHORT, WAITS, as_try, clear, create, prompts

STARTED = datetime.datetime(2026, 11, 27, 12, tzinfo=datetime.UTC)


@pytest.fixture(params=["the task state store", "a storage path"])
def kept(request: Any, durable_context: Any, ti: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The context of a task whose records are kept."""
    run = SimpleNamespace(id=7, run_after=STARTED, start_date=STARTED, clear_number=0)
    if request.param == "a storage path":
        monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path / "records"))
        return {"ti": ti, "dag_run": run}
    return {**durable_context, "dag_run": run}


@pytest.fixture
def loop(kept: Any, ti: Any) -> dict[str, Any]:
    """The context of a task whose code runs create operators."""
    ti.task_id = "loop"
    return {**kept, "task": BaseOperator(task_id="loop")}


def films(context: Any, *wanted: str, **options: Any) -> list[str]:
    return [create(task_id="film", prompt=prompt, **options).execute(context) for prompt in wanted]


class Pair(Sora2CreateVideoOperator):
    """A subclass that creates two videos."""

    prompts = ("a cat", "a dog")

    def execute(self, context: Any) -> Any:
        made = []
        for prompt in self.prompts:
            self.prompt = prompt
            made.append(super().execute(context))
        return made


def test_each_create_of_a_loop_is_paid_once_whatever_its_order_in_the_next_try(gateway, loop):
    made = films(loop, "a cat", "a dog", "a cat")
    assert len(set(made)) == 3
    assert films(as_try(loop, 2), "a cat", "a dog", "a cat") == made
    assert films(as_try(loop, 3), "a dog", "a cat", "a cat") == [made[1], made[0], made[2]]
    assert prompts(gateway) == ["a cat", "a dog", "a cat"]


def test_a_loop_that_leaves_out_what_is_done_gives_no_row_another_rows_film(gateway, loop):
    gateway.settings(render_seconds=0)
    (cat,) = films(loop, "a cat")
    gateway.fault(route="create", status=400, times=1)
    with raises_exactly(FinalError):
        films(loop, "a dog")
    dog, fox = films(as_try(loop, 2), "a dog", "a fox")
    assert len({cat, dog, fox}) == 3
    assert prompts(gateway) == ["a cat", "a dog", "a fox"]


def test_operators_with_task_ids_of_their_own_are_told_apart_by_them(gateway, loop):
    def run(context: Any, **prompts: str) -> list[str]:
        return [create(task_id=name, prompt=text).execute(context) for name, text in prompts.items()]

    made = run(loop, first="a cat", second="a cat")
    assert run(as_try(loop, 2), second="a cat", first="a cat") == made[::-1]
    assert len(gateway.billed) == 2


def test_a_create_in_a_loop_that_is_left_rendering_is_taken_up_even_if_its_prompt_is_another_one(gateway, loop, logged):
    gateway.settings(render_seconds=0)
    gateway.fault(route="query", status=503, times=None)
    with raises_exactly(LeftRendering):
        films(loop, "written by a model", **TOO_SHORT)
    gateway.clear_faults()
    assert films(as_try(loop, 2), "written by a model again", **WAITS) == [gateway.billed[0].id]
    assert "has changed since" in logged()
    assert len(gateway.billed) == 1


def test_code_that_repeats_a_create_with_an_unknown_outcome_does_not_pay_again(gateway, loop):
    gateway.fault(route="create", reset="after", times=1)
    for _ in range(3):
        with pytest.raises(AirflowFailException, match="The outcome of"):
            films(loop, "a cat")
    films(loop, "a dog")
    assert prompts(gateway) == ["a cat", "a dog"]


def test_code_that_repeats_a_wait_goes_on_with_its_video(gateway, loop):
    gateway.settings(render_seconds=0)
    gateway.fault(route="query", status=503, times=None)
    with raises_exactly(LeftRendering):
        films(loop, "a cat", **TOO_SHORT)
    gateway.clear_faults()
    assert films(loop, "a cat", **WAITS) == [gateway.billed[0].id]


def test_a_rendering_that_failed_among_others_may_be_submitted_again_and_the_others_stay(gateway, loop):
    gateway.settings(render_seconds=0)
    (cat,) = films(loop, "a cat", **WAITS)
    gateway.fault(route="create", rendering="failed", times=1)
    with raises_exactly(RenderingFailed):
        films(loop, "a dog", **WAITS)
    (fox,) = films(loop, "a fox", **WAITS)
    again = films(as_try(loop, 2), "a cat", "a dog", "a fox", **WAITS)
    assert (again[0], again[2]) == (cat, fox)
    assert prompts(gateway) == ["a cat", "a dog", "a fox", "a dog"]


@pytest.mark.parametrize("wanted", [("a cat", "a dog"), ("a cat", "a cat")])
def test_a_subclass_that_executes_twice_pays_for_two(gateway, kept, wanted, monkeypatch):
    monkeypatch.setattr(Pair, "prompts", wanted)

    def run(number: int) -> list[str]:
        pair = Pair(task_id="create", prompt="both")
        return pair.execute(as_try({**kept, "task": pair}, number))

    made = run(1)
    assert len(set(made)) == 2
    assert run(2) == made
    assert prompts(gateway) == list(wanted)


def test_creates_in_threads_are_kept_apart(gateway, loop):
    # Airflow 2 wants its operators to be executed in the main thread.
    execute = inspect.unwrap(Sora2CreateVideoOperator.execute)

    def film(context: Any, prompt: str) -> str:
        return execute(create(task_id="film", prompt=prompt), context)

    def run(context: Any) -> set[str]:
        with ThreadPoolExecutor(8) as pool:
            return set(pool.map(lambda number: film(context, f"a cat {number}"), range(8)))

    made = run(loop)
    assert run(as_try(loop, 2)) == made
    assert len(made) == len(gateway.billed) == 8


def test_an_operator_in_the_code_of_another_task_is_not_deferred(gateway, loop):
    with pytest.raises(InvalidParameter, match=r"in the code of another task.*Nothing was sent.*deferrable=False"):
        films(loop, "a cat", wait_for_completion=True, deferrable=True)
    assert len(gateway.billed) == 0


def shifted(gateway: Any, context: Any) -> Iterator[str]:
    yield create(prompt="a cat", on_clear="reuse").execute(context)
    clear(context["ti"])
    yield create(prompt="a dog", on_clear="reuse").execute(as_try(context, 2))
    clear(context["ti"])
    yield create(prompt="a cat", on_clear="reuse").execute(as_try(context, 3))


def test_a_row_of_a_list_that_has_shifted_does_not_get_another_rows_film(gateway, kept):
    cat, dog, cat_again = shifted(gateway, kept)
    assert cat == cat_again != dog
    assert prompts(gateway) == ["a cat", "a dog"]


def another(context: Any, **run: Any) -> dict[str, Any]:
    """The context of the same task of a run with the same name."""
    return {**context, "dag_run": SimpleNamespace(**{**vars(context["dag_run"]), **run})}


LATER = STARTED + datetime.timedelta(seconds=7)


@pytest.mark.parametrize("waits", [{}, WAITS], ids=["submits", "waits"])
def test_two_airflows_on_one_path_do_not_take_up_each_others_videos(gateway, kept, waits):
    gateway.settings(render_seconds=0)
    ours, theirs = as_try(kept, 1), as_try(another(kept, start_date=LATER), 1)
    made = [create(**waits).execute(one) for one in (ours, theirs)]
    assert len(set(made)) == 2
    assert [create(**waits).execute(as_try(one, 2)) for one in (ours, theirs)] == made
    assert len(gateway.billed) == 2


def test_a_record_of_another_airflow_is_told_of_with_the_way_out(gateway, kept, logged):
    create().execute(as_try(kept, 1))
    assert "a name in the option [sora2] deployment" not in logged()
    create().execute(as_try(another(kept, start_date=LATER), 1))
    said = logged()
    assert STARTED.isoformat() in said
    assert "a name in the option [sora2] deployment" in said


@pytest.mark.parametrize(("names", "paid"), [(("", ""), 1), (("", "eu"), 1), (("us", "eu"), 2)], ids=str)
def test_a_retry_tells_airflows_on_one_path_apart_by_their_names(gateway, kept, monkeypatch, names, paid):
    ours, theirs = as_try(kept, 1), as_try(another(kept, start_date=LATER), 2)
    made = []
    for one, name in ((ours, names[0]), (theirs, names[1]), (as_try(ours, 2), names[0]), (as_try(theirs, 3), names[1])):
        monkeypatch.setenv("AIRFLOW__SORA2__DEPLOYMENT", name)
        made.append(create().execute(one))
    assert made[:2] == made[2:]
    assert len(gateway.billed) == len(set(made)) == paid


GOES_ON: dict[str, tuple[int, dict[str, Any], Callable[[Any], None]]] = {
    "set to queued by a person": (2, {"start_date": LATER}, lambda ti: None),
    "cleared": (2, {"start_date": LATER, "clear_number": 1}, clear),
    "whose start is not known": (2, {"start_date": None}, lambda ti: None),
}


@pytest.mark.parametrize(("number", "run", "then"), GOES_ON.values(), ids=GOES_ON)
def test_a_run_that_goes_on_finds_its_video(gateway, kept, ti, number, run, then):
    gateway.fault(route="query", status=503, times=None)
    with raises_exactly(LeftRendering):
        create(**TOO_SHORT).execute(as_try(kept, 1))
    then(ti)
    gateway.clear_faults()
    assert create(**WAITS).execute(as_try(another(kept, **run), number)) == gateway.billed[0].id
    assert len(gateway.billed) == 1
