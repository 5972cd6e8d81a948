"""Guards against server-side request forgery (SSRF): links, which others write, must not lead into Airflow's network.

A link may lead to a public address. Where the gateway itself is in the user's own network, its links may lead there,
too, but not to link-local addresses, where clouds keep their credentials. The user may allow everything.

Behind a proxy it is the proxy that resolves names and connects: checked is then what the link's host is from here, and
a proxy that resolves names otherwise must keep a guard of its own.
"""

from __future__ import annotations

import socket

from urllib3.util.connection import allowed_gai_family

from sora2_provider.gateway.errors import InternalAddress
from sora2_provider.gateway.transport.adapter import ConnectionPolicy
from sora2_provider.gateway.transport.addresses import FILE_SERVER_KINDS, classify_address


class GatewayPeers(ConnectionPolicy):
    """Keeps the addresses at which the gateway really answered: its name can resolve to anything at any time."""

    def __init__(self) -> None:
        self._addresses: set[str] = set()

    def verified(self, address: str) -> None:
        """Take note of an address at which the gateway answers."""
        self._addresses.add(address)

    def proxied(self, host: str, port: int) -> None:
        """Take note of the gateway's address where the base URL says it; a name says nothing."""
        self._addresses.add(host)

    @property
    def is_known(self) -> bool:
        """Whether the gateway was connected to yet."""
        return bool(self._addresses)

    @property
    def allowed_kinds(self) -> frozenset[str]:
        """The kinds of internal addresses that the gateway's links may lead to."""
        inside = self.is_known and all(classify_address(address) in FILE_SERVER_KINDS for address in self._addresses)
        return FILE_SERVER_KINDS if inside else frozenset()


class SsrfGuard(ConnectionPolicy):
    """Forbids connections to internal addresses, but for those where an internal gateway's file servers can be."""

    def __init__(self, gateway: GatewayPeers) -> None:
        self._gateway = gateway

    def connecting(self, host: str, port: int) -> None:
        """Refuse a name that resolves to an internal address, before a connection is opened.

        :raises InternalAddress: this one does.
        """
        for address in _resolved(host, port):
            self.connected(host, address)

    def connected(self, host: str, address: str) -> None:
        """Refuse an internal address.

        :raises InternalAddress: this is one.
        """
        kind = classify_address(address)
        if kind is not None and kind not in self._gateway.allowed_kinds:
            where = host if host == address else f"{host}, which is {address}"
            raise InternalAddress(
                f"The link leads to {where}: a {kind} address, and the connection does not allow internal links."
            )

    def proxied(self, host: str, port: int) -> None:
        """Refuse what is an internal address from here. A name that only the proxy can resolve passes.

        :raises InternalAddress: this is one.
        """
        self.connecting(host, port)


def _resolved(host: str, port: int) -> list[str]:
    """Return the addresses of a host, whichever way it is written: the system reads 0x7f.1 and 2130706433, too."""
    try:
        found = socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        # Connecting fails in the same way, and says it better.
        return []
    return [str(one[4][0]) for one in found]
