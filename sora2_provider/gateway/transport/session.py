"""One HTTP exchange on requests: what was sent, what came back, and what a broken connection means.

requests' and urllib3's own retries, redirects and netrc logins are all off: whether a call is repeated, and whom the
key is shown to, is decided by this package and by nothing else.
"""

from __future__ import annotations

import http.client
import platform
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import requests
import urllib3

from sora2_provider import __version__
from sora2_provider.gateway.compression import ACCEPT_ENCODING, MAX_BODY, CannotUnpack, unpack, unpacked_so_far
from sora2_provider.gateway.transport.adapter import ConnectionPolicy, PolicyAdapter
from sora2_provider.gateway.transport.bodies import Body
from sora2_provider.gateway.transport.deadlines import BoundedResponse, TooSlow
from sora2_provider.gateway.transport.no_response import (
    CLOSED,
    CUT,
    NOT_HTTP,
    SILENT,
    NoResponse,
    proxy_refused,
    tls_broke,
    tls_failed,
)
from sora2_provider.gateway.transport.proxies import WORKERS_SCHEMES, proxy_for

if TYPE_CHECKING:
    from sora2_provider.gateway.settings import GatewaySettings


USER_AGENT = f"airflow-provider-sora2/{__version__} (Python {platform.python_version()})"

# Those of requests and urllib3 for unusable addresses are ValueErrors, too.
_LIBRARY_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)
_TIMEOUTS = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
_UNREADABLE = (http.client.HTTPException, urllib3.exceptions.InvalidHeader)
_CUT = (http.client.IncompleteRead, http.client.RemoteDisconnected)


class RawResponse(NamedTuple):
    """A whole HTTP answer, as the readers take it: ``read(*raw)``."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Session(requests.Session):
    """Knows no redirects: else requests would read a redirect's whole body and parse its target, unasked."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


class Transport:
    """A session with a gateway, or with the hosts of its links: connections are kept and reused for what costs nothing.

    The errors that it raises carry no frame of the libraries below, nor any of what was sent or came back: such frames
    hold the key.

    :param policy: decides about each connection. What it raises comes out of :meth:`open` and :meth:`exchange`.
    """

    def __init__(self, settings: GatewaySettings, policy: ConnectionPolicy) -> None:
        self._settings = settings
        self._session = _Session()
        self._session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": ACCEPT_ENCODING})
        self._adapter = PolicyAdapter(policy)
        self._session.mount("https://", self._adapter)
        self._session.mount("http://", self._adapter)

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()

    def exchange(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None = None) -> RawResponse:
        """Send one request and read its whole answer, without the key in it.

        :raises NoResponse: no whole answer came.
        """
        with self.open(method, url, headers, content) as response:
            body = self._settings.redact_body(self.read(response, MAX_BODY))
            return RawResponse(response.status_code, response.headers, body)

    def open(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None = None
    ) -> requests.Response:
        """Send one request and return its answer with the body still to be read. No redirect is followed.

        :raises NoResponse: no answer came.
        """

        def with_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers.update(headers)
            return request

        settings = self._settings
        proxy = proxy_for(settings, url, schemes=WORKERS_SCHEMES)
        if method != "GET":
            # A server may be closing a kept connection just now: what was sent over it is lost, and nobody can tell.
            self.close()
        self._adapter.is_sent = False
        try:
            return self._session.request(
                method,
                url,
                data=content,
                # Where this stands, requests takes no login out of a netrc file.
                auth=with_headers,
                allow_redirects=False,
                stream=True,
                timeout=(settings.connect_timeout, settings.read_timeout),
                verify=settings.verify_tls,
                proxies={"http": proxy, "https": proxy} if proxy else None,
            )
        except _LIBRARY_ERRORS as error:
            lost = _diagnosis(error, is_sent=self._adapter.is_sent)
        raise lost

    def read(self, response: requests.Response, limit: int, *, unpacks: bool = True) -> bytes:
        """Read a body of at most ``limit`` bytes, which must be complete within the read timeout.

        :param unpacks: return it as it was before it was compressed.
        :raises NoResponse: it was cut, was too long, trickled, or cannot be unpacked.
        """
        answer = getattr(response.raw, "_original_response", None)
        if isinstance(answer, BoundedResponse):
            answer.limit_total(self._settings.read_timeout)
        give_up = time.monotonic() + self._settings.read_timeout
        body = Body()
        try:
            for _ in map(body.add, response.raw.stream(4096, decode_content=False)):
                if len(body) > limit or body.is_endless:
                    raise CannotUnpack(f"the answer is longer than {limit} bytes")
                if time.monotonic() > give_up:
                    raise CannotUnpack("the answer did not end within the read timeout")
            if not unpacks:
                return bytes(body)
            return unpack(bytes(body), response.headers.get("content-encoding", ""), limit=limit)
        except CannotUnpack as error:
            lost = NoResponse(str(error), sent=True)
        except _LIBRARY_ERRORS as error:
            lost = _diagnosis(error, is_sent=True)
        lost.began = self._began(response, bytes(body), limit)
        body.clear()
        raise lost

    def _began(self, response: requests.Response, body: bytes, limit: int) -> bytes:
        """Return what came of a body that broke off, without the key."""
        answer = getattr(response.raw, "_original_response", None)
        if not body and isinstance(answer, BoundedResponse):
            # What one read had received when it broke off.
            body = answer.received()
        encoding = response.headers.get("content-encoding", "")
        return self._settings.redact_body(unpacked_so_far(body, encoding, limit=limit))


