"""What differs between the Airflow versions. The only module that imports ``airflow.providers.common.compat``."""

from __future__ import annotations

import os
from typing import Any

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowNotFoundException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    BaseHook,
    BaseOperator,
    BaseSensorOperator,
    Connection,
    Context,
    ObjectStoragePath,
    PokeReturnValue,
    TaskDeferred,
    conf,
    mask_secret,
)

__all__ = [
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "BaseHook",
    "BaseOperator",
    "BaseSensorOperator",
    "Connection",
    "Context",
    "ObjectStoragePath",
    "PokeReturnValue",
    "TaskDeferred",
    "airflow_version",
    "conf",
    "latest_triggerer",
    "mask_secret",
    "never_expire",
    "read_connection",
    "retry_types",
    "stored_connection",
]


async def read_connection(conn_id: str) -> tuple[Connection, dict[str, Any]]:
    """Return a connection and its extra without blocking the event loop, on every version."""
    from airflow.providers.common.compat.connection import get_async_connection, get_async_extra_dejson

    connection = await get_async_connection(conn_id)
    return connection, await get_async_extra_dejson(connection)


def never_expire() -> Any:
    """Return the retention of the task state store that keeps a value as long as its DAG run.

    Airflow before 3.3 has no such store, and what stands for one in tests need not know of it.
    """
    try:
        from airflow.sdk import NEVER_EXPIRE  # type: ignore[attr-defined]
    except ImportError:
        return None
    return NEVER_EXPIRE


def retry_types() -> tuple[Any, Any] | None:
    """Return Airflow's ``RetryPolicy`` and ``RetryDecision``; ``None`` before Airflow 3.3, which has none."""
    try:
        from airflow.providers.common.compat.sdk import RetryDecision, RetryPolicy
    except ImportError:
        return None
    return RetryPolicy, RetryDecision


def airflow_version() -> str:
    """Return the version of the Airflow that is installed."""
    from airflow import __version__

    return str(__version__)


def stored_connection(conn_id: str) -> Any:
    """Return a connection outside of any task: from the environment, a secrets backend or the metadata database.

    For commands. ``None`` where there is none.
    """
    # Airflow 3 reads the database only in what calls itself a server; its own `airflow connections` does the same.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    from airflow.models.connection import Connection

    try:
        return Connection.get_connection_from_secrets(conn_id)
    except AirflowNotFoundException:
        return None


def latest_triggerer() -> Any:
    """Return Airflow's job of the triggerer that reported last, one that runs before all others; ``None`` if there is none.

    For commands: raises whatever the metadata database raises.
    """
    from airflow.jobs.job import most_recent_job

    return most_recent_job("TriggererJob")
