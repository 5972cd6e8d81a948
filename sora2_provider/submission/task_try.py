"""One try of a task instance, as far as its submissions depend on it."""

from __future__ import annotations

import datetime
import threading
import time
import weakref
from dataclasses import dataclass, field
from typing import Any

from sora2_provider.compat import BaseOperator, Context, conf
from sora2_provider.submission.record import Record, RunIdentity
from sora2_provider.submission.signals import StopNotice


class Claims:
    """What the creates of one try share: which of the task instance's records it has had a hand in, by their numbers.

    :ivar held: of the creates that the try has begun, each by its journal.
    :ivar asked: the digest of the request that went by each.
    :ivar done: of those whose video it has delivered.
    :ivar tokens: of the intents that it has written.
    :ivar noted: the tokens of the records that it has noted something in.
    :ivar began: when the try began, in seconds since the epoch.
    :ivar stop: whether it was told to stop: code that goes on all the same pays for no further create.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.held: dict[object, int] = {}
        self.asked: dict[int, str] = {}
        self.done: set[int] = set()
        self.tokens: set[str] = set()
        self.noted: set[str] = set()
        self.began = time.time()
        self.stop = StopNotice()

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

        Where the deployments are not named, a run that is cleared, or set to queued by a person, starts anew, so its start
        alone does not tell. But the tries of one task instance, and the clears of its run, are counted on.
        """
        if self.is_of_another_deployment(record):
            return False
        if record.token in self.claims.noted:
            return True
        if None in (record.run_started, self.run.started) or record.run_started == self.run.started:
            return True
        return record.try_number < self.number and record.run_clears <= self.run.clears

    def is_of_another_deployment(self, record: Record) -> bool:
        """Whether a record says so by its name."""
        return self.run.deployment != record.deployment and "" not in (self.run.deployment, record.deployment)

    def is_overtaken_by(self, record: Record) -> bool:
        """Whether a later try has written a record since this one began: Airflow has given this process up.

        A run that was deleted and made again counts its tries anew, and finds an old record. A later try of another
        deployment without a name looks the same as one of this run that was started anew: to stand back costs nothing.
        """
        if self.is_of_another_deployment(record):
            return False
        return record.try_number > self.number and record.noted_at >= self.claims.began

    def goes_beside(self, record: Record) -> bool:
        """Whether a record is of another create of this try, in another thread, or of another deployment."""
        mine = record.token in self.claims.tokens
        return mine or not (self.may_own(record) or self.is_overtaken_by(record))

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
        return RunIdentity(deployment=deployment_name())
    clears = int(getattr(run, "clear_number", 0) or 0)
    return RunIdentity(started.astimezone(datetime.UTC).isoformat(), clears, deployment_name())


def deployment_name() -> str:
    """Return the option ``[sora2] deployment``."""
    return str(conf.get("sora2", "deployment", fallback="")).strip()


_claims: dict[tuple[int, int, int], tuple[weakref.ref[Any], Claims]] = {}


def _claims_of(owner: Any, epoch: int, number: int) -> Claims:
    """Return the claims of a try: one process runs one, and tests of DAGs run many."""
    for place in [place for place, (kept, _) in _claims.items() if kept() is None]:
        del _claims[place]
    return _claims.setdefault((id(owner), epoch, number), (weakref.ref(owner), Claims()))[1]
