"""Guards against server-side request forgery (SSRF): links, which others write, must not lead into Airflow's network.

Where the gateway itself is in the user's own network, its links may lead there, too, but not to link-local addresses,
where clouds keep their credentials. Behind a proxy it is the proxy that resolves names and connects: checked is then
what the link's host is from here, and a proxy that resolves names otherwise must keep a guard of its own.
"""

from __future__ import annotations

import socket

from urllib3.util.connection import allowed_gai_family

from sora2_provider.gateway.errors import InternalAddress
from sora2_provider.gateway.transport.adapter import ConnectionPolicy
from sora2_provider.gateway.transport.addresses import FILE_SERVER_KINDS, classify_address


class GatewayPeers(ConnectionPolicy):
    """Keeps the addresses at which the gateway really answered: its name can resolve to anything at any time.

    They are the gateway's only once it has named a video that it was asked about: without TLS its name, which others may
    own, can lead to any server inside.
    """

    def __init__(self) -> None:
        self._addresses: set[str] = set()
        self.are_the_gateways = False

    def verified(self, address: str) -> None:
        self._addresses.add(address)

    def proxied(self, host: str, port: int) -> None:
        """Take note of the gateway's address where the base URL says it; a name says nothing."""
        self._addresses.add(host)

    def know_video(self) -> None:
        """Take note that an answer has named the video that was asked for."""
        self.are_the_gateways = bool(self._addresses)

    @property
    def allowed_kinds(self) -> frozenset[str]:
        """The kinds of internal addresses that the gateway's links may lead to."""
        return FILE_SERVER_KINDS if self.are_the_gateways and self.may_be_inside else frozenset()

    @property
    def may_be_inside(self) -> bool:
        """Whether the gateway has answered at no address that is not internal."""
        return all(classify_address(address) in FILE_SERVER_KINDS for address in self._addresses)


class SsrfGuard(ConnectionPolicy):
    """Raises :class:`InternalAddress` for internal addresses, but for those where an internal gateway's files can be."""

    def __init__(self, gateway: GatewayPeers) -> None:
        self._gateway = gateway

    def connecting(self, host: str, port: int) -> None:
        """Refuse a name that resolves to an internal address, before a connection is opened."""
        try:
            # However the host is written: the system reads 0x7f.1 and 2130706433, too.
            found = socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return  # connecting fails in the same way, and says it better
        for *_, address in found:
            self.connected(host, str(address[0]))

    def connected(self, host: str, address: str) -> None:
        kind = classify_address(address)
        if kind is not None and kind not in self._gateway.allowed_kinds:
            where = host if host == address else f"{host}, which is {address}"
            raise InternalAddress(
                f"The link leads to {where}: a {kind} address, and the connection does not allow internal links."
            )

    def proxied(self, host: str, port: int) -> None:
        """Refuse what is an internal address from here. A name that only the proxy can resolve passes."""
        self.connecting(host, port)
