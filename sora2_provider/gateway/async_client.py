"""The asynchronous client for the triggerer: asks for a video's state, and nothing else.

Thousands of triggers share one of these, so what a poll costs here decides how many of them a triggerer can carry. Nothing here
blocks the event loop: names are resolved and the TLS context is made in threads, proxies are read once, no netrc file
is consulted, and redirects are not followed.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import stat
from dataclasses import dataclass, field
from functools import lru_cache, partial

import aiohttp
import certifi
from multidict import CIMultiDict
from yarl import URL

from sora2_provider.gateway.compression import ACCEPT_ENCODING, MAX_BODY, CannotUnpack, unpack
from sora2_provider.gateway.dialects import UNIFIED
from sora2_provider.gateway.dialects import dialect as dialect_of
from sora2_provider.gateway.masking import Secret
from sora2_provider.gateway.models import Video
from sora2_provider.gateway.parsing.videos import UnfinishedVideo, as_asked
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.gateway.transport.bodies import Body
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
from sora2_provider.gateway.transport.proxies import proxy_for
from sora2_provider.gateway.transport.response_heads import MAX_LINE, TolerantProtocol
from sora2_provider.gateway.transport.session import USER_AGENT

DEFAULT_CONNECTIONS = 100


@dataclass(frozen=True)
class Prepared:
    """Settings, with what they name on this machine as it is now. Two that differ need two clients."""

    settings: GatewaySettings
    tls: ssl.SSLContext | bool
    #: Not in the ``repr``: it may hold a password.
    proxy: Secret | None = field(repr=False)

    @classmethod
    def of(cls, settings: GatewaySettings) -> Prepared:
        """Read the CA bundle and the environment. Not for an event loop: files are read.

        :raises OSError: the CA bundle cannot be read.
        :raises GatewayError: the environment's proxy cannot be used.
        """
        try:
            proxy = proxy_for(settings, settings.base_url)
        except NoResponse as lost:
            raise lost.as_error(f"The gateway at {settings.base_url} cannot be reached") from None
        return cls(settings, _tls_context(settings.verify_tls), proxy)


class AsyncSora2Client:
    """Polls one gateway over a bounded number of kept connections. Belongs to one event loop; close it when done."""

    def __init__(self, prepared: Prepared, session: aiohttp.ClientSession) -> None:
        self.prepared = prepared
        self.settings = prepared.settings
        self._session = session
        self._proxy = prepared.proxy

    @classmethod
    async def open(cls, settings: GatewaySettings, *, connections: int = DEFAULT_CONNECTIONS) -> AsyncSora2Client:
        """Read what the settings name, in a thread, and return a client: see :meth:`of`."""
        return cls.of(await asyncio.to_thread(Prepared.of, settings), connections=connections)

    @classmethod
    def of(cls, prepared: Prepared, *, connections: int = DEFAULT_CONNECTIONS) -> AsyncSora2Client:
        """Return a client that holds at most ``connections`` TCP connections; further polls wait for one."""
        settings = prepared.settings
        # A connection is kept (seconds) for longer than the pause between two polls, so that it is used again.
        connector = aiohttp.TCPConnector(
            limit=connections, keepalive_timeout=120.0, ssl=prepared.tls, ttl_dns_cache=300
        )
        # aiohttp offers no other place. Where a later release does not look here, only odd heads are refused again.
        connector._factory = partial(TolerantProtocol, loop=asyncio.get_running_loop())  # type: ignore[assignment]
        # Not sock_read: to move that timer with all that arrives costs as much as to read the answer.
        whole = settings.connect_timeout + settings.read_timeout
        timeout = aiohttp.ClientTimeout(total=whole, sock_connect=settings.connect_timeout)
        headers = CIMultiDict({"User-Agent": USER_AGENT, "Accept-Encoding": ACCEPT_ENCODING})
        headers.update({**settings.headers(), "Accept": "application/json"})
        session = aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            trust_env=False,
            # aiohttp would unpack on the loop: its oldest supported release all of it, and by what the headers say.
            auto_decompress=False,
            max_line_size=MAX_LINE,
            max_field_size=MAX_LINE,
        )
        return cls(prepared, session)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    def url_of(self, video_id: str, dialect: str = UNIFIED) -> URL:
        """Return the address that a video's state is asked at. Making one costs as much as reading an answer.

        :param dialect: the wire that the video was created on.
        """
        request = dialect_of(dialect).query(video_id, self.settings.query_path_of(dialect))
        return URL(self.settings.url_of(request.target), encoded=True)

    async def get_state(
        self, video_id: str, *, dialect: str = UNIFIED, url: URL | None = None
    ) -> Video | UnfinishedVideo:
        """Poll a video's state: see :func:`~sora2_provider.gateway.parsing.videos.read_state`.

        :param dialect: the wire that the video was created on.
        :param url: what ``url_of`` gave, for who asks more than once.
        :raises GatewayError: no state came back.
        """
        try:
            # Not `async with`, which costs as much as the reading of the answer. A connection whose answer was not read
            # to its end is closed by release().
            url = self.url_of(video_id, dialect) if url is None else url
            answer = await self._session.get(url, proxy=self._proxy, allow_redirects=False)
            try:
                body = self.settings.redact_body(await _body_of(answer))
            finally:
                answer.release()
        except CannotUnpack as error:
            lost = NoResponse(str(error), sent=True)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            lost = _diagnosis(error)
        else:
            base_url = self.settings.base_url
            read = dialect_of(dialect).read_state
            state = read(answer.status, answer.headers, body, video_id=video_id, base_url=base_url)
            return as_asked(state, video_id)
        # Without the frames of aiohttp, which hold the key.
        raise lost.as_error(f"The gateway at {self.settings.base_url} cannot be reached")


async def _body_of(answer: aiohttp.ClientResponse) -> bytes:
    first = await answer.content.readany()
    if not answer.content.at_eof():
        body = Body()
        body.add(first)
        async for part in answer.content.iter_any():
            body.add(part)
            if len(body) > MAX_BODY or body.is_endless:
                raise CannotUnpack(f"the answer is longer than {MAX_BODY} bytes")
        first = bytes(body)
    return unpack(first, answer.headers.get(aiohttp.hdrs.CONTENT_ENCODING, ""))


def _diagnosis(error: BaseException) -> NoResponse:
    """Return what an error means, in the words that the workers' client has for the same."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return tls_failed(error.certificate_error)
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return tls_failed(error.os_error)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return NoResponse("the host name cannot be resolved", sent=False)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return proxy_refused(f"{error.status} {error.message}")
    if isinstance(error, aiohttp.ClientConnectorError):
        where = "the proxy" if isinstance(error, aiohttp.ClientProxyConnectionError) else "the host"
        return NoResponse(f"no connection to {where} ({_system_text(error, CLOSED)})", sent=False)
    if isinstance(error, aiohttp.ServerTimeoutError):
        return NoResponse("no connection to the host (connect timeout)", sent=False)
    if isinstance(error, TimeoutError):
        return NoResponse(SILENT, sent=True)
    if isinstance(error, aiohttp.ClientResponseError) and error.message == NOT_HTTP:
        return NoResponse(NOT_HTTP, sent=True)
    if isinstance(error.__cause__, ssl.SSLError):
        return tls_broke(error.__cause__)
    return NoResponse(f"the connection broke ({_system_text(error, CUT)})", sent=True)


def _system_text(error: BaseException, otherwise: str) -> str:
    known = isinstance(error, OSError) and error.errno
    return os.strerror(known).lower() if known else otherwise


def _tls_context(verify: bool | str) -> ssl.SSLContext | bool:
    """Return the TLS context of this kind; ``False``: no checks.

    Trusts what the workers' requests trusts: the bundle that the environment names, else certifi's.
    """
    if verify is False:
        return False
    environment = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    named = (verify if isinstance(verify, str) else environment) or certifi.where()
    facts = os.stat(named)  # noqa: PTH116 - runs in a thread
    try:
        return _trusting(named, stat.S_ISDIR(facts.st_mode), (facts.st_ino, facts.st_size, facts.st_mtime_ns))
    except ssl.SSLError as error:
        raise OSError(f"the CA bundle {named} cannot be read: {error.reason or error}") from error


@lru_cache(maxsize=8)
def _trusting(bundle: str, is_folder: bool, as_it_is: tuple[int, ...]) -> ssl.SSLContext:
    """Return the process's one TLS context for a bundle as it is now, since making one takes 25 ms of CPU."""
    return ssl.create_default_context(capath=bundle) if is_folder else ssl.create_default_context(cafile=bundle)
