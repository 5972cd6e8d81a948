"""Ends or freezes a task's processes at an exact point of the create operator's work. Runs in the task process."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import signal
from pathlib import Path
from typing import Any

from sora2_provider.operators.sora2 import Sora2CreateVideoOperator


def shared_folder() -> Path:
    """Return the folder through which tests and task processes talk."""
    return Path(os.environ["FAULTS_FOLDER"])


class StruckVideoOperator(Sora2CreateVideoOperator):
    """The create operator, whose process is struck once.

    :param struck_at: the point, see :func:`_point`; ``None`` for a task that is left alone.
    :param strike: ``task``: kill -9 of the task process; ``supervisor``: of its parent, and the task process lives on as
        an orphan; ``freeze``: both are stopped, as on a machine that hangs, until somebody lets them go on.
    """

    def __init__(self, *, struck_at: str | None = None, strike: str = "task", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.struck_at = struck_at
        self.strike = strike

    def execute(self, context):
        self._arm()
        return super().execute(context)

    def resume_execution(self, next_method, next_kwargs, context):
        self._arm()
        return super().resume_execution(next_method, next_kwargs, context)

    def _arm(self) -> None:
        if self.struck_at is not None:
            owner, name, when = _point(self.struck_at)
            function = getattr(owner, name)

            @functools.wraps(function)
            def struck(*args, **kwargs):
                if when == "before":
                    self._strike_once()
                result = function(*args, **kwargs)
                if when == "after":
                    self._strike_once()
                return result

            setattr(owner, name, struck)

    def _strike_once(self) -> None:
        task, supervisor = os.getpid(), os.getppid()
        try:
            with marker_of(shared_folder(), self.prompt).open("x") as marker:
                json.dump({"task": task, "supervisor": supervisor}, marker)
        except FileExistsError:
            return
        for pid, number in {
            "task": [(task, signal.SIGKILL)],
            "supervisor": [(supervisor, signal.SIGKILL)],
            "freeze": [(supervisor, signal.SIGSTOP), (task, signal.SIGSTOP)],
        }[self.strike]:
            os.kill(pid, number)


def marker_of(folder: Path, prompt: str) -> Path:
    """Return the file that tells that the task of this prompt was struck, and which processes it had."""
    return folder / f"struck-{hashlib.sha256(prompt.encode()).hexdigest()[:20]}.json"


def _point(name: str) -> tuple[Any, str, str]:
    """Return the function at which a task is struck, and whether before or after it."""
    from sora2_provider.gateway.client import Sora2Client
    from sora2_provider.operators.create_run import CreateRun
    from sora2_provider.submission.journal import SubmissionJournal

    return {
        "before the intent": (SubmissionJournal, "intend", "before"),
        "after the intent": (SubmissionJournal, "intend", "after"),
        "after the answer, before the store": (SubmissionJournal, "accepted", "before"),
        "after the store, before XCom": (SubmissionJournal, "accepted", "after"),
        "after XCom, before the deferral": (CreateRun, "_defer", "before"),
        "waiting": (Sora2Client, "get_video", "after"),
        "resumed": (CreateRun, "go_on", "before"),
        "delivered, before success": (SubmissionJournal, "delivered", "after"),
    }[name]
