"""Finds a connection for a command, outside any task."""

from __future__ import annotations

from typing import NamedTuple

from sora2_provider import compat
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.hooks.connection import settings_of
from sora2_provider.spending.caps import limits_of_connection
from sora2_provider.spending.limits import SpendingLimits

CONN_TYPE = "sora2"


class ConnectionMissing(LookupError):
    """There is no such connection of this type, or none that can be read here.

    :param to_do: what a person does about it.
    """

    def __init__(self, message: str, to_do: str) -> None:
        super().__init__(message)
        self.to_do = to_do


class Stored(NamedTuple):
    """A connection as it is stored, checked.

    :param limits: what it may spend.
    """

    settings: GatewaySettings
    limits: SpendingLimits


def stored_settings(conn_id: str) -> Stored:
    """Return a connection's checked settings and limits; its secrets are masked in logs from here on.

    :raises ConnectionMissing: there is none, or it cannot be decrypted.
    :raises ValueError: it lacks something; says what to write where, and holds no secret.
    """
    connection = compat.stored_connection(conn_id)
    if connection is None:
        raise ConnectionMissing(
            f"There is no connection {conn_id!r}, as far as this machine can see.",
            f"Add it in Airflow under Admin > Connections (type Sora 2), or set AIRFLOW_CONN_{conn_id.upper()}. Where workers "
            "see connections only inside tasks (Airflow 3), run this on the API server or the scheduler; where [core] fernet_key "
            "is another than when it was stored, no machine can read it.",
        )
    if connection.conn_type != CONN_TYPE:
        raise ConnectionMissing(
            f"The connection {conn_id!r} is of the type {connection.conn_type!r}, not {CONN_TYPE!r}.",
            "Choose another connection with --conn-id, or change its type to Sora 2.",
        )
    try:
        settings, limits = settings_of(connection), limits_of_connection(conn_id, connection.extra_dejson)
    except ValueError:
        raise
    except Exception as error:
        # Airflow's own error, or that of the library which decrypts.
        raise ConnectionMissing(
            f"The connection {conn_id!r} cannot be decrypted here ({type(error).__name__}).",
            "Give this machine the [core] fernet_key with which the connection was stored, or store it again.",
        ) from error
    for secret in settings.secrets:
        compat.mask_secret(secret)
    return Stored(settings, limits)
