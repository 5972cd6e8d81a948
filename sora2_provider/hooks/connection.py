"""Reads an Airflow connection into the settings of a gateway, and into what may be spent there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sora2_provider.compat import Connection, conf, mask_secret
from sora2_provider.gateway.dialects import dialect_names
from sora2_provider.gateway.masking import Secret
from sora2_provider.gateway.settings import AUTO, DEFAULT_BASE_URL, GatewaySettings
from sora2_provider.hooks.connection_extra import check_extra, check_spelling, fields_of
from sora2_provider.hooks.connection_fields import GATEWAY_FIELDS, LIMIT_FIELDS, ConnectionField
from sora2_provider.spending.limits import SpendingLimits


def settings_of(connection: Connection, *, extra: Mapping[str, Any] | None = None) -> GatewaySettings:
    """Return the checked settings, whose secrets Airflow masks in all logs from now on.

    :param extra: the connection's extra, where it was read already: on an event loop reading it must be awaited.
    :raises ValueError: names the connection, the field, and what to write there. Holds no secret.
    """
    conn_id, key = connection.conn_id, Secret(connection.password or "")
    try:
        base_url = _base_url(connection)
        check_extra(connection.extra)
        extra = connection.extra_dejson if extra is None else extra
        # Its repr shows the password, and error trackers show that of what a frame holds.
        del connection
        if not isinstance(extra, Mapping):
            raise ValueError("the extra must be a JSON object.")
        values = {"dialect": AUTO, **_read(fields_of(extra), GATEWAY_FIELDS)}
        if values["dialect"] not in (known := (AUTO, *dialect_names())):
            raise ValueError(f"extra: dialect={values['dialect']!r}: it must be one of {', '.join(known)}.")
        settings = GatewaySettings(base_url, key, **values)
    except ValueError as error:
        raise ValueError(f"Connection {conn_id!r}: {error}") from None
    for secret in settings.secrets:
        # Airflow sends it to the supervisor, and encodes no class of ours.
        mask_secret(str(secret))
    return settings


def limits_of(conn_id: str, extra: Mapping[str, Any]) -> SpendingLimits:
    """Return what a connection may spend: from its extra, and where that says nothing, from ``[sora2]``.

    :raises ValueError: names the limit that cannot be used, where it stands, and what to write there.
    """
    check_spelling(dict.fromkeys(_options()), LIMIT_FIELDS, where="[sora2]")
    try:
        values = _read(fields_of(extra), LIMIT_FIELDS)
    except ValueError as error:
        raise ValueError(f"Connection {conn_id!r}: {error}") from None
    for field in LIMIT_FIELDS:
        option = str(conf.get("sora2", field.name, fallback="") or "").strip()
        if option and field.name not in values:
            values[field.name] = field.read(option, where="[sora2]")
    return SpendingLimits(**values)


def _read(fields: Mapping[str, Any], known: Sequence[ConnectionField]) -> dict[str, Any]:
    """Return the values of the fields that are there.

    :raises ValueError: names one that cannot be used, or that looks like a guard but is none.
    """
    check_spelling(fields, [field for field in known if field.is_guard], where="extra")
    return {field.name: field.read(fields[field.name], where="extra") for field in known if field.name in fields}


def _options() -> list[str]:
    """Return the names of the options of ``[sora2]`` that are set, in the file or in the environment."""
    prefix = "AIRFLOW__SORA2__"
    names = [name.removeprefix(prefix).lower() for name in os.environ if name.startswith(prefix)]
    in_file = conf.options("sora2") if conf.has_section("sora2") else []
    # Airflow takes a value from a command or a secrets backend where the name ends so.
    return [re.sub("_(cmd|secret)$", "", name) for name in (*names, *in_file)]


def _base_url(connection: Connection) -> str:
    host = (connection.host or "").strip()
    if not host:
        return DEFAULT_BASE_URL
    scheme = (connection.schema or "").strip().lower()
    if "://" not in host and scheme in ("http", "https"):
        # A connection written as a URI keeps its parts apart: sora2://:key@gateway.example.com:8443/https
        is_ipv6 = host.count(":") > 1 and not host.startswith("[")
        host = f"{scheme}://[{host}]" if is_ipv6 else f"{scheme}://{host}"
    if connection.port and "://" in host:
        scheme, _, rest = host.partition("://")
        name, slash, path = rest.partition("/")
        if ":" not in name.rpartition("]")[2]:
            host = f"{scheme}://{name}:{connection.port}{slash}{path}"
    return host


def unverified(conn_id: str) -> str:
    """Return the warning for a connection that does not verify certificates."""
    return f"Connection {conn_id!r} does not verify TLS certificates: anyone on the network can read the API key."
