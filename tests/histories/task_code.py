"""What a task's code does with the create operator: it is it, runs it in a loop, or is a subclass that executes twice."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from sora2_provider.compat import BaseOperator
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from tests.histories.books import Create
from tests.histories.processes import Process

CODES = ("is the operator", "loop", "loop with ids", "subclass")
#: What the code does about an error of one create: end, go on with the next one, or call it again first.
MANNERS = ("ends", "goes on", "repeats")


class NoKill:
    """A task of other kinds: Airflow's ``on_kill`` of it knows of no create."""

    def on_kill(self) -> None:
        """Do nothing."""


def make(task_id: str, request: tuple[str, str], options: dict[str, Any]) -> Sora2CreateVideoOperator:
    prompt, conn_id = request
    return Sora2CreateVideoOperator(task_id=task_id, prompt=prompt, sora2_conn_id=conn_id, **options)


def execute(operator: Any, context: dict[str, Any]) -> Any:
    # Airflow warns, or refuses, when execute is called by anybody else.
    return inspect.unwrap(Sora2CreateVideoOperator.execute)(operator, context)


class TaskCode:
    """The code of a task.

    :param kind: one of :data:`CODES`.
    :param manner: one of :data:`MANNERS`.
    """

    def __init__(self, kind: str = "is the operator", manner: str = "ends") -> None:
        self.kind, self.manner = kind, manner
        self.is_itself = kind in ("is the operator", "subclass")
        self.creates_one = kind == "is the operator"

    def __repr__(self) -> str:
        return f"{self.kind}, {self.manner}"

    def want(self, row: int, request: tuple[str, str]) -> tuple[str, Any]:
        """Return the key of one of its creates, which is its own task id, and the request as the gateway gets it."""
        key = "" if self.is_itself else (f"film_{row}" if self.kind == "loop with ids" else "film")
        prompt, conn_id = request
        return key, (VideoRequest(prompt).to_json(), conn_id)

    def body(
        self, requests: list[tuple[str, str]], options: dict[str, Any]
    ) -> tuple[Any, Callable[[Process, dict[str, Any]], Any]]:
        """Return the task's operator, and what a process does with a context."""
        itself = make("create", requests[0], options) if self.is_itself else None
        task = itself or BaseOperator(task_id="create")

        def film(row: int, request: tuple[str, str]) -> Any:
            return itself or make(self.want(row, request)[0], request, options)

        return itself or NoKill(), lambda process, context: self._run(
            process, {**context, "task": task}, requests, film
        )

    def _run(self, process: Process, context: dict[str, Any], requests: list[tuple[str, str]], film: Any) -> list[Any]:
        made, failed = [], []
        for row, request in enumerate(requests):
            operator = film(row, request)
            for _ in range(2 if self.manner == "repeats" else 1):
                try:
                    made.append(self._create(process, context, row, operator, request))
                    break
                except Exception as error:
                    if self.manner == "ends":
                        raise
                    process.task.judge.hears(process, str(error), failure=True)
                    last = error
            else:
                failed.append(last)
        if failed:
            raise failed[0]
        return made

    def _create(
        self, process: Process, context: dict[str, Any], row: int, operator: Any, request: tuple[str, str]
    ) -> Any:
        operator.prompt, operator.sora2_conn_id = request
        judge, (key, asked) = process.task.judge, self.want(row, request)
        create = Create(row, key, asked)
        judge.begins(process, create)
        video_id = execute(operator, context)
        judge.returns(process, create, video_id)
        return video_id
