"""Throw-away servers on the loopback interface: PostgreSQL, and a Redis that can be restarted on its data.

    with Postgres() as postgres, LocalAirflow(..., environment=postgres.airflow_environment) as airflow:
        ...

The programs are Debian's. Each server's files lie in a temporary folder, its processes end with this one even after a
``kill -9``, and it runs as an ordinary user when this process is root. No library does all of that: what pytest-postgresql,
pytest-redis and pgserver start outlives a ``kill -9``, and pytest-postgresql cannot be used by root.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from dev.harness.processes import CommandFailed, KeptProcess, free_port, run_command, tail, wait_until

_INSTALL_SECONDS = 600.0
_STARTUP_SECONDS = 60.0

#: Whom the servers run as when this process is root.
_ORDINARY_USER = "nobody"


class PackageMissing(RuntimeError):
    """A program is not installed here, and cannot be; the message says what to do."""


@dataclass(frozen=True)
class Package:
    """One of Debian's packages, needed for a program.

    :param name: of the package.
    :param programs: the names that the program has on one system or another.
    :param elsewhere: how to install it on other systems.
    :param places: where Debian keeps the program if not on the PATH: a pattern in which the folder above ``bin`` is a version.
    """

    name: str
    programs: tuple[str, ...]
    elsewhere: str
    places: str = ""

    def find(self, root: Path = Path("/")) -> Path | None:
        """Return the program's path; the newest one where the package has several; None if there is none."""
        for program in self.programs:
            if (on_path := shutil.which(program)) is not None:
                return Path(on_path).resolve()
        places = root.glob(self.places) if self.places else ()
        return max(places, key=lambda place: float(place.parts[-3]), default=None)

    def program(self) -> Path:
        """Return the program's path. If it is missing, root on Debian gets it installed.

        :raises PackageMissing: that is not possible.
        """
        return self.find() or self._installed()

    def _installed(self) -> Path:
        apt = shutil.which("apt-get")
        if apt is None or os.geteuid() != 0:
            raise PackageMissing(
                f"{self.programs[0]} is needed, and was not found. Install it (Debian and Ubuntu: apt-get install "
                f"{self.name}; {self.elsewhere}), then try again."
            )
        print(f"Installing Debian's package {self.name}", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", self.name]):
            run_command([apt, *arguments], environment=environment, cwd=Path("/"), timeout=_INSTALL_SECONDS).check()
        if (found := self.find()) is None:
            raise PackageMissing(f"The package {self.name} was installed, but {self.programs[0]} was not found.")
        return found


POSTGRESQL = Package(
    "postgresql", ("initdb",), "macOS: brew install postgresql", places="usr/lib/postgresql/*/bin/initdb"
)
REDIS = Package("redis-server", ("redis-server",), "macOS: brew install redis")


class Server(ABC):
    """One running server. Use it as a context manager."""

    package: ClassVar[Package]
    stop_signal: ClassVar[signal.Signals]

    def __init__(self) -> None:
        self.programs = self.package.program().parent
        self.port = free_port()
        self._folder: Path | None = None
        self._server: KeptProcess | None = None

    @property
    def folder(self) -> Path:
        """Where all its files are."""
        if self._folder is None:
            raise ValueError("the server is not running")
        return self._folder

    @property
    def log(self) -> str:
        """What it has written to its log since the first start."""
        return (self.folder / "server.log").read_text(errors="replace")

    @property
    def process(self) -> KeptProcess:
        """The process of the server; all of it is found below the process's keeper."""
        if self._server is None:
            raise ValueError("the server is not running")
        return self._server

    def start(self) -> None:
        """Start it and return when it answers."""
        self._folder = Path(tempfile.mkdtemp(prefix=f"throw-away-{self.package.name}-"))
        try:
            if os.geteuid() == 0:
                shutil.chown(self._folder, _ORDINARY_USER)
            self._prepare()
            self._start_process()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server and remove its data."""
        server, self._server = self._server, None
        folder, self._folder = self._folder, None
        if server is not None:
            if server.poll() is None:
                with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                    os.kill(server.pid, self.stop_signal)
                    server.wait(10)
            server.stop()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _start_process(self) -> None:
        """Start the server's process on the data that there are, and return when it answers."""
        with (self.folder / "server.log").open("ab") as log:
            self._server = KeptProcess(
                self._command(*self._arguments()), environment=os.environ, output=log, cwd=self.folder
            )

        def answers() -> bool:
            if self.process.poll() is not None:
                raise CommandFailed(f"{self.package.name} ended at its start:\n{tail(self.log)}")
            try:
                return self._is_ready()
            except subprocess.CalledProcessError:
                return False

        wait_until(answers, timeout=_STARTUP_SECONDS, what=f"{self.package.name} to answer")

    def _command(self, program: str, *arguments: str) -> list[str]:
        """Return the command that runs one of the package's programs as an ordinary user."""
        return [*_as_ordinary_user(), str(self.programs / program), *arguments]

    def _run_client(self, program: str, *arguments: str) -> str:
        """Run one of the package's client programs; return its output. Raises CalledProcessError if it fails."""
        command = [str(self.programs / program), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout

    def _prepare(self) -> None:  # noqa: B027 (a hook)
        """Make what the server needs in its folder before its first start."""

    @abstractmethod
    def _arguments(self) -> Sequence[str]:
        """Return the name of the server's program and its arguments."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """Return whether the server answers."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Postgres(Server):
    """PostgreSQL. Its data do not survive a crash of the machine (``fsync=off``), and anybody on this machine may log in."""

    package = POSTGRESQL
    #: SIGTERM would have it wait for its clients to leave.
    stop_signal = signal.SIGINT

    user = "airflow"
    settings: ClassVar[dict[str, str]] = {
        "listen_addresses": "127.0.0.1",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_connections": "200",
        # Short queries only, for which a compiler costs more than it gives.
        "jit": "off",
    }

    @property
    def url(self) -> str:
        """The address of the database, as libpq understands it."""
        return f"postgresql://{self.user}@127.0.0.1:{self.port}/postgres"

    @property
    def airflow_environment(self) -> dict[str, str]:
        """The variables that make Airflow use this database."""
        # No password: the server trusts everybody who reaches the loopback interface.
        without_driver = self.url.removeprefix("postgresql")
        return {
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2{without_driver}",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+asyncpg{without_driver}",
        }

    def dump(self) -> str:
        """Return all that is in the database, as SQL."""
        return self._run_client("pg_dump", "--dbname", self.url)

    def _prepare(self) -> None:
        make = ["initdb", "--auth=trust", f"--username={self.user}", "--encoding=UTF8", "--no-locale", "--no-sync"]
        command = self._command(*make, "-D", str(self.folder / "data"))
        run_command(command, environment=os.environ, cwd=self.folder, timeout=120).check()

    def _arguments(self) -> Sequence[str]:
        settings = {**self.settings, "port": self.port, "unix_socket_directories": self.folder}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return ["postgres", "-D", str(self.folder / "data"), *options]

    def _is_ready(self) -> bool:
        return bool(self._run_client("pg_isready", "--dbname", self.url))


class RedisServer(Server):
    """Redis, which can be restarted as a cluster restarts one: on the same data, as the one of Airflow's Helm chart."""

    package = REDIS
    #: It writes its data to the folder then.
    stop_signal = signal.SIGTERM

    @property
    def url(self) -> str:
        """The address of its first database, as clients understand it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def restart(self) -> None:
        """End it as a cluster does that moves its pod, with SIGTERM, and start it again on the same data."""
        os.kill(self.process.pid, self.stop_signal)
        self.process.wait(60)
        self.process.stop()
        self._start_process()

    def ask(self, *command: str) -> str:
        """Return what Redis answers to a command."""
        return self._run_client("redis-cli", "-h", "127.0.0.1", "-p", str(self.port), *command).strip()

    def _arguments(self) -> Sequence[str]:
        # Redis's own defaults otherwise: a snapshot now and then, and one at SIGTERM.
        settings = {"bind": "127.0.0.1", "port": self.port, "dir": self.folder, "daemonize": "no"}
        return ["redis-server", *(part for name, value in settings.items() for part in (f"--{name}", str(value)))]

    def _is_ready(self) -> bool:
        # While it reads its data, it says something else.
        return self.ask("PING") == "PONG"


def _as_ordinary_user() -> list[str]:
    """Return what a command begins with to run as somebody other than root; nothing for other users."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise PackageMissing("No server runs as root here, and setpriv is missing: try as another user.")
    user = pwd.getpwnam(_ORDINARY_USER)
    # Another user's process forgets that it shall die with its parent: say it again.
    return [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig=KILL", "--"]
