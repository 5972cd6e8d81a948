"""What all triggers of one connection share on a triggerer's event loop, for as long as any of them needs it.

That is one HTTP session, one connection lookup, one schedule of polls with one limit and one pause after "too many
requests", and one estimator of rendering times.
"""

from __future__ import annotations

import asyncio
import logging
import time
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async

from sora2_provider.compat import conf, read_connection
from sora2_provider.gateway.async_client import DEFAULT_CONNECTIONS, AsyncSora2Client
from sora2_provider.gateway.errors import InvalidRequest, RateLimited
from sora2_provider.gateway.models import Video
from sora2_provider.gateway.parsing.videos import UnfinishedVideo
from sora2_provider.gateway.polling.estimates import RenderTimeEstimator
from sora2_provider.gateway.polling.poller import Poller, WatchedVideo
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.hooks.connection import settings_of, unverified
from sora2_provider.reporting import metrics

_log = logging.getLogger(__name__)

#: Seconds for which a connection's settings are used before they are looked up again, so that a new key comes into use.
_LOOKUP_LIFE = 300.0
#: Seconds of pause after a 429 that names none.
_PAUSE = 5.0
#: A gateway that names a longer pause is asked again all the same: no pause may carry a wait far past its deadline.
_LONGEST_PAUSE = 300.0


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
        self._connections = conf.getint("sora2", "triggerer_connections", fallback=DEFAULT_CONNECTIONS)
        self.poller = Poller(self.ask, at_once=self._connections, poll_failed=metrics.poll_failed)
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> SharedGateway:
        self.users += 1
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.users -= 1
        if self.users == 0:
            if self._registry.get(self.conn_id) is self:
                del self._registry[self.conn_id]
            await self.poller.close()
            if self._client is not None:
                await self._client.close()
                self._client = None

    async def ask(self, watched: WatchedVideo) -> Video | UnfinishedVideo:
        """Poll a video's state. After "too many requests" no other poll of the connection is begun for a while.

        :raises GatewayError: no state came back, or the connection cannot be used.
        """
        client = self._client
        if client is None or time.monotonic() - self._looked_up > _LOOKUP_LIFE:
            client = await self._looked_up_client()
        if watched.client is not client:
            # An address that another client prepared may be another host's, and this client's key must not go there.
            watched.client, watched.url = client, client.url_of(watched.video_id)
        try:
            return await client.get_state(watched.video_id, url=watched.url)
        except RateLimited as error:
            self.poller.pause(_PAUSE if error.retry_after is None else min(error.retry_after, _LONGEST_PAUSE))
            raise

    async def _looked_up_client(self) -> AsyncSora2Client:
        async with self._opening:
            if self._client is not None and time.monotonic() - self._looked_up <= _LOOKUP_LIFE:
                return self._client
            try:
                settings = await self._settings()
            except InvalidRequest as error:
                if self._client is None:
                    raise
                # A secrets backend that is away must not end the waits of videos that are paid for.
                _log.warning("%s; the settings that were read before stay in use", error)
                settings = self._client.settings
            if self._client is None or self._client.settings != settings:
                if settings.verify_tls is False:
                    _log.warning(unverified(self.conn_id))
                fresh = await AsyncSora2Client.open(settings, connections=self._connections)
                stale, self._client = self._client, fresh
                if stale is not None:
                    await stale.close()
            self._looked_up = time.monotonic()
            return self._client

    async def _settings(self) -> GatewaySettings:
        try:
            connection, extra = await read_connection(self.conn_id)
            # In a thread: a CA bundle is looked for, and masking talks to the supervisor. In one that knows this loop: on
            # Airflow 3.0 and 3.1 a message from any other thread gets between those of the loop, and the triggerer dies.
            return await sync_to_async(settings_of)(connection, extra=extra)
        except Exception as error:
            raise InvalidRequest(f"The connection {self.conn_id!r} cannot be used: {error}") from error


_registry: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, SharedGateway]] = WeakKeyDictionary()


def shared_gateway(conn_id: str) -> SharedGateway:
    """Return the gateway of a connection on this event loop, to be entered at once."""
    gateways = _registry.setdefault(asyncio.get_running_loop(), {})
    if conn_id not in gateways:
        gateways[conn_id] = SharedGateway(conn_id, gateways)
    return gateways[conn_id]
