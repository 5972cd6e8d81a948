"""A throw-away Redis on the loopback interface, which can be restarted as a cluster restarts one.

    with RedisServer() as redis, LocalAirflow(..., environment={"AIRFLOW__CELERY__BROKER_URL": redis.url}) as airflow:
        ...
        redis.restart()

Its data lie in a temporary folder, as on a volume of its own: SIGTERM makes it write them there, and the next process
reads them. That is what the Redis of Airflow's Helm chart does when its pod is moved.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from dev.harness import debian
from dev.harness.debian import PackageMissing
from dev.harness.processes import CommandFailed, KeptProcess, free_port, tail, wait_until

_PROGRAM = "redis-server"
_STARTUP_SECONDS = 60.0
_ANSWER_BYTES = 64


class RedisServer:
    """One running Redis. Use it as a context manager."""

    def __init__(self) -> None:
        self.program = find_program() or install()
        self.port = free_port()
        self._as_user = debian.unprivileged()
        self._folder: Path | None = None
        self._server: KeptProcess | None = None

    @property
    def url(self) -> str:
        """The address of its first database, as clients understand it."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def folder(self) -> Path:
        """Where its data are."""
        if self._folder is None:
            raise ValueError("the server is not running")
        return self._folder

    @property
    def log(self) -> str:
        """What it has written to its log since the first start."""
        return (self.folder / "server.log").read_text(errors="replace")

    @property
    def keeper_pid(self) -> int:
        """The process id below which the server is found."""
        if self._server is None:
            raise ValueError("the server is not running")
        return self._server.keeper_pid

    def start(self) -> None:
        """Start it and return when it answers."""
        self._folder = Path(tempfile.mkdtemp(prefix="throw-away-redis-"))
        debian.give_away(self._folder)
        try:
            self._start_process()
        except BaseException:
            self.stop()
            raise

    def restart(self) -> None:
        """End it as a cluster does that moves its pod, with SIGTERM, and start it again on the same data."""
        if self._server is None:
            raise ValueError("the server is not running")
        os.kill(self._server.pid, signal.SIGTERM)
        self._server.wait(60)
        self._server.stop()
        self._start_process()

    def count(self, command: str, key: str) -> int:
        """Return the number that ``LLEN``, ``HLEN`` or another command of one key answers with."""
        answer = self._ask(f"{command} {key}")
        if not answer.startswith(b":"):
            raise ValueError(f"{command} {key} was answered with {answer!r}")
        return int(answer[1:])

    def stop(self) -> None:
        """End the server and remove its data."""
        server, self._server = self._server, None
        folder, self._folder = self._folder, None
        if server is not None:
            server.stop()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start_process(self) -> None:
        # Redis's own defaults otherwise: a snapshot now and then, and one at SIGTERM.
        settings = {"bind": "127.0.0.1", "port": self.port, "dir": self.folder, "daemonize": "no"}
        options = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
        with (self.folder / "server.log").open("ab") as log:
            self._server = KeptProcess(
                [*self._as_user, self.program, *options], environment=os.environ, output=log, cwd=self.folder
            )
        wait_until(self._is_ready, timeout=_STARTUP_SECONDS, what="Redis to answer", every=0.02)

    def _is_ready(self) -> bool:
        if self._server is None or self._server.poll() is not None:
            raise CommandFailed(f"Redis ended at its start:\n{tail(self.log)}")
        try:
            # Otherwise it is still reading its data.
            return self._ask("PING") == b"+PONG"
        except OSError:
            return False

    def _ask(self, command: str) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(command.encode() + b"\r\n")
            answer = b""
            while not answer.endswith(b"\r\n"):
                received = connection.recv(_ANSWER_BYTES)
                if not received:
                    raise ConnectionError(f"Redis ended the connection in mid-answer to {command}")
                answer += received
        return answer.rstrip(b"\r\n")


def find_program() -> str | None:
    """Return the path of the server's program."""
    return shutil.which(_PROGRAM)


def install() -> str:
    """Install Debian's Redis, where that is possible; return the path of its program."""
    debian.install(
        _PROGRAM, missing=f"Redis is needed, and {_PROGRAM} is not on the PATH.", elsewhere="macOS: brew install redis"
    )
    if (program := find_program()) is None:
        raise PackageMissing(f"The package {_PROGRAM} was installed, but its program is not on the PATH.")
    return program
