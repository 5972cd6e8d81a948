"""What lies in the folder AIRFLOW_HOME of a throw-away Airflow: the SQLite database, XComs, task logs."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airflow_environment import Installation

DATABASE = "airflow.db"


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


def read_xcoms(home: Path, *, dag_id: str, run_id: str | None = None) -> dict[tuple[str, str, int], Any]:
    """Return the XComs of a run (of the latest one, if none is named) by (task id, key, map index)."""
    with _reading(home) as database:
        if run_id is None:
            latest = database.execute(
                "SELECT run_id FROM dag_run WHERE dag_id = ? ORDER BY id DESC LIMIT 1", (dag_id,)
            ).fetchone()
            if latest is None:
                return {}
            run_id = latest[0]
        rows = database.execute(
            "SELECT task_id, key, map_index, value FROM xcom WHERE dag_id = ? AND run_id = ?",
            (dag_id, run_id),
        ).fetchall()
    return {(task_id, key, map_index): _decode(value) for task_id, key, map_index, value in rows}


def read_task_states(home: Path, *, dag_id: str, run_id: str | None = None) -> dict[tuple[str, int], str | None]:
    """Return the states of the task instances of a run (of the latest one, if none is named) by (task id, map index)."""
    with _reading(home) as database:
        rows = database.execute(
            "SELECT task_id, map_index, state FROM task_instance WHERE dag_id = :dag_id AND run_id = coalesce("
            ":run_id, (SELECT run_id FROM dag_run WHERE dag_id = :dag_id ORDER BY id DESC LIMIT 1))",
            {"dag_id": dag_id, "run_id": run_id},
        ).fetchall()
    return {(task_id, map_index): state for task_id, map_index, state in rows}


def read_task_log(home: Path, *, dag_id: str, task_id: str | None = None, run_id: str | None = None) -> str:
    """Return the logs of all tries, oldest first, as components write them below ``logs/``.

    `dags test` on Airflow 3 writes none: there the log is the command's output.
    """
    wanted = {f"dag_id={dag_id}"}
    wanted |= {f"task_id={task_id}"} if task_id else set()
    wanted |= {f"run_id={run_id}"} if run_id else set()
    files = [
        file
        for file in (home / "logs").rglob("attempt=*.log*")
        if file.is_file() and wanted <= set(file.relative_to(home).parts)
    ]
    files.sort(key=lambda file: (file.stat().st_mtime, file.name))
    return "".join(file.read_text(errors="replace") for file in files)


@contextlib.contextmanager
def _reading(home: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(f"file:{home / DATABASE}?mode=ro", uri=True, timeout=30)
    try:
        yield database
    finally:
        database.close()


def _decode(value: Any) -> Any:
    """Read a stored XCom: JSON, except that SQLite makes a number of a text that looks like one."""
    return json.loads(value) if isinstance(value, str | bytes) else value
