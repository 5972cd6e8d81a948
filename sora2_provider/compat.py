"""What differs between the Airflow versions. The only module that imports ``airflow.providers.common.compat``."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    BaseHook,
    BaseOperator,
    BaseOperatorLink,
    BaseSensorOperator,
    Connection,
    Context,
    ObjectStoragePath,
    PokeReturnValue,
    TaskDeferred,
    conf,
    mask_secret,
)
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

__all__ = [
    "UI_TAKES_PAGES",
    "AirflowException",
    "AirflowFailException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "BaseHook",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "Connection",
    "Context",
    "ObjectStoragePath",
    "PokeReturnValue",
    "TaskDeferred",
    "conf",
    "mask_secret",
    "never_expire",
    "plugin_base",
    "read_connection",
    "read_xcom",
    "retry_types",
]

#: Whether Airflow's web interface takes pages of plugins (``react_apps``): from Airflow 3.1 on.
UI_TAKES_PAGES: bool = AIRFLOW_V_3_1_PLUS


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


def read_xcom(key: str, ti_key: Any) -> Any:
    """Return an XCom that a task instance has pushed, ``None`` where there is none.

    :param ti_key: the task instance, or its key.
    """
    from airflow.providers.common.compat.sdk import XCom

    return XCom.get_value(ti_key=ti_key, key=key)


def plugin_base() -> type[Any]:
    """Return the base class of plugins. It is asked for here, because only plugins need it."""
    from airflow.providers.common.compat.sdk import AirflowPlugin

    return AirflowPlugin


def retry_types() -> tuple[Any, Any] | None:
    """Return Airflow's ``RetryPolicy`` and ``RetryDecision``; ``None`` before Airflow 3.3, which has none."""
    try:
        from airflow.providers.common.compat.sdk import RetryDecision, RetryPolicy
    except ImportError:
        return None
    return RetryPolicy, RetryDecision
