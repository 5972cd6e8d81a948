"""The AIRFLOW_HOME of a throw-away Airflow: its first database, and what is left there to read."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

from dev.harness.environment import Installation

DATABASE = "airflow.db"

_OF_RUN = (
    "dag_id = :dag_id AND run_id = "
    "coalesce(:run_id, (SELECT run_id FROM dag_run WHERE dag_id = :dag_id ORDER BY id DESC LIMIT 1))"
)


def template_database(installation: Installation) -> Path:
    """Return where a freshly migrated database of this installation is kept; copying it spares 3 to 7 s.

    It lies in the virtual environment, so that it goes when that goes, and its name tells the Airflow and its
    providers, so that an upgrade makes a new one.
    """
    prefix = installation.python.parent.parent
    return prefix / "airflow-databases" / f"{installation.version}-{installation.digest}.db"


def restore_database(installation: Installation, home: Path) -> bool:
    """Give a home the kept database; return False if there is none yet."""
    template = template_database(installation)
    if not template.is_file():
        return False
    shutil.copyfile(template, home / DATABASE)
    return True


def keep_database(installation: Installation, home: Path) -> None:
    """Keep a copy of a home's new database for the next homes, where the virtual environment can be written to."""
    template = template_database(installation)
    if not (template.parent.parent / "pyvenv.cfg").is_file():
        return
    with contextlib.suppress(OSError):
        template.parent.mkdir(exist_ok=True)
        # Complete or not there: another test session may read it at this very moment.
        unfinished = template.with_suffix(f".{os.getpid()}")
        shutil.copyfile(home / DATABASE, unfinished)
        unfinished.replace(template)


class AirflowHome:
    """What an Airflow leaves to read: rows, XComs and states in its database, and the logs in its home.

    A run is the DAG's latest one unless its id is given.
    """

    def __init__(self, home: Path, database: str | None = None) -> None:
        self.home = home
        self.database = database or f"sqlite:///{home / DATABASE}"
        """The address of the database."""

    def query(self, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        """Return what a SELECT finds in the database; ``:name`` stands for a parameter."""
        # Every Airflow brings it along; loaded here, because the rest of this module needs no Airflow.
        from sqlalchemy import create_engine, text
        from sqlalchemy.pool import NullPool

        database = self.database
        if database.startswith("sqlite:///"):
            # Without the mode, looking for a database makes one.
            database = f"sqlite:///file:{database.removeprefix('sqlite:///')}?mode=ro&timeout=30&uri=true"
        with create_engine(database, poolclass=NullPool).connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), parameters)]

    def xcoms(self, dag_id: str, run_id: str | None = None) -> dict[tuple[str, str, int], Any]:
        """Return a run's XComs by (task id, key, map index)."""
        # As text: each database makes something else of JSON.
        rows = self._of_run("task_id, key, map_index, CAST(value AS TEXT)", "xcom", dag_id, run_id)
        return {tuple(key): None if value is None else json.loads(value) for *key, value in rows}

    def task_states(self, dag_id: str, run_id: str | None = None) -> dict[tuple[str, int], str | None]:
        """Return the states of a run's tasks by (task id, map index)."""
        rows = self._of_run("task_id, map_index, state", "task_instance", dag_id, run_id)
        return {(task_id, map_index): state for task_id, map_index, state in rows}

    def component_log(self, name: str) -> Path:
        """Return the file that a component writes its output to."""
        return self.home / f"{name}.log"

    def task_log(
        self, dag_id: str, task_id: str | None = None, run_id: str | None = None, map_index: int | None = None
    ) -> str:
        """Return the logs of all tries, oldest first, as components write them.

        `dags test` on Airflow 3 writes none: there the log is the command's output.
        """
        names = {"dag_id": dag_id, "task_id": task_id, "run_id": run_id, "map_index": map_index}
        wanted = {f"{name}={value}" for name, value in names.items() if value is not None}
        files = [
            file
            for file in (self.home / "logs").rglob("attempt=*.log*")
            if file.is_file() and wanted <= set(file.relative_to(self.home).parts)
        ]
        files.sort(key=lambda file: (file.stat().st_mtime, file.name))
        return "".join(file.read_text(errors="replace") for file in files)

    def noticed_ends(self, dag_id: str, run_id: str) -> set[tuple[str, int]]:
        """Return the tries, as (task's id, number of the try), whose process has ended to the scheduler's knowledge.

        A deferral is to be waited for with this. Where the trigger fires first, Airflow takes the end of the one
        process for the end of the next one, which is only queued yet, and fails the try.
        """
        log = self.component_log("scheduler").read_text(errors="replace")
        line = re.compile(
            rf"TaskInstance Finished: dag_id={re.escape(dag_id)}, task_id=(\S+), run_id={re.escape(run_id)}, "
            r".*\btry_number=(\d+),"
        )
        return {(name, int(number)) for name, number in line.findall(log)}

    def _of_run(self, columns: str, table: str, dag_id: str, run_id: str | None) -> list[tuple[Any, ...]]:
        return self.query(f"SELECT {columns} FROM {table} WHERE {_OF_RUN}", dag_id=dag_id, run_id=run_id)  # noqa: S608
