"""What all triggers of one connection share on a triggerer's event loop, for as long as any of them needs it.

That is one HTTP session, one connection lookup, one schedule of polls with one limit and one pause after "too many
requests", and one estimator of rendering times.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from weakref import WeakKeyDictionary

from sora2_provider.compat import conf
from sora2_provider.gateway.async_client import DEFAULT_CONNECTIONS, AsyncSora2Client
from sora2_provider.gateway.errors import GatewayError, RateLimited
from sora2_provider.gateway.models import Video
from sora2_provider.gateway.parsing.videos import UnfinishedVideo
from sora2_provider.gateway.polling.estimates import RenderTimeEstimator
from sora2_provider.gateway.polling.poller import Poller, WatchedVideo
from sora2_provider.hooks.connection import unverified
from sora2_provider.reporting import metrics
from sora2_provider.triggers.lookup import look_up

_log = logging.getLogger(__name__)

#: Seconds for which a connection's settings and its CA bundle are used before they are looked up again, so that new ones
#: come into use; and while questions fail, so that a correction comes before the waits are given up.
_LOOKUP_LIFE = 300.0
_LOOKUP_LIFE_IN_TROUBLE = 30.0
#: Seconds of pause after a 429 that names none.
_PAUSE = 5.0
#: A gateway that names a longer pause is asked again all the same: it may be free long before.
_LONGEST_PAUSE = 300.0
#: Seconds that the end of a client's connections is waited for. An event of the last trigger waits for it, too.
_CLOSING = 2.0


class SharedGateway:
    """One gateway for all triggers of a connection on one event loop; each enters it, and the last who leaves closes it.

    It is its own context manager, and not a generator's: every object that a waiting trigger holds is one more for the
    garbage collector to look at, while the loop stands still.
    """

    def __init__(self, conn_id: str, registry: dict[str, SharedGateway]) -> None:
        self.conn_id = conn_id
        self.estimator = RenderTimeEstimator()
        self.users = 0
        self._registry = registry
        self._client: AsyncSora2Client | None = None
        self._looked_up = 0.0
        self._refresh: asyncio.Task[AsyncSora2Client] | None = None
        self._connections = _most_connections()
        self.poller = Poller(self.ask, at_once=self._connections, poll_failed=metrics.poll_failed)

    async def __aenter__(self) -> SharedGateway:
        self.users += 1
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.users -= 1
        if self.users == 0:
            if self._registry.get(self.conn_id) is self:
                del self._registry[self.conn_id]
            try:
                await self.poller.close()
                if self._refresh is not None:
                    self._refresh.cancel()
                    await asyncio.gather(self._refresh, return_exceptions=True)
            finally:
                # Also when this trigger is cancelled once more, meanwhile.
                client, self._client = self._client, None
                if client is not None:
                    await _close(client)

    async def ask(self, watched: WatchedVideo) -> Video | UnfinishedVideo:
        """Poll a video's state. After "too many requests" no other poll of the connection is begun for a while.

        :raises GatewayError: no state came back, or the connection cannot be used.
        """
        while True:
            client = self._client
            if client is None or time.monotonic() - self._looked_up > self._life:
                client = await self._refreshed()
            if watched.client is not client:
                # An address that another client prepared may be another host's, and this client's key must not go there.
                watched.client, watched.url = client, client.url_of(watched.video_id, watched.dialect)
            try:
                return await client.get_state(watched.video_id, dialect=watched.dialect, url=watched.url)
            except RateLimited as error:
                self.poller.pause(_PAUSE if error.retry_after is None else min(error.retry_after, _LONGEST_PAUSE))
                raise
            except (Exception, asyncio.CancelledError):
                task = asyncio.current_task()
                if client is self._client or (task is not None and task.cancelling()):
                    raise
                # The connection was changed, and the client closed while the question was on its way.

    @property
    def _life(self) -> float:
        return _LOOKUP_LIFE if self.poller.trouble is None else _LOOKUP_LIFE_IN_TROUBLE

    async def _refreshed(self) -> AsyncSora2Client:
        if self._refresh is None or self._refresh.done():
            self._refresh = asyncio.create_task(self._refreshed_client(), context=contextvars.Context())
        # Whoever asks may be cancelled; the others still need it.
        return await asyncio.shield(self._refresh)

    async def _refreshed_client(self) -> AsyncSora2Client:
        client = self._client
        try:
            prepared = await look_up(self.conn_id)
        except GatewayError as error:
            if client is None:
                raise
            # A secrets backend or a CA bundle that is away must not end the waits of videos that are paid for.
            _log.warning("%s; the settings that were read before stay in use", error)
        else:
            if client is None or client.prepared != prepared:
                if prepared.settings.verify_tls is False:
                    _log.warning(unverified(self.conn_id))
                stale, client = client, AsyncSora2Client.of(prepared, connections=self._connections)
                self._client = client
                if stale is not None:
                    await _close(stale)
        self._looked_up = time.monotonic()
        return client


async def _close(client: AsyncSora2Client) -> None:
    """Close a client. That this breaks ends no wait: what it was there for is done."""
    closing = asyncio.create_task(client.close(), context=contextvars.Context())
    await asyncio.wait({closing}, timeout=_CLOSING)
    if not closing.done():
        closing.cancel()
    elif not closing.cancelled() and (error := closing.exception()) is not None:
        _log.warning("The connections to %s could not be closed: %s", client.settings.base_url, error)


def _most_connections() -> int:
    try:
        connections = int(conf.getint("sora2", "triggerer_connections", fallback=DEFAULT_CONNECTIONS))
        problem = f"[sora2] triggerer_connections = {connections}: it must be a number above 0"
    except Exception as error:
        connections, problem = 0, str(error)
    if connections > 0:
        return connections
    _log.warning("%s; %s are used", problem, DEFAULT_CONNECTIONS)
    return DEFAULT_CONNECTIONS


_registry: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, SharedGateway]] = WeakKeyDictionary()


def shared_gateway(conn_id: str) -> SharedGateway:
    """Return the gateway of a connection on this event loop, to be entered at once."""
    gateways = _registry.setdefault(asyncio.get_running_loop(), {})
    if conn_id not in gateways:
        gateways[conn_id] = SharedGateway(conn_id, gateways)
    return gateways[conn_id]
