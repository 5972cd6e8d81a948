"""Processes that are forked from this one, which has imported everything, each to run some tests once."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Says which test comes next, and for how many seconds it may run.
Tell = Callable[[str, float], None]
#: What a forked process does; returns whether all tests have passed.
Work = Callable[[Tell], bool]


@dataclass(frozen=True)
class Outcome:
    """How a forked process ended.

    :param passed: whether all tests have passed.
    :param last: the last test that ran.
    :param why: ``failed``, ``time``, ``crash`` or a traceback; ``""`` where all have passed.
    """

    passed: bool
    last: str
    why: str = ""


@dataclass
class _Fork:
    pid: int
    reader: int
    folder: Path
    ends_before: float
    unread: bytes = b""
    last: str = ""
    outcome: Outcome | None = field(default=None)

    def read(self) -> None:
        received = os.read(self.reader, 65536)
        *lines, self.unread = (self.unread + received).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "passed" in message:
                self.outcome = Outcome(message["passed"], self.last, message["why"])
            else:
                self.last, self.ends_before = message["test"], time.monotonic() + message["seconds"]
        if not received and self.outcome is None:
            self.outcome = Outcome(False, self.last, "crash")

    def end(self) -> Outcome:
        """End the process and all that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.reader)
        shutil.rmtree(self.folder, ignore_errors=True)
        return self.outcome or Outcome(False, self.last, "time")


def run_forked(works: Iterator[tuple[Any, Work]], processes: int, *, until: float) -> Iterator[tuple[Any, Outcome]]:
    """Do each work in a process of its own, and yield how it ended.

    :param works: each with a name, that comes back with its outcome.
    :param processes: how many at a time.
    :param until: the time of the monotonic clock after which no other one begins.
    """
    running: dict[int, tuple[Any, _Fork]] = {}
    try:
        while True:
            while len(running) < processes and time.monotonic() < until and (following := next(works, None)):
                forked = _start(following[1])
                running[forked.reader] = following[0], forked
            if not running:
                return
            for reader in select.select(list(running), [], [], 0.2)[0]:
                running[reader][1].read()
            for reader, (name, forked) in list(running.items()):
                if forked.outcome is not None or time.monotonic() > forked.ends_before:
                    del running[reader]
                    yield name, forked.end()
    finally:
        for _, forked in running.values():
            forked.end()


def _start(work: Work) -> _Fork:
    reader, writer = os.pipe()
    folder = Path(tempfile.mkdtemp(prefix="mutant-"))
    pid = os.fork()
    if not pid:
        os.close(reader)
        _work(work, writer, folder)
    os.close(writer)
    # In both processes: either may be the first to need it.
    with contextlib.suppress(PermissionError):
        os.setpgid(pid, pid)
    return _Fork(pid, reader, folder, time.monotonic() + 60)


def _work(work: Work, writer: int, folder: Path) -> None:
    """Do the work in a forked process, which ends with it."""
    passed, why = False, "failed"
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        os.environ["TMPDIR"] = os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.tempdir = str(folder)
        passed = work(lambda test, seconds: _tell(writer, test=test, seconds=seconds))
    except BaseException:
        why = traceback.format_exc()
    finally:
        _tell(writer, passed=passed, why="" if passed else why)
        os._exit(0)


def _tell(writer: int, **message: Any) -> None:
    os.write(writer, json.dumps(message).encode() + b"\n")
