"""Looks an Airflow connection up for the triggerer: in a thread, because whatever a secrets backend does must not hold the loop.

A thread that hangs cannot be ended. So each lookup has a thread of its own, where it holds up nothing else of the
triggerer, and there is one lookup of a connection at a time: who needs it next waits for the one that hangs.
"""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async

from sora2_provider.compat import read_connection
from sora2_provider.gateway.async_client import Prepared
from sora2_provider.gateway.errors import GatewayUnavailable, InvalidRequest
from sora2_provider.gateway.polling.progress import duration_text
from sora2_provider.hooks.connection import settings_of

#: Seconds that a lookup may take before it counts as hanging.
_PATIENCE = 10.0


class _Lookup(NamedTuple):
    task: asyncio.Task[Prepared]
    begun: float


_under_way: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Lookup]] = WeakKeyDictionary()


async def look_up(conn_id: str) -> Prepared:
    """Return the settings of a connection, ready for use.

    :raises InvalidRequest: the connection cannot be used as it is.
    :raises GatewayUnavailable: it may be usable later: the secrets backend or the CA bundle is away, or the lookup hangs.
    """
    loop = asyncio.get_running_loop()
    lookups = _under_way.setdefault(loop, {})
    if conn_id not in lookups:
        # In a context of its own: the one here is of whichever trigger came first, whose log this is not.
        task = loop.create_task(_read(conn_id), context=contextvars.Context())
        lookups[conn_id] = _Lookup(task, loop.time())
        task.add_done_callback(partial(_done, lookups, conn_id))
    task, begun = lookups[conn_id]
    await asyncio.wait({task}, timeout=max(0.0, begun + _PATIENCE - loop.time()))
    if not task.done():
        raise GatewayUnavailable(
            f"The connection {conn_id!r} could not be looked up for {duration_text(loop.time() - begun)}: does the secrets "
            "backend, or Airflow's API server, answer? If they do again and this goes on, restart the triggerer.",
            transient=True,
        )
    try:
        return task.result()
    except asyncio.CancelledError:
        raise GatewayUnavailable(f"The lookup of the connection {conn_id!r} was broken off.", transient=True) from None
    except OSError as error:
        raise GatewayUnavailable(f"The connection {conn_id!r} cannot be used now: {error}", transient=True) from error
    except Exception as error:
        raise InvalidRequest(f"The connection {conn_id!r} cannot be used: {error}") from error


def _done(lookups: dict[str, _Lookup], conn_id: str, task: asyncio.Task[Prepared]) -> None:
    del lookups[conn_id]
    if not task.cancelled():
        # So that asyncio does not complain of one that nobody waits for any more.
        task.exception()


async def _read(conn_id: str) -> Prepared:
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"sora2-lookup-{conn_id}")
    try:
        # Not asyncio.to_thread: its thread must know this loop. On Airflow 3.0 and 3.1 a message to the supervisor from any
        # other thread gets between those of the loop, and the triggerer dies.
        return await sync_to_async(_read_in_thread, thread_sensitive=False, executor=executor)(conn_id)
    finally:
        executor.shutdown(wait=False)


def _read_in_thread(conn_id: str) -> Prepared:
    connection, extra = read_connection(conn_id)
    return Prepared.of(settings_of(connection, extra=extra))
