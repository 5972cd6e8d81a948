"""A whole Airflow on PostgreSQL, for tests that look at what many processes do together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dev.harness.airflow import LocalAirflow
from dev.harness.services import Postgres


@contextlib.contextmanager
def whole_airflow(
    *,
    dags_folder: Path,
    home: Path,
    connection: str,
    dag_ids: set[str],
    parallelism: int,
    environment: Mapping[str, str],
    more_components: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[tuple[LocalAirflow, Postgres]]:
    """Start a database and an Airflow on it; yield both when the DAGs are parsed.

    :param dag_ids: the DAGs of the folder, all of them.
    :param parallelism: task processes at a time.
    :param more_components: what is started beside the usual components, by name: the arguments of ``airflow``.
    """
    with (
        Postgres() as postgres,
        LocalAirflow(
            dags_folder=dags_folder,
            home=home,
            connection=connection,
            environment={
                **postgres.airflow_environment,
                "AIRFLOW__CORE__PARALLELISM": str(parallelism),
                # A supervisor that misses the end of its task process by a hair notices it this much later; 5 by default,
                # which half of the tasks here would add to the second that they take.
                "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
                # Parsing the same files over and over would take a fifth of a processor from the tasks.
                "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
                # A new triggerer takes what a dead one had when that has been silent for so long.
                "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
                "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
                **environment,
            },
            more_components=more_components,
        ) as airflow,
    ):
        airflow.start(timeout=300)
        rest = airflow.rest
        airflow.wait_until(
            lambda: {each["dag_id"] for each in rest.get("/dags")["dags"]} == dag_ids,
            timeout=120,
            what="the DAGs to be parsed",
        )
        yield airflow, postgres
