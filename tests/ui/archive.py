"""Thousands of recorded videos: copies, in the database, of one that a real task has made."""

from __future__ import annotations

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from dev.harness.airflow import LocalAirflow

DAG_ID = "ui_archive"
RUNS, TASKS_OF_RUN = 50, 100

#: Each copy is the row itself but for what tells it from its fellows, and a link that expired long ago. Airflow's ids of task instances grow with the
#: time, and these begin with zeros: the copies are older than anything real.
_COPY = {
    "dag_run": """
        SELECT (jsonb_populate_record(one, jsonb_build_object(
            'id', 1000000 + run, 'run_id', 'archive_' || run,
            'logical_date', '2025-01-01T00:00:00Z'::timestamptz + run * interval '1 hour',
            'run_after', '2025-01-01T00:00:00Z'::timestamptz + run * interval '1 hour'))).*
        FROM dag_run one, generate_series(1, :runs) run WHERE one.dag_id = :dag_id AND one.run_id = :run_id""",
    "task_instance": """
        SELECT (jsonb_populate_record(one, jsonb_build_object(
            'id', '00000000-0000-7000-8000-' || lpad(to_hex(run * 1000 + task), 12, '0'),
            'run_id', 'archive_' || run, 'map_index', task))).*
        FROM task_instance one, generate_series(1, :runs) run, generate_series(0, :tasks - 1) task
        WHERE one.dag_id = :dag_id AND one.run_id = :run_id""",
    "xcom": """
        SELECT (jsonb_populate_record(one, jsonb_build_object(
            'dag_run_id', 1000000 + run, 'run_id', 'archive_' || run, 'map_index', task,
            'value', CASE key WHEN 'video' THEN value || '{"expires_at": "2025-02-01T00:00:00+00:00"}' ELSE value END))).*
        FROM xcom one, generate_series(1, :runs) run, generate_series(0, :tasks - 1) task
        WHERE one.dag_id = :dag_id AND one.run_id = :run_id""",
    "rendered_task_instance_fields": """
        SELECT (jsonb_populate_record(one, jsonb_build_object('run_id', 'archive_' || run, 'map_index', task))).*
        FROM rendered_task_instance_fields one, generate_series(1, :runs) run, generate_series(0, :tasks - 1) task
        WHERE one.dag_id = :dag_id AND one.run_id = :run_id""",
}


def fill(airflow: LocalAirflow, run_id: str) -> int:
    """Copy the one video of a run of the DAG; return how many there are then."""
    named = {"dag_id": DAG_ID, "run_id": run_id, "runs": RUNS, "tasks": TASKS_OF_RUN}
    with create_engine(airflow.database, poolclass=NullPool).begin() as connection:
        for table, copies in _COPY.items():
            statement = text(f"INSERT INTO {table} {copies}")
            used = {name: value for name, value in named.items() if f":{name}" in copies}
            connection.execute(statement, used)
        connection.execute(text("ANALYZE"))
    return RUNS * TASKS_OF_RUN + 1
