"""What a try knows of itself, and of records that may be another deployment's or a later try's."""

from __future__ import annotations

import dataclasses
import datetime
import gc
from types import SimpleNamespace
from typing import Any

import pytest

from sora2_provider.compat import BaseOperator
from sora2_provider.submission import task_try as module
from sora2_provider.submission.record import Record, RunIdentity
from sora2_provider.submission.task_try import Claims, TaskTry, is_foreign
from tests.unit.durable import create

HERE, ELSEWHERE = "2026-11-27T12:00:00+00:00", "2026-11-20T12:00:00+00:00"
RECORD = Record("a cat", "c", 0, 1.0, "t", try_number=2, run_started=HERE, run_clears=1)
RUN = RunIdentity(HERE, 1)
BEGAN = 1000.0


def a_try(**facts: Any) -> TaskTry:
    claims = Claims()
    claims.began = BEGAN
    return TaskTry(**{"number": 2, "run": RUN, "claims": claims, **facts})


#: What differs in the record; what differs in the try; whether the task instance may own it.
OWNERS: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "the same start": ({}, {}, True),
    "the same start, and a later try": ({"try_number": 9}, {}, True),
    "no start in the record": ({"run_started": None}, {}, True),
    "no start in the record of a later try": ({"run_started": None, "try_number": 9}, {}, True),
    "no start in a run": ({"try_number": 9}, {"run": RunIdentity()}, True),
    "another start": ({"run_started": ELSEWHERE}, {}, False),
    "another start, and an earlier try": ({"run_started": ELSEWHERE, "try_number": 1}, {}, True),
    "another start, and fewer clears": ({"run_started": ELSEWHERE, "try_number": 1, "run_clears": 0}, {}, True),
    "another start, and more clears": ({"run_started": ELSEWHERE, "try_number": 1, "run_clears": 2}, {}, False),
    "another name": ({"deployment": "there"}, {"run": RunIdentity(HERE, 1, "here")}, False),
    "a name in the record only": ({"deployment": "there"}, {}, True),
    "a name in the run only": ({}, {"run": RunIdentity(HERE, 1, "here")}, True),
}


@pytest.mark.parametrize(("in_record", "in_try", "may_own"), OWNERS.values(), ids=OWNERS)
def test_a_task_instance_owns_what_its_run_may_have_written(in_record, in_try, may_own):
    assert a_try(**in_try).may_own(dataclasses.replace(RECORD, **in_record)) is may_own


OVERTAKERS: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "a later try, since then": ({"try_number": 3, "noted_at": BEGAN}, {}, True),
    "a later try, before": ({"try_number": 3, "noted_at": BEGAN - 1}, {}, False),
    "the same try": ({"try_number": 2, "noted_at": BEGAN}, {}, False),
    "a later try of another name": (
        {"try_number": 3, "noted_at": BEGAN, "deployment": "there"},
        {"run": RunIdentity(HERE, 1, "here")},
        False,
    ),
}


@pytest.mark.parametrize(("in_record", "in_try", "overtaken"), OVERTAKERS.values(), ids=OVERTAKERS)
def test_a_try_is_overtaken_by_a_later_one_that_has_written_since(in_record, in_try, overtaken):
    assert a_try(**in_try).is_overtaken_by(dataclasses.replace(RECORD, **in_record)) is overtaken


BESIDE: dict[str, tuple[dict[str, Any], bool]] = {
    "of this try": ({"token": "mine"}, True),
    "of this task instance": ({}, False),
    "of another deployment": ({"run_started": ELSEWHERE}, True),
    "of a later try": ({"run_started": ELSEWHERE, "try_number": 3, "noted_at": BEGAN}, False),
}


@pytest.mark.parametrize(("in_record", "beside"), BESIDE.values(), ids=BESIDE)
def test_a_create_goes_beside_the_records_of_other_creates_and_of_other_deployments(in_record, beside):
    one = a_try()
    one.claims.tokens.add("mine")
    assert one.goes_beside(dataclasses.replace(RECORD, **in_record)) is beside


class TaskInstance:
    task_id, max_tries, try_number = "create", 3, 2


def context(**facts: Any) -> dict[str, Any]:
    return {"ti": TaskInstance(), **facts}


def test_a_try_is_what_its_context_says():
    started = datetime.datetime(2026, 11, 27, 14, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    task = create()
    run = SimpleNamespace(start_date=started, clear_number=4)
    made = TaskTry.of(task, context(task=task, dag_run=run))
    assert (made.epoch, made.number, made.key, made.foreign, made.repeats) == (3, 2, "", False, True)
    assert made.run == RunIdentity(HERE, 4)


def test_a_context_that_was_made_by_hand_may_lack_nearly_everything(monkeypatch):
    monkeypatch.setenv("AIRFLOW__SORA2__DEPLOYMENT", " here ")
    made = TaskTry.of(create(), {"ti": SimpleNamespace(max_tries=None)})
    assert (made.epoch, made.number, made.key, made.foreign, made.repeats) == (0, 0, "", False, False)
    assert made.run == RunIdentity(deployment="here")
    run = SimpleNamespace(start_date=datetime.datetime(2026, 11, 27, 12, tzinfo=datetime.UTC), clear_number=None)
    assert TaskTry.of(create(), context(dag_run=run)).run == RunIdentity(HERE, 0, "here")


def test_an_operator_that_another_tasks_code_runs_is_told_apart_by_its_task_id():
    loop = BaseOperator(task_id="loop")
    assert TaskTry.of(create(task_id="film"), context(task=loop)).key == "film"
    assert TaskTry.of(create(task_id="create"), context(task=loop)).key == "create"
    assert TaskTry.of(create(task_id="film"), context()).key == "film", "a context that was made by hand"


@pytest.mark.parametrize(
    ("running", "foreign"),
    [
        (None, False),
        (create(task_id="film"), False),
        (create(task_id="another"), True),
        (BaseOperator(task_id="film"), True),
    ],
    ids=["nothing", "itself", "another create", "another operator of the same name"],
)
def test_an_operator_is_foreign_where_airflow_runs_another_one(running, foreign):
    one = create(task_id="film")
    assert is_foreign(one, context(task=running)) is foreign
    assert is_foreign(one, context()) is False


def test_the_creates_of_one_try_share_their_claims_and_those_of_another_do_not():
    ti, loop = TaskInstance(), BaseOperator(task_id="loop")
    first, second = (TaskTry.of(create(task_id="film"), {"ti": ti, "task": loop}) for _ in range(2))
    assert first.claims is second.claims
    ti.try_number = 3
    assert TaskTry.of(create(task_id="film"), {"ti": ti, "task": loop}).claims is not first.claims
    own = create()
    assert TaskTry.of(own, context(task=own)).claims is TaskTry.of(own, context(task=own)).claims
    assert TaskTry.of(create(), context(task=own)).claims is not TaskTry.of(create(), context(task=own)).claims


def test_the_claims_of_a_task_that_is_gone_are_forgotten(monkeypatch):
    monkeypatch.setattr(module, "_claims", {})
    task, other = create(), create()
    TaskTry.of(task, context(task=task))
    assert len(module._claims) == 1
    del task
    gc.collect()
    TaskTry.of(other, context(task=other))
    assert len(module._claims) == 1
