"""A throw-away Airflow on this machine: one command, one DAG run, or all components, and nothing left behind.

    with LocalAirflow(dags_folder=Path("example_dags"), connection=emulator.connection()) as airflow:
        result = airflow.dags_test("sora2_image_to_video", conf={"image_url": url})

It runs the Airflow of a virtual environment, by default the one this script runs in, as processes of their own and
imports nothing of it. Everything listens on 127.0.0.1 only.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from dev.harness.environment import HomeSecrets, Installation, hermetic_environment
from dev.harness.home import DATABASE, AirflowHome, keep_database, restore_database
from dev.harness.processes import CommandResult, KeptProcess, descendants, free_port, run_command, tail, wait_until
from dev.harness.rest import AirflowRest

ADMIN = "admin"

#: The option that makes people log in on Airflow 3, and the value that does: users, roles and permissions per DAG. It
#: needs the package apache-airflow-providers-fab.
AUTH_MANAGER = "AIRFLOW__CORE__AUTH_MANAGER"
FAB_AUTH_MANAGER = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"

COMPONENTS_OF_2 = {
    "webserver": ["webserver"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
COMPONENTS_OF_3 = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}


class ComponentDied(RuntimeError):
    """A component ended by itself; the message names it and holds the end of its log."""


class LocalAirflow(AirflowHome):
    """One AIRFLOW_HOME and the processes that work on it. Use it as a context manager.

    Without ``home`` it makes a temporary one and removes it at the end. ``connection`` is what goes into
    ``AIRFLOW_CONN_SORA2_DEFAULT``. ``environment`` is added last: configuration options, other connections, another
    database. ``port`` is asked for first and used if it is free. ``python`` is the virtual environment's.
    ``more_components`` are started beside the usual ones, by name: the arguments of ``airflow``.
    """

    def __init__(
        self,
        *,
        dags_folder: Path,
        connection: str | None = None,
        home: Path | None = None,
        environment: Mapping[str, str] | None = None,
        port: int = 0,
        python: Path | None = None,
        more_components: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.installation = Installation.of(python or Path(sys.executable))
        self._home_is_temporary = home is None
        super().__init__((home or Path(tempfile.mkdtemp(prefix="local-airflow-"))).absolute())
        self.home.mkdir(parents=True, exist_ok=True)
        self.port = free_port(port)
        self.environment = hermetic_environment(
            self.installation,
            home=self.home,
            dags_folder=dags_folder.absolute(),
            port=self.port,
            connection=connection,
            overrides=environment or {},
        )
        self.database = self.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
        usual = COMPONENTS_OF_2 if self.installation.is_airflow_2 else COMPONENTS_OF_3
        self._arguments: dict[str, Sequence[str]] = {**usual, **(more_components or {})}
        self.components: dict[str, KeptProcess] = {}
        self._is_migrated = False

    @property
    def url(self) -> str:
        """The address of the web interface."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def has_users(self) -> bool:
        """Whether people log in. Airflow 3 lets everybody on this machine in, unless it was told to use FAB's users."""
        return self.installation.is_airflow_2 or self.environment.get(AUTH_MANAGER) == FAB_AUTH_MANAGER

    @property
    def admin_password(self) -> str:
        """The password of the user ``admin``, where people log in."""
        return HomeSecrets.of_home(self.home).admin_password

    @property
    def rest(self) -> AirflowRest:
        """The REST API of the running components."""
        return AirflowRest(
            self.url,
            is_airflow_2=self.installation.is_airflow_2,
            user=ADMIN,
            password=self.admin_password,
            has_users=self.has_users,
        )

    def run(
        self, *arguments: str, timeout: float = 300.0, on_line: Callable[[str], None] | None = None
    ) -> CommandResult:
        """Run ``airflow ARGUMENTS`` to its end."""
        return run_command(
            self._command(arguments),
            environment=self.environment,
            cwd=self.home,
            timeout=timeout,
            on_line=on_line,
        )

    def migrate(self) -> None:
        """Make the database; a copy of an earlier one of the same installation serves as well."""
        if self._is_migrated:
            return
        has_own = self.database == AirflowHome(self.home).database
        is_new = has_own and not (self.home / DATABASE).exists()
        if not (is_new and restore_database(self.installation, self.home)):
            self.run("db", "migrate").check()
            if is_new:
                keep_database(self.installation, self.home)
        self._is_migrated = True

    def create_admin(self) -> None:
        """Make the user ``admin``, unless there is one, where people log in."""
        if not self.has_users:
            return
        person = ["--firstname", "Local", "--lastname", "Admin", "--email", "admin@localhost.invalid"]
        self.run(
            *["users", "create", "--role", "Admin", "--username", ADMIN],
            # In one word: a password may begin with a hyphen.
            *[f"--password={self.admin_password}", *person],
        ).check()

    def dags_test(
        self,
        dag_id: str,
        *,
        conf: Mapping[str, Any] | None = None,
        timeout: float = 300.0,
        on_line: Callable[[str], None] | None = None,
    ) -> CommandResult:
        """Run a DAG to its end in one process; deferred tasks run their triggers there too."""
        self.migrate()
        arguments = ["dags", "test", dag_id]
        if conf is not None:
            arguments += ["--conf", json.dumps(conf)]
        return self.run(*arguments, timeout=timeout, on_line=on_line)

    def start(self, *, timeout: float = 180.0, on_progress: Callable[[str], None] | None = None) -> None:
        """Start all components and return when each of them reports that it is healthy."""
        self.migrate()
        self.create_admin()
        try:
            for name in self._arguments:
                self.start_component(name)
            self._wait_until_healthy(timeout, on_progress)
        except BaseException:
            self.stop()
            raise

    def start_web(self, *, timeout: float = 120.0) -> None:
        """Start the web interface alone, which runs no DAGs, and return when it answers."""
        self.migrate()
        is_2 = self.installation.is_airflow_2
        if is_2:
            self.create_admin()
        try:
            self.start_component("webserver" if is_2 else "api-server")
            self.wait_until(lambda: bool(self.rest.health()), timeout=timeout, what="the web interface to answer")
        except BaseException:
            self.stop()
            raise

    def start_component(self, name: str) -> None:
        """Start one component, anew if it was killed, and do not wait; its log goes on where it ended."""
        with self.component_log(name).open("ab") as log:
            self.components[name] = KeptProcess(
                self._command(self._arguments[name]), environment=self.environment, output=log, cwd=self.home
            )

    def kill_component(self, name: str) -> None:
        """End one component as ``kill -9`` does, and return when nothing that it has started is left."""
        process = self.components.pop(name)
        os.kill(process.pid, signal.SIGKILL)
        self._reap(process)

    def kill_container(self, name: str) -> None:
        """End one component and all that it has started, at once, as when its container is killed (Linux only)."""
        process = self.components.pop(name)
        for pid in [process.pid, *(each.pid for each in descendants(process.pid))]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._reap(process)

    def stop(self) -> None:
        """Stop all components, and return when no process of theirs is left."""
        for process in self.components.values():
            process.request_stop()
        for process in self.components.values():
            process.stop()
        self.components.clear()

    def check_components(self) -> None:
        """Raise `ComponentDied` if a component has ended by itself."""
        for name, process in self.components.items():
            if (exit_code := process.poll()) is not None:
                log = tail(self.component_log(name).read_text(errors="replace"))
                raise ComponentDied(f"Airflow's {name} ended with exit code {exit_code}. The end of its log:\n{log}")

    def wait_until(self, condition: Callable[[], bool], *, timeout: float, what: str, every: float = 1) -> None:
        """Return as soon as the condition holds; raise at once when a component has ended by itself."""

        def holds() -> bool:
            self.check_components()
            return condition()

        wait_until(holds, timeout=timeout, what=what, every=every)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            if self._home_is_temporary:
                shutil.rmtree(self.home, ignore_errors=True)

    def _command(self, arguments: Sequence[str]) -> list[str]:
        # -P: what lies in the working directory must not shadow a module.
        return [str(self.installation.python), "-P", "-m", "airflow", *arguments]

    def _reap(self, process: KeptProcess) -> None:
        process.wait(60)
        process.stop()

    def _wait_until_healthy(self, timeout: float, on_progress: Callable[[str], None] | None) -> None:
        rest = self.rest
        expected = {"metadatabase", "scheduler", "triggerer"}
        if not self.installation.is_airflow_2:
            expected.add("dag_processor")
        seen: set[str] = set()

        def all_healthy() -> bool:
            self.check_components()
            healthy = {name for name, status in rest.health().items() if status == "healthy"} & expected
            if on_progress is not None:
                for name in sorted(healthy - seen):
                    on_progress(name)
            seen.update(healthy)
            return healthy == expected

        wait_until(all_healthy, timeout=timeout, what="all of Airflow's components to be healthy", every=0.25)
