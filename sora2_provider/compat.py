"""What differs between the Airflow versions. The only module that imports ``airflow.providers.common.compat``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import resources, util
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowNotFoundException,
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

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import (
        DecoratedOperator,
        TaskDecorator,
        context_merge,
        determine_kwargs,
        task_decorator_factory,
    )

__all__ = [
    "CAPABILITIES",
    "UI_TAKES_PAGES",
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "BaseHook",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "Connection",
    "Context",
    "DecoratedOperator",
    "ObjectStoragePath",
    "PokeReturnValue",
    "TaskDecorator",
    "TaskDeferred",
    "airflow_version",
    "asset_types",
    "conf",
    "context_merge",
    "determine_kwargs",
    "latest_triggerer",
    "mask_secret",
    "never_expire",
    "plugin_base",
    "read_connection",
    "read_xcom",
    "retry_types",
    "stats",
    "stored_connection",
    "task_decorator_factory",
]

#: Whether Airflow's web interface takes pages of plugins (``react_apps``): from Airflow 3.1 on.
UI_TAKES_PAGES: bool = AIRFLOW_V_3_1_PLUS

#: Loaded when they are asked for: on Airflow 2 they cost a DAG file that does not need them most of a second.
_LATER = ("DecoratedOperator", "TaskDecorator", "context_merge", "determine_kwargs", "task_decorator_factory")

_STARTED = object()


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from airflow.providers.common.compat import sdk

    return getattr(sdk, name)


def asset_types() -> tuple[type[Any], type[Any], tuple[type[Any], ...]]:
    """Return the types of assets, of aliases, and of references to assets (none before Airflow 3)."""
    from airflow.providers.common.compat.sdk import Asset, AssetAlias

    try:
        from airflow.sdk.definitions.asset import AssetRef
    except ImportError:
        return Asset, AssetAlias, ()
    return Asset, AssetAlias, (AssetRef,)


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


def stats() -> Any:
    """Return Airflow's ``Stats``, started in whichever process this is.

    From Airflow 3.2 on the core and the SDK have one each, and the triggerer starts only the core's.
    """
    from airflow.providers.common.compat.sdk import Stats

    module = sys.modules[Stats.__module__]
    # Before 3.2 it starts itself; what else it is called is not known.
    factory = getattr(module, "_factory", getattr(Stats, "factory", _STARTED))
    if factory is None:
        _start_stats(Stats)
    return Stats


def _start_stats(stats_class: Any) -> None:
    from airflow.sdk.observability.metrics import stats_utils

    utils: Any = stats_utils
    try:
        legacy = conf.getboolean("metrics", "legacy_names_on", fallback=True)
        stats_class.initialize(factory=utils.get_stats_factory(), export_legacy_names=legacy)
    except TypeError:
        # Airflow 3.2
        stats_class.initialize(factory=utils.get_stats_factory(stats_class))


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
