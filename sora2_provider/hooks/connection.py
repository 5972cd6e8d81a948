"""Reads an Airflow connection into the settings of a gateway."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from sora2_provider.gateway.settings import (
    DEFAULT_BASE_URL,
    DEFAULT_CONNECT_TIMEOUT,
    DEFAULT_CREATE_PATH,
    DEFAULT_MAX_VIDEO_MB,
    DEFAULT_QUERY_PATH,
    DEFAULT_READ_TIMEOUT,
    GatewaySettings,
)

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class ConnectionLike(Protocol):
    """The attributes of an Airflow connection that are read."""

    conn_id: str
    host: str | None
    schema: str | None
    port: int | None
    password: str | None

    @property
    def extra_dejson(self) -> dict[str, Any]:
        """The extra, parsed."""


def settings_of(connection: ConnectionLike, *, extra: Mapping[str, Any] | None = None) -> GatewaySettings:
    """Return the checked settings.

    :param extra: the connection's extra, where it was read already: on an event loop reading it must be awaited.
    :raises ValueError: names the connection, the field, and what to write there. Holds no secret.
    """
    extra = connection.extra_dejson if extra is None else extra
    if not isinstance(extra, Mapping):
        raise ValueError(f"Connection {connection.conn_id!r}: the extra must be a JSON object.")
    try:
        return GatewaySettings(
            base_url=_base_url(connection),
            api_key=connection.password or "",
            create_path=_text(extra, "create_path") or DEFAULT_CREATE_PATH,
            query_path=_text(extra, "query_path") or DEFAULT_QUERY_PATH,
            connect_timeout=_seconds(extra, "connect_timeout", DEFAULT_CONNECT_TIMEOUT),
            read_timeout=_seconds(extra, "read_timeout", DEFAULT_READ_TIMEOUT),
            verify_tls=_verify(extra.get("verify_tls")),
            proxy=_text(extra, "proxy"),
            extra_headers=_headers(extra.get("extra_headers")),
            max_video_mb=_whole_number(extra, "max_video_mb", DEFAULT_MAX_VIDEO_MB),
            allow_internal_links=_flag(extra, "allow_internal_links"),
        )
    except ValueError as error:
        raise ValueError(f"Connection {connection.conn_id!r}: {error}") from None


def _base_url(connection: ConnectionLike) -> str:
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


def _text(extra: Mapping[str, Any], name: str) -> str:
    value = extra.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name}={value!r} in the extra must be a text.")
    return value.strip()


def _seconds(extra: Mapping[str, Any], name: str, default: float) -> float:
    value = extra.get(name)
    if value is None or value == "":
        return default
    try:
        return float(value) if not isinstance(value, bool) else float("nan")
    except (TypeError, ValueError):
        raise ValueError(f"{name}={value!r} in the extra must be a number of seconds.") from None


def _whole_number(extra: Mapping[str, Any], name: str, default: int) -> int:
    value = extra.get(name)
    if value is None or value == "":
        return default
    try:
        number = float(value) if not isinstance(value, bool) else float("nan")
        if number != int(number):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name}={value!r} in the extra must be a whole number.") from None
    return int(number)


def _flag(extra: Mapping[str, Any], name: str) -> bool:
    value = extra.get(name)
    if value is None or value == "":
        return False
    meant = _WORDS.get(str(value).strip().lower())
    if meant is None:
        raise ValueError(f"{name}={value!r} in the extra must be true or false.")
    return meant


def _verify(value: Any) -> bool | str:
    if value is None or value == "":
        return True
    text = str(value).strip()
    meant = _WORDS.get(text.lower())
    if meant is not None:
        return meant
    if "/" in text:
        return text
    raise ValueError(f"verify_tls={value!r} in the extra must be true, false, or the path of a CA bundle.")


def _headers(value: Any) -> dict[str, str]:
    if value is None or value == "":
        return {}
    try:
        headers = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        headers = None
    if not isinstance(headers, Mapping):
        raise ValueError('extra_headers in the extra must be a JSON object such as {"X-Proxy-Token": "..."}.')
    return dict(headers)


def unverified(conn_id: str) -> str:
    """Return the warning for a connection that does not verify certificates."""
    return f"Connection {conn_id!r} does not verify TLS certificates: anyone on the network can take the API key."
