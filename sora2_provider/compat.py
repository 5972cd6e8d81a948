"""What differs between the Airflow versions. The only module that imports ``airflow.providers.common.compat``."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources, util
from typing import Any

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
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
    "CAPABILITIES",
    "AirflowException",
    "AirflowFailException",
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
    "conf",
    "mask_secret",
    "never_expire",
    "read_connection",
    "retry_types",
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


def _describes(schema: str, name: str) -> bool:
    """Whether Airflow's schema of what a provider may say of itself knows a name."""
    file = resources.files("airflow") / schema
    return file.is_file() and f'"{name}": ' in json.dumps(json.loads(file.read_text(encoding="utf-8")))


def _reads_conn_fields() -> bool:
    return _describes("provider.yaml.schema.json", "conn-fields")


def _has_provider_commands() -> bool:
    return _describes("provider_info.schema.json", "cli")


def _has_ui_pages() -> bool:
    from airflow.plugins_manager import AirflowPlugin

    return hasattr(AirflowPlugin, "external_views")


def _has_human_in_the_loop() -> bool:
    return util.find_spec("airflow.sdk") is not None and util.find_spec("airflow.sdk.execution_time.hitl") is not None


#: What not every supported Airflow can do, as docs/versions.md names it, and how to find out. Nothing is looked up before
#: somebody asks.
CAPABILITIES: dict[str, Callable[[], bool]] = {
    "task state store": lambda: never_expire() is not None,
    "retry policies": lambda: retry_types() is not None,
    "form from the provider's description": _reads_conn_fields,
    "providers' own commands": _has_provider_commands,
    "pages in the web interface": _has_ui_pages,
    "human in the loop": _has_human_in_the_loop,
}
