"""Whether the gateway's address can be reached: its name, its port, its certificate. Sends no key and no request."""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy
from urllib3.util.connection import allowed_gai_family, create_connection

from sora2_provider.cli.doctor.report import CheckResult, fail, ok, skip, warn
from sora2_provider.gateway.errors import as_sentence
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.gateway.transport.addresses import classify_address
from sora2_provider.gateway.transport.no_response import NoResponse
from sora2_provider.gateway.transport.proxies import SOCKS_TO_DO, WORKERS_SCHEMES, proxy_for

#: A certificate with fewer days left is a warning: one of 90 days is renewed 30 days before its end.
_CERTIFICATE_DAYS = 14


class Destination(NamedTuple):
    """Where requests go from this machine.

    :param proxy: the connection's or the environment's; empty for none.
    :param verify: ``False``, or the path of the CA bundle.
    """

    host: str
    port: int
    is_tls: bool
    proxy: str
    verify: str | bool

    @classmethod
    def of(cls, settings: GatewaySettings) -> Destination:
        """Return the gateway's, with the environment's proxies and CA bundle as requests uses them."""
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


def check_address(settings: GatewaySettings) -> list[CheckResult]:
    """Return the check ``address`` and, for https, ``tls``."""
    try:
        proxy_for(settings, settings.base_url, schemes=WORKERS_SCHEMES)
    except NoResponse as refused:
        reason = as_sentence(refused.reason)
        return [fail("address", f"{reason[:1].upper()}{reason[1:]}", refused.to_do)]
    destination = Destination.of(settings)
    if destination.proxy:
        return _through_proxy(destination, settings.connect_timeout)
    where = f"{destination.host} port {destination.port}"
    try:
        addresses = _resolved(destination.host, destination.port)
    except OSError:
        seen = f"The name {destination.host} cannot be resolved on this machine."
        return [fail("address", seen, "Correct the Base URL, or the DNS of this machine.")]
    try:
        connected = create_connection((destination.host, destination.port), settings.connect_timeout)
    except OSError as error:
        seen = f"{where} ({', '.join(addresses[:3])}) accepts no connection: {_reason(error)}."
        to_do = (
            "Correct the Base URL and its port, or allow this machine to connect there (firewall, network policy). If the "
            "internet is reached through a proxy, write it into the Proxy field of the connection."
        )
        return [fail("address", seen, to_do)]
    with connected:
        address = str(connected.getpeername()[0])
        reached = where if address == destination.host else f"{where} ({address})"
        if destination.is_tls:
            return [ok("address", f"{reached} accepts connections."), _tls(connected, destination)]
    kind = classify_address(address)
    if kind is None:
        to_do = "Begin the Base URL with https://. Then get a new key, because others may have read this one."
        unsafe = f"{reached} is on the internet, and over http:// everybody on the way can read the API key."
        return [fail("address", unsafe, to_do)]
    return [ok("address", f"{reached} accepts connections; http:// is safe here, inside your network ({kind}).")]


def _tls(connected: socket.socket, destination: Destination) -> CheckResult:
    if destination.verify is False:
        return warn(
            "tls",
            "Certificates are not verified: anyone on the network can read the API key.",
            "Set Verify TLS to true, or to the path of a CA bundle that holds your gateway's CA.",
        )
    bundle = Path(str(destination.verify))
    try:
        is_folder = bundle.is_dir()
        context = ssl.create_default_context(capath=bundle if is_folder else None, cafile=None if is_folder else bundle)
    except (ssl.SSLError, OSError) as error:
        to_do = "Correct Verify TLS in the connection, or REQUESTS_CA_BUNDLE in the environment: it must be a PEM file."
        return fail("tls", f"The CA bundle {bundle} cannot be read: {_reason(error)}.", to_do)
    try:
        with context.wrap_socket(connected, server_hostname=destination.host) as secured:
            version, certificate = secured.version(), secured.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        seen = f"The certificate of {destination.host} is not accepted: {error.verify_message}."
        to_do = (
            "Check the name in the Base URL. If your gateway has its own CA, put the CA bundle (PEM) on every worker and write "
            "its path into Verify TLS."
        )
        return fail("tls", seen, to_do)
    except (ssl.SSLError, OSError) as error:
        seen = f"{destination.host} port {destination.port} has no working TLS: {_reason(error)}."
        return fail("tls", seen, "Check the port in the Base URL; a gateway inside your network may need http://.")
    left = (ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) / 86_400
    seen = f"{version}; the certificate is valid for {left:.0f} more days."
    if left < _CERTIFICATE_DAYS:
        return warn("tls", seen, "Tell the gateway's operator: no task reaches the gateway after it expires.")
    return ok("tls", seen)


def _through_proxy(destination: Destination, timeout: float) -> list[CheckResult]:
    parts = urlsplit(destination.proxy if "://" in destination.proxy else f"http://{destination.proxy}")
    host, port = parts.hostname or "", parts.port or (1080 if parts.scheme.startswith("socks") else 80)
    tls = skip("tls", "Not checked through a proxy. The checks below use it.")
    try:
        _resolved(host, port)
        with create_connection((host, port), timeout):
            seen = f"Through the proxy {host} port {port}, which accepts connections."
            if parts.scheme.startswith("socks"):
                return [warn("address", f"{seen} The triggerer cannot use a SOCKS proxy.", SOCKS_TO_DO), tls]
            return [ok("address", seen), tls]
    except OSError as error:
        seen = f"The proxy {host} port {port} cannot be reached: {_reason(error)}."
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


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "handshake failed").replace("_", " ").lower()
    return (error.strerror or str(error)).lower()
