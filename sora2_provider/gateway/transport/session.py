"""One HTTP exchange on requests: what was sent, what came back, and what a broken connection means.

requests' and urllib3's own retries, redirects and netrc logins are all off: whether a call is repeated, and whom the
key is shown to, is decided by this package and by nothing else.
"""

from __future__ import annotations

import platform
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, NamedTuple

import requests
import urllib3
from requests.exceptions import InvalidSchema, InvalidURL
from urllib3.exceptions import LocationValueError

from sora2_provider import __version__
from sora2_provider.gateway.errors import GatewayError, GatewayUnavailable, InvalidRequest
from sora2_provider.gateway.transport.adapter import ConnectionPolicy, PolicyAdapter
from sora2_provider.gateway.transport.deadlines import BoundedResponse, TooSlow

if TYPE_CHECKING:
    from sora2_provider.gateway.settings import GatewaySettings


USER_AGENT = f"airflow-provider-sora2/{__version__} (Python {platform.python_version()})"

#: More than any gateway's JSON: what is longer is a file or an endless page.
MAX_BODY = 4 * 1024 * 1024

#: TLS errors that end a handshake: nothing of the request has left yet.
_HANDSHAKE_ERRORS = (
    *("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNSUPPORTED_PROTOCOL"),
    *("TLSV1_ALERT_PROTOCOL_VERSION", "SSLV3_ALERT_HANDSHAKE_FAILURE"),
)
_UNUSABLE_ADDRESS = (InvalidURL, InvalidSchema, LocationValueError, UnicodeError)


class RawResponse(NamedTuple):
    """A whole HTTP answer, as the readers take it: ``read(*raw)``."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(eq=False)
class NoResponse(Exception):
    """An exchange ended without an answer.

    :param reason: what happened, in a few words without the URL.
    :param sent: whether the request may have reached the server.
    :param permanent: trying again would end the same way.
    """

    reason: str
    _: KW_ONLY
    sent: bool
    permanent: bool = False

    def as_error(self, what: str) -> GatewayError:
        """Return the error for a call that may be made again safely."""
        message = f"{what}: {self.reason}."
        return InvalidRequest(message) if self.permanent else GatewayUnavailable(message, transient=True)


class _Session(requests.Session):
    """Knows no redirects: else requests would read a redirect's whole body and parse its target, unasked."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


class Transport:
    """A session with a gateway, or with the hosts of its links: connections are kept and reused.

    :param policy: decides about each connection. What it raises comes out of :meth:`open` and :meth:`exchange`.
    """

    def __init__(self, settings: GatewaySettings, policy: ConnectionPolicy) -> None:
        self._settings = settings
        self._session = _Session()
        self._session.headers["User-Agent"] = USER_AGENT
        adapter = PolicyAdapter(policy)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

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
                proxies={"http": settings.proxy, "https": settings.proxy} if settings.proxy else None,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
            raise _diagnosis(error) from None

    def read(self, response: requests.Response, limit: int) -> bytes:
        """Read a body of at most ``limit`` bytes; it must be complete within the read timeout.

        :raises NoResponse: it was cut, was too long, or trickled.
        """
        if "," in response.headers.get("content-encoding", ""):
            # Each layer multiplies: a few KB can become GBs before there is anything to count.
            raise NoResponse("the answer is compressed more than once", sent=True)
        answer = getattr(response.raw, "_original_response", None)
        if isinstance(answer, BoundedResponse):
            answer.limit_total(self._settings.read_timeout)
        give_up = time.monotonic() + self._settings.read_timeout
        body = bytearray()
        try:
            for part in response.iter_content(4096):
                body += part
                if len(body) > limit:
                    raise NoResponse(f"the answer is longer than {limit} bytes", sent=True)
                if time.monotonic() > give_up:
                    raise NoResponse("the answer did not end within the read timeout", sent=True)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _diagnosis(error) from None
        return bytes(body)


def as_sent(url: str) -> str:
    """Return an address as requests sends to it.

    :raises NoResponse: it cannot be used.
    """
    try:
        return requests.Request("GET", url).prepare().url or ""
    except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as error:
        raise _diagnosis(error) from None


def _diagnosis(error: BaseException) -> NoResponse:
    chain = list(_causes(error))
    for one in chain:
        if isinstance(one, ssl.SSLError) and one.reason in _HANDSHAKE_ERRORS:
            why = getattr(one, "verify_message", "") or one.reason.replace("_", " ").lower()
            return NoResponse(f"TLS failed ({why})", sent=False, permanent=True)
        if isinstance(one, TooSlow):
            return NoResponse(str(one), sent=True)
    if type(error) is OSError and error.errno is None:
        return NoResponse("the CA bundle that verify_tls names cannot be read", sent=False, permanent=True)
    if any(isinstance(one, socket.gaierror) for one in chain):
        return NoResponse("the host name cannot be resolved", sent=False)
    # What http.client says when a proxy does not open a tunnel; the request itself has not been sent then.
    refusal = next((text for one in chain if (text := str(one)).startswith("Tunnel connection failed")), None)
    if refusal is not None:
        return NoResponse(f"the proxy refused ({refusal.lower()}): check the Proxy field of the connection", sent=False)
    # A ProxyError alone is no evidence: urllib3 calls it so, too, when an answer is lost behind a proxy.
    not_connected = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
    if any(isinstance(one, not_connected) for one in chain):
        where = "the proxy" if isinstance(error, requests.exceptions.ProxyError) else "the host"
        return NoResponse(f"no connection to {where} ({_system_text(chain, 'connect timeout')})", sent=False)
    if any(isinstance(one, (requests.Timeout, urllib3.exceptions.ReadTimeoutError, TimeoutError)) for one in chain):
        return NoResponse("no answer within the read timeout", sent=True)
    if isinstance(error, _UNUSABLE_ADDRESS):
        return NoResponse("the address cannot be used", sent=False, permanent=True)
    why = _system_text(chain, "closed before the answer was complete")
    return NoResponse(f"the connection broke ({why})", sent=True)


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
    texts = [one.strerror for one in chain if isinstance(one, OSError) and isinstance(one.strerror, str)]
    return texts[-1].lower() if texts else otherwise
