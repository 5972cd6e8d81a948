"""Whether the gateway's address can be reached: its name, its port, its certificate. Sends no key and no request."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy
from urllib3.util.connection import allowed_gai_family

from sora2_provider.cli.doctor.report import Finding, fail, ok, skip, warn
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.gateway.transport.addresses import classify_address

_DAY = 86_400.0
#: Days before its end at which a certificate is worth a word: renewals are due at a third of 90 days.
_CERTIFICATE_DAYS = 14


class Way(NamedTuple):
    """How requests would go to the gateway from this machine.

    :param proxy: the connection's or the environment's; empty for none.
    :param verify: ``False``, or the path of the CA bundle.
    """

    host: str
    port: int
    is_tls: bool
    proxy: str
    verify: str | bool

    @classmethod
    def to(cls, settings: GatewaySettings) -> Way:
        """Return the way, with the environment's proxies and CA bundle taken into account as requests does."""
        parts = urlsplit(settings.base_url)
        given = {"http": settings.proxy, "https": settings.proxy} if settings.proxy else {}
        with requests.Session() as session:
            merged = session.merge_environment_settings(settings.base_url, given, True, settings.verify_tls, None)
        verify = merged["verify"]
        is_tls = parts.scheme == "https"
        return cls(
            parts.hostname or "",
            parts.port or (443 if is_tls else 80),
            is_tls,
            select_proxy(settings.base_url, merged["proxies"]) or "",
            DEFAULT_CA_BUNDLE_PATH if verify is True else verify or False,
        )


def check_address(settings: GatewaySettings) -> list[Finding]:
    """Return the check ``address`` and, for https, ``tls``."""
    way = Way.to(settings)
    if way.proxy:
        return _through_proxy(way, settings.connect_timeout)
    where = f"{way.host} port {way.port}"
    try:
        addresses = _resolved(way.host, way.port)
    except OSError:
        seen = f"The name {way.host} cannot be resolved on this machine."
        return [fail("address", seen, "Correct the Base URL, or the DNS of this machine.")]
    with contextlib.ExitStack() as stack:
        try:
            connected = stack.enter_context(_connected(addresses, way.port, settings.connect_timeout))
        except OSError as error:
            seen = f"{where} ({', '.join(addresses[:3])}) takes no connection: {_words(error)}."
            to_do = (
                "Correct the Base URL and its port, or let this machine connect there (firewall, network policy). Where the "
                "internet is reached through a proxy, write it into the Proxy field of the connection."
            )
            return [fail("address", seen, to_do)]
        address = str(connected.getpeername()[0])
        reached = where if address == way.host else f"{where} ({address})"
        if not way.is_tls:
            return _plain(reached, address)
        return [ok("address", f"{reached} takes connections."), _tls(connected, way)]


def _plain(reached: str, address: str) -> list[Finding]:
    kind = classify_address(address)
    if kind is None:
        to_do = "Begin the Base URL with https://. Then ask for a new key: this one may have been read."
        unsafe = f"{reached} is on the internet, and http:// shows the API key to everybody on the way."
        return [fail("address", unsafe, to_do)]
    return [ok("address", f"{reached} takes connections; http:// is fine for it, inside your network ({kind}).")]


def _tls(connected: socket.socket, way: Way) -> Finding:
    if way.verify is False:
        return warn(
            "tls",
            "Certificates are not verified: anyone on the network can take the API key.",
            "Set Verify TLS to true, or to the path of a CA bundle that holds your gateway's CA.",
        )
    bundle = Path(str(way.verify))
    try:
        is_folder = bundle.is_dir()
        context = ssl.create_default_context(capath=bundle if is_folder else None, cafile=None if is_folder else bundle)
    except (ssl.SSLError, OSError) as error:
        to_do = "Correct Verify TLS in the connection, or REQUESTS_CA_BUNDLE in the environment: it must be a PEM file."
        return fail("tls", f"The CA bundle {bundle} cannot be read: {_words(error)}.", to_do)
    try:
        with context.wrap_socket(connected, server_hostname=way.host) as secured:
            version, certificate = secured.version(), secured.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        seen = f"The certificate of {way.host} is not accepted: {error.verify_message}."
        to_do = (
            "Check the name in the Base URL. If your gateway has a CA of its own, put its bundle (PEM) onto every worker and "
            "write its path into Verify TLS."
        )
        return fail("tls", seen, to_do)
    except (ssl.SSLError, OSError) as error:
        seen = f"{way.host} port {way.port} does not speak TLS as it should: {_words(error)}."
        return fail("tls", seen, "Check the port in the Base URL; a gateway inside your network may want http://.")
    left = (ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) / _DAY
    seen = f"{version}; the certificate is valid for {left:.0f} more days."
    if left < _CERTIFICATE_DAYS:
        return warn("tls", seen, "Tell the gateway's operator: when it ends, no task reaches the gateway.")
    return ok("tls", seen)


def _through_proxy(way: Way, timeout: float) -> list[Finding]:
    parts = urlsplit(way.proxy if "://" in way.proxy else f"http://{way.proxy}")
    host, port = parts.hostname or "", parts.port or 80
    tls = skip("tls", "Between the proxy and the gateway: see the checks below, which go that way.")
    try:
        with _connected(_resolved(host, port), port, timeout):
            return [ok("address", f"Through the proxy {host} port {port}, which takes connections."), tls]
    except OSError as error:
        seen = f"The proxy {host} port {port} cannot be reached: {_words(error)}."
        to_do = (
            "Correct the Proxy field of the connection, or HTTPS_PROXY and NO_PROXY in the environment of the workers."
        )
        return [fail("address", seen, to_do)]


def _resolved(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(str(error)) from error
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@contextlib.contextmanager
def _connected(addresses: list[str], port: int, timeout: float) -> Iterator[socket.socket]:
    for number, address in enumerate(addresses, start=1):
        try:
            connected = socket.create_connection((address, port), timeout)
        except OSError:
            if number == len(addresses):
                raise
            continue
        with connected:
            yield connected
        return


def _words(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "handshake failed").replace("_", " ").lower()
    return (error.strerror or str(error)).lower()
