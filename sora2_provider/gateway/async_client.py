"""The asynchronous client for the triggerer: asks for a video's state, and nothing else.

Thousands of triggers share one of these, so what a poll costs here decides how many of them a triggerer can carry. Nothing here
blocks the event loop: names are resolved and the TLS context is made in threads, proxies are read once, no netrc file
is consulted, and redirects are not followed.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from functools import lru_cache

import aiohttp
import certifi
from multidict import CIMultiDict
from requests.utils import get_environ_proxies, select_proxy
from yarl import URL

from sora2_provider.gateway.dialects import UNIFIED, dialect
from sora2_provider.gateway.errors import GatewayUnavailable
from sora2_provider.gateway.models import Video
from sora2_provider.gateway.parsing.videos import UnfinishedVideo
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.gateway.transport.session import MAX_BODY, USER_AGENT, NoResponse

DEFAULT_CONNECTIONS = 100


class AsyncSora2Client:
    """Polls one gateway over a bounded number of kept connections. Belongs to one event loop; close it when done."""

    def __init__(self, settings: GatewaySettings, session: aiohttp.ClientSession, proxy: str | None) -> None:
        self.settings = settings
        self._session = session
        self._proxy = proxy
        self._dialect = dialect(UNIFIED)

    @classmethod
    async def open(cls, settings: GatewaySettings, *, connections: int = DEFAULT_CONNECTIONS) -> AsyncSora2Client:
        """Return a client that holds at most ``connections`` TCP connections; further polls wait for one."""
        tls = await asyncio.to_thread(_tls_context, settings.verify_tls)
        proxy = await asyncio.to_thread(_proxy_of, settings)
        # A connection is kept (seconds) for longer than the pause between two polls, so that it is used again.
        connector = aiohttp.TCPConnector(limit=connections, keepalive_timeout=120.0, ssl=tls, ttl_dns_cache=300)
        # Not sock_read: to move that timer with all that arrives costs as much as to read the answer.
        whole = settings.connect_timeout + settings.read_timeout
        timeout = aiohttp.ClientTimeout(total=whole, sock_connect=settings.connect_timeout)
        headers = CIMultiDict({"User-Agent": USER_AGENT})
        headers.update({**settings.headers(), "Accept": "application/json"})
        session = aiohttp.ClientSession(
            connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), headers=headers, trust_env=False
        )
        return cls(settings, session, proxy)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    def url_of(self, video_id: str) -> URL:
        """Return the address that a video's state is asked at. Making one costs as much as reading an answer."""
        request = self._dialect.query(video_id, self.settings.query_path)
        return URL(self.settings.base_url + request.target, encoded=True)

    async def get_state(self, video_id: str, *, url: URL | None = None) -> Video | UnfinishedVideo:
        """Poll a video's state: see :func:`~sora2_provider.gateway.parsing.videos.read_state`.

        :param url: what ``url_of`` gave, for who asks more than once.
        :raises GatewayError: no state came back.
        """
        try:
            # Not `async with`, which costs as much as the reading of the answer. A connection whose answer was not read
            # to its end is closed by release().
            url = self.url_of(video_id) if url is None else url
            answer = await self._session.get(url, proxy=self._proxy, allow_redirects=False)
            try:
                body = self.settings.redact_body(await _body_of(answer))
            finally:
                answer.release()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _diagnosis(error).as_error(f"The gateway at {self.settings.base_url} cannot be reached") from None
        return self._dialect.read_state(answer.status, answer.headers, body, video_id=video_id)


async def _body_of(answer: aiohttp.ClientResponse) -> bytes:
    first = await answer.content.readany()
    if answer.content.at_eof():
        return first
    body = bytearray(first)
    async for part in answer.content.iter_any():
        body += part
        if len(body) > MAX_BODY:
            raise GatewayUnavailable(f"The answer is longer than {MAX_BODY} bytes.", transient=True)
    return bytes(body)


def _diagnosis(error: BaseException) -> NoResponse:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return NoResponse(f"TLS failed ({error.certificate_error.args[-1]})", sent=False, permanent=True)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return NoResponse("the host name cannot be resolved", sent=False)
    if isinstance(error, TimeoutError):
        return NoResponse("no answer within the timeout", sent=True)
    known = isinstance(error, OSError) and error.errno
    reason = os.strerror(known).lower() if known else "closed before the answer was complete"
    return NoResponse(f"the connection broke ({reason})", sent=True)


@lru_cache(maxsize=8)
def _tls_context(verify: bool | str) -> ssl.SSLContext | bool:
    """Return the process's one TLS context of this kind, since making one takes 25 ms of CPU; ``False``: no checks.

    Trusts what the workers' requests trusts: the bundle that the environment names, else certifi's.
    """
    if verify is False:
        return False
    environment = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    named = (verify if isinstance(verify, str) else environment) or certifi.where()
    folder = os.path.isdir(named)  # noqa: PTH112 - runs in a thread
    return ssl.create_default_context(capath=named) if folder else ssl.create_default_context(cafile=named)


def _proxy_of(settings: GatewaySettings) -> str | None:
    """Return the proxy that the workers' requests take."""
    return settings.proxy or select_proxy(settings.base_url, get_environ_proxies(settings.base_url))
