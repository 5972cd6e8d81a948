"""A throw-away PostgreSQL on the loopback interface: its data lie in a temporary folder, and nothing is left behind.

    with Postgres() as postgres, LocalAirflow(..., environment=postgres.airflow_environment) as airflow:
        ...

It keeps no promise about the data should the machine crash (``fsync=off``), and anybody on this machine may log in.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from dev.harness import debian
from dev.harness.debian import PackageMissing
from dev.harness.processes import CommandFailed, KeptProcess, free_port, run_command, tail, wait_until

USER = "airflow"
DATABASE = "postgres"

#: Where Debian keeps the programs; only some of them are on its PATH.
_DEBIANS_PLACES = "usr/lib/postgresql/*/bin/initdb"
_STARTUP_SECONDS = 60.0


class Postgres:
    """One running PostgreSQL. Use it as a context manager."""

    def __init__(self) -> None:
        self.programs = find_programs() or install()
        self.port = free_port()
        # It refuses to run as root.
        self._as_user = debian.unprivileged()
        self._folder: Path | None = None
        self._server: KeptProcess | None = None

    @property
    def url(self) -> str:
        """The address of the database, as libpq understands it."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def airflow_environment(self) -> dict[str, str]:
        """The variables that make Airflow use this database."""
        # No password: the server trusts everybody who reaches the loopback interface.
        without_driver = self.url.removeprefix("postgresql")
        return {
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2{without_driver}",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+asyncpg{without_driver}",
        }

    @property
    def folder(self) -> Path:
        """Where all its files are."""
        if self._folder is None:
            raise ValueError("the server is not running")
        return self._folder

    @property
    def keeper_pid(self) -> int:
        """The process id below which the whole server is found."""
        if self._server is None:
            raise ValueError("the server is not running")
        return self._server.keeper_pid

    def dump(self) -> str:
        """Return all that is in the database, as SQL."""
        command = [str(self.programs / "pg_dump"), "--dbname", self.url]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout

    def start(self) -> None:
        """Make the database and return when the server answers."""
        self._folder = Path(tempfile.mkdtemp(prefix="throw-away-postgres-"))
        try:
            self._start_in(self._folder)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server and remove its data."""
        server, self._server = self._server, None
        folder, self._folder = self._folder, None
        if server is not None:
            # SIGTERM, which the keeper sends, would have the server wait for its clients to leave.
            if server.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(server.pid, signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    server.wait(10)
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

    def _start_in(self, folder: Path) -> None:
        data = folder / "data"
        data.mkdir(mode=0o700)
        debian.give_away(folder, data)
        make = ["initdb", "--auth=trust", f"--username={USER}", "--encoding=UTF8", "--no-locale", "--no-sync"]
        run_command(self._command(*make, "-D", str(data)), environment=os.environ, cwd=folder, timeout=120).check()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": folder,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": 200,
            # Short queries only, for which a compiler costs more than it gives.
            "jit": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (folder / "server.log").open("wb") as log:
            self._server = KeptProcess(
                self._command("postgres", "-D", str(data), *options), environment=os.environ, output=log, cwd=folder
            )
        wait_until(self._is_ready, timeout=_STARTUP_SECONDS, what="PostgreSQL to answer")

    def _is_ready(self) -> bool:
        if self._server is None or self._server.poll() is not None:
            log = self.folder / "server.log"
            raise CommandFailed(f"PostgreSQL ended at its start:\n{tail(log.read_text(errors='replace'))}")
        ask = [str(self.programs / "pg_isready"), "--quiet", "--dbname", self.url]
        return subprocess.run(ask, check=False, timeout=30).returncode == 0

    def _command(self, program: str, *arguments: str) -> list[str]:
        return [*self._as_user, str(self.programs / program), *arguments]


def find_programs(root: Path = Path("/")) -> Path | None:
    """Return the folder with initdb, postgres and pg_dump; the newest one where there are several."""
    if (found := shutil.which("initdb")) is not None:
        # Its siblings need not be on the PATH.
        return Path(found).resolve().parent
    places = sorted(root.glob(_DEBIANS_PLACES), key=lambda place: float(place.parts[-3]))
    return places[-1].parent if places else None


def install() -> Path:
    """Install Debian's PostgreSQL, where that is possible; return the folder with its programs."""
    debian.install(
        "postgresql",
        missing="PostgreSQL is needed, and initdb is neither on the PATH nor in /usr/lib/postgresql.",
        elsewhere="macOS: brew install postgresql",
    )
    if (programs := find_programs()) is None:
        raise PackageMissing("The package postgresql was installed, but initdb is not in /usr/lib/postgresql.")
    return programs
