"""Reads a connection for a command, outside any task."""

from __future__ import annotations

from typing import NamedTuple

from sora2_provider import compat
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.hooks.connection import limits_of, settings_of
from sora2_provider.hooks.connection_extra import unknown_in
from sora2_provider.spending.limits import SpendingLimits

CONN_TYPE = "sora2"


class ConnectionUnusable(ValueError):
    """A connection is missing, or cannot be used.

    :param seen: what is wrong; holds no secret.
    :param to_do: what a person does about it.
    """

    def __init__(self, seen: str, to_do: str) -> None:
        super().__init__(f"{seen} {to_do}")
        self.seen = seen
        self.to_do = to_do


class StoredConnection(NamedTuple):
    """A connection that can be used.

    :param unknown: a sentence about fields that have no effect; empty where there are none.
    """

    settings: GatewaySettings
    limits: SpendingLimits
    unknown: str


def read_connection(conn_id: str) -> StoredConnection:
    """Return a connection; its secrets are masked in logs from here on.

    :raises ConnectionUnusable: it is missing, of another type, encrypted with another key, or a field cannot be used.
    """
    connection = compat.stored_connection(conn_id)
    if connection is None:
        raise ConnectionUnusable(
            f"There is no connection {conn_id!r} that this machine can read.",
            f"Add it in Airflow under Admin > Connections (type Sora 2), or set AIRFLOW_CONN_{conn_id.upper()}. Where workers "
            "can read connections only inside tasks (Airflow 3), run this on the API server or the scheduler. If [core] "
            "fernet_key has changed since it was stored, no machine can read it; nor, in Airflow 3, if its extra is no JSON object.",
        )
    if connection.conn_type != CONN_TYPE:
        raise ConnectionUnusable(
            f"The connection {conn_id!r} is of the type {connection.conn_type!r}, not {CONN_TYPE!r}.",
            "Choose another connection with --conn-id, or change its type to Sora 2.",
        )
    try:
        settings, extra = settings_of(connection), connection.extra_dejson
        return StoredConnection(settings, limits_of(conn_id, extra), unknown_in(extra))
    except ValueError as error:
        raise ConnectionUnusable(
            str(error), "Correct it under Admin > Connections, or wherever it is defined."
        ) from None
    except Exception as error:
        # Airflow's own error, or that of the library which decrypts.
        raise ConnectionUnusable(
            f"The connection {conn_id!r} cannot be decrypted here ({type(error).__name__}).",
            "Give this machine the [core] fernet_key with which the connection was stored, or store it again.",
        ) from error