def as_sent(url: str) -> str:
    """Return an address as requests sends to it.

    :raises NoResponse: it cannot be used.
    """
    try:
        return requests.Request("GET", url).prepare().url or ""
    except _LIBRARY_ERRORS as error:
        raise _diagnosis(error, is_sent=False) from None


def _diagnosis(error: BaseException, *, is_sent: bool) -> NoResponse:
    """Return what an error means. Its class and its text give the words, and never whether the request was sent."""
    chain = list(_causes(error))
    if not is_sent:
        return _diagnosis_of_connecting(error, chain)
    for one in chain:
        if isinstance(one, TooSlow):
            return NoResponse(str(one), sent=True)
        if isinstance(one, ssl.SSLError):
            return tls_broke(one)
    if any(isinstance(one, _TIMEOUTS) for one in chain):
        return NoResponse(SILENT, sent=True)
    if any(isinstance(one, _UNREADABLE) for one in chain) and not any(isinstance(one, _CUT) for one in chain):
        return NoResponse(NOT_HTTP, sent=True)
    return NoResponse(f"the connection broke ({_system_text(chain, CUT)})", sent=True)


def _diagnosis_of_connecting(error: BaseException, chain: list[BaseException]) -> NoResponse:
    for one in chain:
        if isinstance(one, ssl.SSLError) and not isinstance(one, ssl.SSLEOFError):
            return tls_failed(one)
    if type(error) is OSError and error.errno is None:
        to_do = "Correct Verify TLS in the connection, or REQUESTS_CA_BUNDLE in the environment: it must be a PEM file."
        return NoResponse("the CA bundle that verify_tls names cannot be read", sent=False, permanent=True, to_do=to_do)
    if any(isinstance(one, socket.gaierror) for one in chain):
        return NoResponse("the host name cannot be resolved", sent=False)
    # What http.client says when a proxy does not open a tunnel.
    begin = "Tunnel connection failed: "
    refusal = next((text for one in chain if (text := str(one)).startswith(begin)), None)
    if refusal is not None:
        return proxy_refused(refusal.removeprefix(begin))
    if isinstance(error, ValueError):
        to_do = "Correct the address: the connection's base URL, or the video's link."
        return NoResponse("the address cannot be used", sent=False, permanent=True, to_do=to_do)
    where = "the proxy" if isinstance(error, requests.exceptions.ProxyError) else "the host"
    otherwise = "connect timeout" if any(isinstance(one, _TIMEOUTS) for one in chain) else CLOSED
    return NoResponse(f"no connection to {where} ({_system_text(chain, otherwise)})", sent=False)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that it wraps: requests and urllib3 nest them as arguments, reasons and causes.

    Not as contexts: those reach whatever error the caller is just handling, and what did not happen here is no evidence.
    """
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [*one.args, getattr(one, "reason", None), one.__cause__]


def _system_text(chain: list[BaseException], otherwise: str) -> str:
    # OpenSSL's own texts are none of the system's.
    system = [one for one in chain if isinstance(one, OSError) and not isinstance(one, ssl.SSLError)]
    texts = [one.strerror for one in system if isinstance(one.strerror, str)]
    return texts[-1].lower() if texts else otherwise
