"""One try of a task instance, as far as its submissions depend on it."""

from __future__ import annotations

import datetime
import threading
import weakref
from dataclasses import dataclass, field
from typing import Any

from sora2_provider.compat import BaseOperator, Context
from sora2_provider.submission.record import Record, RunIdentity


class Claims:
    """Which of a task instance's records a try has had a hand in, by their numbers.

    :ivar held: of the creates that the try has begun, each by its journal.
    :ivar done: of those whose video it has delivered.
    :ivar tokens: of the intents that it has written.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.held: dict[object, int] = {}
        self.done: set[int] = set()
        self.tokens: set[str] = set()

    @property
    def used(self) -> set[int]:
        """The numbers of all creates that the try has begun."""
        return set(self.held.values())


@dataclass(frozen=True)
class TaskTry:
    """A try of a task instance.

    :param epoch: Airflow's ``max_tries``, see :class:`~sora2_provider.submission.record.Record`.
    :param number: Airflow's number of the try.
    :param key: which of the task instance's creates is about to be made, see :class:`~sora2_provider.submission.record.Record`.
    :param foreign: the operator is run by the code of another task.
    :param repeats: executing an operator again means another create. In a context that was made by hand, without its
        task, it stands for the next try.
    """

    epoch: int = 0
    number: int = 0
    key: str = ""
    foreign: bool = False
    repeats: bool = True
    run: RunIdentity = field(default_factory=RunIdentity)
    claims: Claims = field(default_factory=Claims)

    def may_own(self, record: Record) -> bool:
        """Whether this task instance may have written a record; if not, another deployment of the same path did.

        A run that is set to queued by a person starts anew without a clear, so its start alone does not tell. But the
        tries of one task instance are counted on, whatever becomes of its run.
        """
        known = record.run_started is not None and self.run.started is not None
        another = known and record.run_started != self.run.started and record.run_clears >= self.run.clears
        return not another or record.try_number < self.number

    @classmethod
    def of(cls, task: BaseOperator, context: Context) -> TaskTry:
        """Return the try that an operator's context belongs to.

        :param task: the operator that creates: the task itself, or one that the code of another task runs.
        """
        task_instance = context["ti"]
        epoch, number = (int(getattr(task_instance, name, 0) or 0) for name in ("max_tries", "try_number"))
        foreign = is_foreign(task, context)
        # The code of another task may make an operator for each of its creates; a task's own is one.
        claims = _claims_of(task_instance if foreign else task, epoch, number)
        key = task.task_id if foreign or task.task_id != getattr(task_instance, "task_id", task.task_id) else ""
        return cls(epoch, number, key, foreign, context.get("task") is not None, _run_of(context), claims)


def is_foreign(task: BaseOperator, context: Context) -> bool:
    """Whether an operator is run by the code of another task: Airflow does not know it, and cannot resume it."""
    running: Any = context.get("task")
    return running is not None and (running.task_id != task.task_id or not isinstance(running, type(task)))


def _run_of(context: Context) -> RunIdentity:
    run: Any = context.get("dag_run")
    started = getattr(run, "start_date", None)
    if not isinstance(started, datetime.datetime):
        return RunIdentity()
    return RunIdentity(started.astimezone(datetime.UTC).isoformat(), int(getattr(run, "clear_number", 0) or 0))


_claims: dict[tuple[int, int, int], tuple[weakref.ref[Any], Claims]] = {}


def _claims_of(owner: Any, epoch: int, number: int) -> Claims:
    """Return the claims of a try: one process runs one, and tests of DAGs run many."""
    for place in [place for place, (kept, _) in _claims.items() if kept() is None]:
        del _claims[place]
    return _claims.setdefault((id(owner), epoch, number), (weakref.ref(owner), Claims()))[1]
