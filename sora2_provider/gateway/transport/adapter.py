"""The connections of a requests session: asks a policy whether each may be made, and bounds how long answers take.

A name says nothing about where a connection ends: names resolve to what their owner wants, differently from one time
to the next. So the policy is asked about the address that the socket is connected to, before a byte is sent.
"""

from __future__ import annotations

import socket
from typing import Any, ClassVar

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from sora2_provider.gateway.transport.deadlines import BoundedResponse


class ConnectionPolicy:
    """Is called for each connection as it is made, and forbids one by raising. This one forbids nothing."""

    def connecting(self, host: str, port: int) -> None:
        """A connection is about to be made."""

    def connected(self, host: str, address: str) -> None:
        """The connection stands; nothing was sent."""

    def verified(self, address: str) -> None:
        """The server at this address is the one that was asked for, as far as TLS says."""

    def proxied(self, host: str, port: int) -> None:
        """A proxy will make the connection: where it ends is not seen here. Nothing was sent."""


class PolicyAdapter(HTTPAdapter):
    """Makes connections under a policy. Nothing is sent a second time."""

    def __init__(self, policy: ConnectionPolicy) -> None:
        self._policy = policy
        super().__init__(max_retries=urllib3.Retry(0, read=False, redirect=False))

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _pools(self._policy)

    def proxy_manager_for(self, proxy: str, **options: Any) -> urllib3.PoolManager:
        """Return the pools of connections to a proxy, which is the user's own choice."""
        known = proxy in self.proxy_manager
        manager: urllib3.PoolManager = super().proxy_manager_for(proxy, **options)
        if not known and isinstance(manager, urllib3.ProxyManager):
            # A SOCKS proxy needs the connections of its own.
            manager.pool_classes_by_scheme = _pools(ConnectionPolicy())
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        if select_proxy(request.url or "", options.get("proxies")):
            # Parsed as urllib3 does, which writes the address for the proxy.
            target = urllib3.util.parse_url(request.url or "")
            port = target.port or (443 if target.scheme == "https" else 80)
            self._policy.proxied((target.host or "").strip("[]"), port)
        return super().send(request, *args, **options)


class _Connection(HTTPConnection):
    policy: ClassVar[ConnectionPolicy]
    response_class = BoundedResponse

    def _new_conn(self) -> socket.socket:
        self.policy.connecting(self.host, self.port)
        made = super()._new_conn()
        try:
            self.policy.connected(self.host, _peer(made))
        except BaseException:
            made.close()
            raise
        return made

    def connect(self) -> None:
        super().connect()
        self.policy.verified(_peer(self.sock))


class _TlsConnection(_Connection, HTTPSConnection):
    pass


def _pools(policy: ConnectionPolicy) -> dict[str, type[HTTPConnectionPool]]:
    plain = type("_Plain", (_Connection,), {"policy": policy})
    tls = type("_Tls", (_TlsConnection,), {"policy": policy})
    return {
        "http": type("_PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("_TlsPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
    }


def _peer(connection: socket.socket) -> str:
    return str(connection.getpeername()[0])
