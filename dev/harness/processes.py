"""Child processes that cannot outlive this one, each of which runs under `supervisor`, and a look at what they started."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Self

import psutil
from psutil import Process

KEEPER = Path(__file__).with_name("supervisor.py")


class CommandFailed(RuntimeError):
    """A command ended with another exit code than 0; the message holds the end of its output."""


class CommandTimedOut(RuntimeError):
    """A command did not end in time and was stopped; the message holds the end of its output."""


@dataclass(frozen=True)
class CommandResult:
    """What a command did: its exit code, and its output with the errors in between."""

    command: tuple[str, ...]
    exit_code: int
    output: str

    def check(self) -> Self:
        """Return this result, or raise `CommandFailed` unless the exit code is 0."""
        if self.exit_code != 0:
            raise CommandFailed(f"{' '.join(self.command)} ended with exit code {self.exit_code}:\n{tail(self.output)}")
        return self


class KeptProcess:
    """A running command that ends with this process, however that ends. Use it as a context manager."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        output: int | IO[bytes],
        cwd: Path,
        grace: float = 10.0,
    ) -> None:
        self.command = tuple(command)
        self._grace = grace
        self._control, keepers_end = socket.socketpair()
        with keepers_end:
            # In a session of its own, so that Ctrl-C in the terminal reaches only this process, which then stops
            # its children in order.
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", str(KEEPER), str(grace), *command],
                stdin=keepers_end.fileno(),
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=cwd,
                start_new_session=True,
            )
        self._pid: int | None = None

    @property
    def pid(self) -> int:
        """The process id of the command itself, which is what a test kills."""
        if self._pid is None:
            self._control.settimeout(10)
            answer = b""
            while not answer.endswith(b"\n"):
                received = self._control.recv(32)
                if not received:
                    raise CommandFailed(f"{self.command[0]} could not be started")
                answer += received
            self._pid = int(answer)
        return self._pid

    @property
    def keeper_pid(self) -> int:
        """The process id of the keeper; all that the command has started is below it, orphans too."""
        return self._keeper.pid

    @property
    def output(self) -> IO[bytes]:
        """The reading end of the output, when it was asked for by ``subprocess.PIPE``."""
        if self._keeper.stdout is None:
            raise ValueError("the output of this process goes elsewhere")
        return self._keeper.stdout

    def poll(self) -> int | None:
        """Return the exit code, None while the command runs."""
        return self._keeper.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end of the command and all that it started; return the exit code."""
        return self._keeper.wait(timeout)

    def request_stop(self) -> None:
        """Have it stopped, and do not wait: SIGTERM now, SIGKILL when the grace period is over."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)

    def stop(self) -> int:
        """Stop it and wait until nothing of it runs; return the exit code."""
        self.request_stop()
        try:
            return self._keeper.wait(self._grace + 10)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            return self._keeper.wait()
        finally:
            self._control.close()
            if self._keeper.stdout is not None:
                self._keeper.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def run_command(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    cwd: Path,
    timeout: float = 300.0,
    on_line: Callable[[str], None] | None = None,
) -> CommandResult:
    """Run a command to its end. Each line of its output is passed to ``on_line`` as soon as it is there."""
    deadline = time.monotonic() + timeout
    lines: list[str] = []
    with KeptProcess(command, environment=environment, output=subprocess.PIPE, cwd=cwd) as process:
        try:
            for line in _lines_until(process.output, deadline):
                lines.append(line)
                if on_line is not None:
                    on_line(line.rstrip("\n"))
            exit_code = process.wait(max(0.0, deadline - time.monotonic()))
        except (TimeoutError, subprocess.TimeoutExpired):
            message = f"{' '.join(command)} did not end within {timeout:.0f} s:\n{tail(''.join(lines))}"
            raise CommandTimedOut(message) from None
    return CommandResult(tuple(command), exit_code, "".join(lines))


def _lines_until(stream: IO[bytes], deadline: float) -> Iterator[str]:
    """Yield lines until the stream ends; raise TimeoutError when the deadline comes first."""
    unfinished = b""
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    while poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        received = os.read(stream.fileno(), 65536)
        *whole, unfinished = (unfinished + received).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace") + "\n"
        if not received:
            if unfinished:
                yield unfinished.decode(errors="replace")
            return
    raise TimeoutError


def living(processes: Iterable[Process]) -> set[Process]:
    """Return those that still run. A zombie does not, nor does another process that has got the id of an ended one."""
    found = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                found.add(process)
    return found


def descendants(pid: int) -> set[Process]:
    """Return the living processes below one, however deep."""
    try:
        return living(Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return set()


def tail(text: str, lines: int = 30) -> str:
    """Return the last lines of a text."""
    return "\n".join(text.rstrip().splitlines()[-lines:])


def stop_cleanly_on_signals() -> None:
    """Make SIGTERM and Ctrl-C end this program like an error does, so that every ``with`` block cleans up behind itself.

    A second Ctrl-C is ignored: what is being stopped must not be left running.
    """

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print("\nStopping, which can take 10 s ...", flush=True)
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


def timed_teller() -> Callable[[str], None]:
    """Return a function that prints a message behind the seconds that have passed."""
    started = time.monotonic()
    return lambda message: print(f"{time.monotonic() - started:5.1f} s  {message}", flush=True)


def wait_until(condition: Callable[[], bool], *, timeout: float, what: str, every: float = 0.1) -> None:
    """Return as soon as the condition holds; raise TimeoutError, which says what was waited for, when it never does."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            raise TimeoutError(f"waited {timeout:.0f} s in vain for {what}")
        time.sleep(every)


def free_port(preferred: int = 0) -> int:
    """Return the preferred port of the loopback interface if it is free, else another one that is."""
    for port in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise OSError("no port of the loopback interface is free")
