"""What a throw-away Airflow leaves for tests to read: XComs and states in its database, and the logs in AIRFLOW_HOME."""

from __future__ import annotations

import contextlib
import json
import os
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


def default_database(home: Path) -> str:
    """Return the address of the database that a home has unless it is told to use another one."""
    return f"sqlite:///{home / DATABASE}"


def read_rows(database: str, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
    """Return what a SELECT finds in the database of this address; ``:name`` stands for a parameter."""
    # Every Airflow brings it along; loaded here, because the rest of this module needs no Airflow.
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    if database.startswith("sqlite:///"):
        # Without the mode, looking for a database makes one.
        database = f"sqlite:///file:{database.removeprefix('sqlite:///')}?mode=ro&timeout=30&uri=true"
    with create_engine(database, poolclass=NullPool).connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement), parameters)]


def read_xcoms(database: str, *, dag_id: str, run_id: str | None = None) -> dict[tuple[str, str, int], Any]:
    """Return the XComs of a run (of the latest one, if none is named) by (task id, key, map index)."""
    rows = read_rows(
        database,
        # As text: each database makes something else of JSON.
        f"SELECT task_id, key, map_index, CAST(value AS TEXT) FROM xcom WHERE {_OF_RUN}",  # noqa: S608
        dag_id=dag_id,
        run_id=run_id,
    )
    return {
        (task_id, key, map_index): None if value is None else json.loads(value)
        for task_id, key, map_index, value in rows
    }


def read_task_states(database: str, *, dag_id: str, run_id: str | None = None) -> dict[tuple[str, int], str | None]:
    """Return the states of the task instances of a run (of the latest one, if none is named) by (task id, map index)."""
    rows = read_rows(
        database,
        f"SELECT task_id, map_index, state FROM task_instance WHERE {_OF_RUN}",  # noqa: S608
        dag_id=dag_id,
        run_id=run_id,
    )
    return {(task_id, map_index): state for task_id, map_index, state in rows}


def read_task_log(
    home: Path, *, dag_id: str, task_id: str | None = None, run_id: str | None = None, map_index: int | None = None
) -> str:
    """Return the logs of all tries, oldest first, as components write them below ``logs/``.

    `dags test` on Airflow 3 writes none: there the log is the command's output.
    """
    wanted = {f"dag_id={dag_id}"}
    wanted |= {f"task_id={task_id}"} if task_id else set()
    wanted |= {f"run_id={run_id}"} if run_id else set()
    wanted |= {f"map_index={map_index}"} if map_index is not None else set()
    files = [
        file
        for file in (home / "logs").rglob("attempt=*.log*")
        if file.is_file() and wanted <= set(file.relative_to(home).parts)
    ]
    files.sort(key=lambda file: (file.stat().st_mtime, file.name))
    return "".join(file.read_text(errors="replace") for file in files)
