"""What differs between the Airflow versions. The only module that asks which Airflow it runs on.

It does not use ``apache-airflow-providers-common-compat``: the first release of that package with all of these names is
newer than the one that the constraints of any supported Airflow pin, so pip could not install the two together.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import airflow

# The newest place of each name comes first, and mypy reads only that one: an older one warns on a newer Airflow that it is
# deprecated.
try:
    from airflow.sdk import (
        BaseOperator,
        BaseOperatorLink,
        BaseSensorOperator,
        Connection,
        Context,
        ObjectStoragePath,
        PokeReturnValue,
    )
    from airflow.sdk.log import mask_secret
except ImportError:  # Airflow 2.11
    from airflow.io.path import ObjectStoragePath
    from airflow.models.baseoperator import BaseOperator
    from airflow.models.baseoperatorlink import BaseOperatorLink
    from airflow.models.connection import Connection
    from airflow.sensors.base import BaseSensorOperator, PokeReturnValue
    from airflow.utils.context import Context
    from airflow.utils.log.secrets_masker import mask_secret
try:
    from airflow.sdk import BaseHook
except ImportError:  # before Airflow 3.1
    from airflow.hooks.base import BaseHook
try:
    from airflow.sdk.configuration import conf
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSensorTimeout,
        AirflowSkipException,
        AirflowTaskTimeout,
        TaskDeferred,
    )
except ImportError:  # before Airflow 3.2
    from airflow.configuration import conf
    from airflow.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSensorTimeout,
        AirflowSkipException,
        AirflowTaskTimeout,
        TaskDeferred,
    )


if TYPE_CHECKING:
    from airflow.sdk.bases.decorator import DecoratedOperator, TaskDecorator, determine_kwargs, task_decorator_factory
    from airflow.sdk.definitions.context import context_merge
    from airflow.sdk.definitions.xcom_arg import PlainXComArg

#: What comes from Airflow; the rest is made here.
__all__ = [
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
    "PlainXComArg",
    "PokeReturnValue",
    "TaskDecorator",
    "TaskDeferred",
    "conf",
    "context_merge",
    "determine_kwargs",
    "mask_secret",
    "task_decorator_factory",
]


class Resolvable(Protocol):
    """What Airflow resolves when the task runs: an XComArg, a parameter of the DAG, an argument of a mapped task group.

    Airflow's own base class of these has another place in each version.
    """

    def iter_references(self) -> Iterable[Any]:
        """Return the tasks that it needs."""

    def resolve(self, context: Any) -> Any:
        """Return its value."""


def airflow_version() -> str:
    """Return the version of the Airflow that is installed."""
    return str(airflow.__version__)


def _release() -> tuple[int, ...]:
    return tuple(int(part) for part in airflow_version().split(".")[:2])


#: Whether Airflow's web interface takes pages of plugins (``react_apps``): from Airflow 3.1 on.
UI_TAKES_PAGES: bool = _release() >= (3, 1)

#: Loaded when they are asked for: on Airflow 2 they cost a DAG file that does not need them most of a second. Each with
#: the modules that may have it, the newest place first.
_LATER = {
    "DecoratedOperator": ("airflow.sdk.bases.decorator", "airflow.decorators.base"),
    "TaskDecorator": ("airflow.sdk.bases.decorator", "airflow.decorators.base"),
    "context_merge": ("airflow.sdk.definitions.context", "airflow.utils.context"),
    "determine_kwargs": ("airflow.sdk.bases.decorator", "airflow.utils.operator_helpers"),
    "task_decorator_factory": ("airflow.sdk.bases.decorator", "airflow.decorators.base"),
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _first_of(name, *_LATER[name])


def _first_of(name: str, *modules: str) -> Any:
    """Return a name from the first of these modules that is there and has it; the last one must."""
    *newer, oldest = modules
    for module in newer:
        with contextlib.suppress(ImportError, AttributeError):
            return getattr(import_module(module), name)
    return getattr(import_module(oldest), name)


def asset_types() -> tuple[type[Any], type[Any], tuple[type[Any], ...]]:
    """Return the types of assets, of aliases, and of references to assets (none before Airflow 3)."""
    try:
        from airflow.sdk.definitions.asset import Asset, AssetAlias, AssetRef
    except ImportError:
        datasets: Any = import_module("airflow.datasets")
        return datasets.Dataset, datasets.DatasetAlias, ()
    return Asset, AssetAlias, (AssetRef,)


def read_connection(conn_id: str) -> tuple[Connection, dict[str, Any]]:
    """Return a connection and its extra. Blocks, on every version: not for an event loop.

    Airflow masks the secrets of both, for which it talks to the supervisor.
    """
    connection = BaseHook.get_connection(conn_id)
    return connection, connection.extra_dejson


def never_expire() -> Any:
    """Return the retention of the task state store that keeps a value as long as its DAG run.

    Airflow before 3.3 has no such store, and what stands for one in tests need not know of it.
    """
    try:
        from airflow.sdk import NEVER_EXPIRE
    except ImportError:
        return None
    return NEVER_EXPIRE


def clear_forgets_task_state() -> bool:
    """Whether this Airflow forgets a task instance's state when a person clears it: from 3.4 on, unless asked not to.

    No argument of ``task_state_store.set`` keeps a value from that.
    """
    return _release() >= (3, 4)


def read_xcom(key: str, ti_key: Any) -> Any:
    """Return an XCom that a task instance has pushed, ``None`` where there is none.

    :param ti_key: the task instance, or its key.
    """
    xcom = _first_of("XCom", "airflow.sdk.execution_time.xcom", "airflow.models.xcom")
    return xcom.get_value(ti_key=ti_key, key=key)


def running_context() -> Any:
    """Return the context of the task that runs in this process; ``None`` if none does."""
    get = _first_of("get_current_context", "airflow.sdk", "airflow.operators.python")
    with contextlib.suppress(AirflowException, RuntimeError):
        return get()
    return None


def plugin_base() -> type[Any]:
    """Return the base class of plugins. It is asked for here, because only plugins need it."""
    base: type[Any] = _first_of("AirflowPlugin", "airflow.sdk.plugins_manager", "airflow.plugins_manager")
    return base


def retry_types() -> tuple[Any, Any] | None:
    """Return Airflow's ``RetryPolicy`` and ``RetryDecision``; ``None`` before Airflow 3.3, which has none."""
    try:
        from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy
    except ImportError:
        return None
    return RetryPolicy, RetryDecision


def stats() -> Any:
    """Return Airflow's ``Stats``, started in whichever process this is.

    From Airflow 3.2 on the core and the SDK have one each, and the triggerer starts only the core's.
    """
    stats_class = _first_of("Stats", "airflow.sdk.observability.stats", "airflow.stats")
    module = sys.modules[stats_class.__module__]
    # Before 3.2 it starts itself; what else it is called is not known.
    factory = getattr(module, "_factory", getattr(stats_class, "factory", True))
    if factory is None:
        _start_stats(stats_class)
    return stats_class


def _start_stats(stats_class: Any) -> None:
    from airflow.sdk.observability.metrics import stats_utils

    utils: Any = stats_utils
    try:
        legacy = conf.getboolean("metrics", "legacy_names_on", fallback=True)
        stats_class.initialize(factory=utils.get_stats_factory(), export_legacy_names=legacy)
    except TypeError:
        # Airflow 3.2
        stats_class.initialize(factory=utils.get_stats_factory(stats_class))


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
