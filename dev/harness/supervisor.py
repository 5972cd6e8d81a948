"""Run one command and see to it that nothing of it outlives the process that asked for it.

Usage: ``python -I supervisor.py GRACE_SECONDS COMMAND...`` with one end of a socket pair as standard input.

The keeper is a process of its own because only then it survives a ``kill -9`` of its owner. It notices the end of
the owner by the end of the socket, whichever thread started it and on every system; on Linux it also adopts the
orphans among its descendants, so that a task process whose parent has died is still found. It talks little: it
writes the command's process id and a newline to the socket, and takes any byte (or the end) as the order to stop.

Stopping is SIGTERM to the command's process group, then SIGKILL to every descendant after the grace period. The
exit code is the command's, or 128 plus the signal that ended it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

#: What is left when the command has ended by itself gets this long to end too.
LEFTOVER_GRACE_SECONDS = 2.0

#: The owner is looked up this often, should the socket have been inherited by a process that lives on.
OWNER_CHECK_SECONDS = 1.0


def main(grace: float, command: list[str]) -> int:
    """Run the command to its end or to the order to stop; return its exit code."""
    owner = os.getppid()
    # Orphaned descendants become children of this process instead of the system's first one.
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    wake_up = install_signal_handlers()
    command_input = os.open(os.devnull, os.O_RDONLY)
    try:
        # No thread runs here, so that preexec_fn is safe.
        child = subprocess.Popen(command, stdin=command_input, start_new_session=True, preexec_fn=die_with_parent)
    except OSError as error:
        print(f"cannot run {command[0]}: {error}", file=sys.stderr)
        return 127
    with contextlib.suppress(OSError):
        os.write(0, b"%d\n" % child.pid)

    kill_at: float | None = None
    status: int | None = None
    listening = [0, wake_up]
    while status is None:
        readable, _, _ = select.select(listening, [], [], OWNER_CHECK_SECONDS)
        stop = os.getppid() != owner
        if wake_up in readable:
            # SIGCHLD only wakes this loop up; the others are an order.
            stop |= any(number != signal.SIGCHLD for number in os.read(wake_up, 512))
        if 0 in readable:
            listening = [wake_up]
            stop = True
        if stop and kill_at is None:
            kill_at = time.monotonic() + grace
            send(signal.SIGTERM, group=child.pid)
        if kill_at is not None and time.monotonic() >= kill_at:
            break
        for pid, ended in reap():
            if pid == child.pid:
                status = ended

    leftover_grace = 0.0 if status is None else LEFTOVER_GRACE_SECONDS
    for pid, ended in end_descendants(child.pid, leftover_grace):
        if pid == child.pid:
            status = ended
    code = os.waitstatus_to_exitcode(status) if status is not None else -signal.SIGKILL
    return code if code >= 0 else 128 - code


def end_descendants(group: int, grace: float) -> Iterator[tuple[int, int]]:
    """End whatever is left, politely at first; yield what was reaped."""
    kill_at = time.monotonic() + grace
    if grace > 0:
        for pid in descendants():
            send(signal.SIGTERM, pid=pid)
    while True:
        yield from reap()
        alive = descendants()
        if not alive:
            return
        if time.monotonic() >= kill_at:
            send(signal.SIGKILL, group=group)
            for pid in alive:
                send(signal.SIGKILL, pid=pid)
        time.sleep(0.02)


def reap() -> Iterator[tuple[int, int]]:
    """Yield (process id, wait status) of every child, own or adopted, that has ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, status


def descendants() -> list[int]:
    """Return the living children of this process and theirs, however deep."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                found.append(process.pid)
    return found


def send(number: int, *, pid: int = 0, group: int = 0) -> None:
    """Send a signal to a process or to a group, if there is still one of ours."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number) if group else os.kill(pid, number)


def install_signal_handlers() -> int:
    """Turn signals into bytes on a pipe; return its reading end."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return reading


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process on Linux; do nothing elsewhere."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def die_with_parent() -> None:
    """Have this new process killed should the keeper itself be killed."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    os._exit(main(float(sys.argv[1]), sys.argv[2:]))
