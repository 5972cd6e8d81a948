"""A whole Airflow with users of its own, with videos of all outcomes in it, and a gateway."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests

from dev.harness.airflow import AUTH_MANAGER, FAB_AUTH_MANAGER, LocalAirflow
from dev.harness.airflow_on_postgres import whole_airflow
from dev.harness.processes import KeptProcess, free_port, wait_until
from sora2_provider.emulator import Emulator
from tests.system.approval_run import DAG_ID, EXAMPLE
from tests.ui import archive, films

DAGS = Path(__file__).with_name("dags")
RUN_AT_ONCE = ("ui_archive", "ui_films", "ui_secret")

#: Sees everything.
ADMIN = "admin"
#: Sees the DAG ui_films and no other.
CREW = "crew"
#: May log in, and see nothing.
GUEST = "guest"
PASSWORD = "only-on-this-machine"

#: What a role needs besides the DAG: to see that there is a page, and what the page reads.
READS = ("Website", "Plugins", "DAG Runs", "Task Instances", "XComs", "Task Logs")

WORKERS = 4


@dataclass(frozen=True)
class World:
    airflow: LocalAirflow
    emulator: Emulator
    films_run: str
    secret_run: str
    archived: int
    """How many videos the DAG ui_archive has."""

    def password(self, user: str) -> str:
        return self.airflow.admin_password if user == ADMIN else PASSWORD


@contextlib.contextmanager
def ui_world(home: Path) -> Iterator[World]:
    """Start everything; yield it when all videos have come to their ends, but for those that never will."""
    dags_folder = home / "dags"
    shutil.copytree(DAGS, dags_folder)
    shutil.copy(EXAMPLE, dags_folder)
    with (
        Emulator(balance=None) as emulator,
        whole_airflow(
            dags_folder=dags_folder,
            home=home,
            connection=emulator.connection(),
            dag_ids={*RUN_AT_ONCE, DAG_ID},
            parallelism=WORKERS,
            environment={
                AUTH_MANAGER: FAB_AUTH_MANAGER,
                # For the FAB auth manager's own sessions.
                "AIRFLOW__FAB__SESSION_BACKEND": "securecookie",
                # A busy machine answers late.
                "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
                **films.environment(home / "films"),
            },
        ) as (airflow, _),
    ):
        films.prepare(emulator)
        add_users(airflow)
        runs = {dag_id: airflow.rest.trigger(dag_id) for dag_id in RUN_AT_ONCE}
        wait_for_the_films(airflow, runs)
        archived = archive.fill(airflow, runs["ui_archive"])
        yield World(airflow, emulator, runs["ui_films"], runs["ui_secret"], archived)


def add_users(airflow: LocalAirflow) -> None:
    rest = airflow.rest

    def add_role(name: str, *resources: str) -> None:
        actions = [{"action": {"name": "can_read"}, "resource": {"name": resource}} for resource in resources]
        rest.post_to_users("/roles", {"name": name, "actions": actions})

    add_role("Film crew", *READS, "DAG:ui_films")
    add_role("Guest", "Website", "Plugins")
    for user, role in ((CREW, "Film crew"), (GUEST, "Guest")):
        person = {"username": user, "first_name": user, "last_name": "Person", "email": f"{user}@localhost.invalid"}
        rest.post_to_users("/users", {**person, "password": PASSWORD, "roles": [{"name": role}]})


def wait_for_the_films(airflow: LocalAirflow, runs: dict[str, str]) -> None:
    """Wait until every task has ended, but for those whose video never ends: they are deferred."""
    at_rest = {"success", "failed", "upstream_failed", "skipped"}

    def all_at_rest() -> bool:
        states = airflow.task_states("ui_films", runs["ui_films"])
        rendering = [state for (task_id, _), state in states.items() if task_id == "rendering"]
        others = [state for (task_id, _), state in states.items() if task_id != "rendering"]
        short = [state for dag_id in ("ui_secret", "ui_archive") for state in airflow.task_states(dag_id).values()]
        return (
            rendering == ["deferred"] * len(films.RENDERING)
            and set(others) <= at_rest
            and len(short) == 2
            and set(short) == {"success"}
        )

    airflow.wait_until(all_at_rest, timeout=400, what="the videos to come to their ends")


@contextlib.contextmanager
def second_api_server(airflow: LocalAirflow, path: str) -> Iterator[str]:
    """Serve the same Airflow below a path, as behind a proxy; yield its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}{path}"
    environment = {**airflow.environment, "AIRFLOW__API__PORT": str(port), "AIRFLOW__API__BASE_URL": url}
    command = [str(airflow.installation.python), "-P", "-m", "airflow", "api-server"]
    with (
        airflow.component_log("api-server-below-a-path").open("wb") as log,
        KeptProcess(command, environment=environment, output=log, cwd=airflow.home) as server,
    ):

        def answers() -> bool:
            assert server.poll() is None, f"the second API server has ended: see {log.name}"
            with contextlib.suppress(requests.RequestException):
                return requests.get(f"{url}/api/v2/monitor/health", timeout=5).ok
            return False

        wait_until(answers, timeout=120, what="the second API server", every=0.5)
        yield url
