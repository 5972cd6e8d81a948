"""The connections of a requests session: asks a policy about each, notes what is sent, bounds how long answers take.

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
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

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
    """Makes connections under a policy. Nothing is sent a second time.

    :ivar is_sent: whether a connection was given bytes of a request since this was last set to ``False``. What opens a
        connection is none of them: a handshake, or what a proxy is told.
    """

    def __init__(self, policy: ConnectionPolicy) -> None:
        self._policy = policy
        self.is_sent = False
        super().__init__(max_retries=urllib3.Retry(0, read=False, redirect=False))

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self._watch(self.poolmanager, self._policy)

    def proxy_manager_for(self, proxy: str, **options: Any) -> urllib3.PoolManager:
        """Return the pools of connections to a proxy, which is the user's own choice."""
        known = proxy in self.proxy_manager
        manager: urllib3.PoolManager = super().proxy_manager_for(proxy, **options)
        if not known:
            self._watch(manager, ConnectionPolicy())
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        if select_proxy(request.url or "", options.get("proxies")):
            # Parsed as urllib3 does, which writes the address for the proxy.
            target = urllib3.util.parse_url(request.url or "")
            port = target.port or (443 if target.scheme == "https" else 80)
            self._policy.proxied((target.host or "").strip("[]"), port)
        return super().send(request, *args, **options)

    def _watch(self, manager: urllib3.PoolManager, policy: ConnectionPolicy) -> None:
        """Put :class:`_Connection` before a manager's own connections, which a SOCKS proxy has."""

        def watched(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
            members = {"policy": policy, "adapter": self}
            connection = type("_Watched", (_Connection, pool.ConnectionCls), members)
            return type("_WatchedPool", (pool,), {"ConnectionCls": connection})

        manager.pool_classes_by_scheme = {
            scheme: watched(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
        }


class _Connection(HTTPConnection):
    policy: ClassVar[ConnectionPolicy]
    adapter: ClassVar[PolicyAdapter]
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

    def putrequest(self, *args: Any, **options: Any) -> None:
        # Else http.client connects when it sends the headers, and an error of that is told with them in its frames.
        if self.sock is None:
            self.connect()
        super().putrequest(*args, **options)

    def endheaders(self, *args: Any, **options: Any) -> None:
        # Before the first byte: what becomes of bytes that a socket was given cannot be known.
        self.adapter.is_sent = True
        super().endheaders(*args, **options)


def _peer(connection: socket.socket) -> str:
    return str(connection.getpeername()[0])
