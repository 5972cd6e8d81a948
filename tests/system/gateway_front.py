"""A server before the emulator, for what the emulator is not: one that speaks TLS, and one that never answers."""

from __future__ import annotations

import asyncio
import ssl
import threading
from concurrent.futures import Future
from typing import Self

import aiohttp
import trustme
from aiohttp import web


class GatewayFront:
    """Passes questions on, over TLS with a certificate that can be exchanged. What comes to ``/silent`` gets no answer."""

    def __init__(self, gateway: str) -> None:
        self._gateway = gateway
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority = self.exchange_certificate()
        self.hanging = 0
        """How many questions hang."""
        self.passed: set[str] = set()
        """The videos that were asked for over TLS."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="gateway-front", daemon=True)
        self._ports: Future[tuple[int, int]] = Future()

    @property
    def url(self) -> str:
        return f"https://localhost:{self._ports.result(30)[0]}"

    @property
    def silent_url(self) -> str:
        return f"http://127.0.0.1:{self._ports.result(30)[1]}/silent"

    def exchange_certificate(self) -> trustme.CA:
        """Serve with a certificate of a new authority from now on, and return that."""
        authority = trustme.CA()
        authority.issue_cert("localhost").configure_cert(self._tls)
        return authority

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        application = web.Application()
        application.router.add_get("/silent/{rest:.*}", self._silence)
        application.router.add_get("/{rest:.*}", self._pass_on)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.01, handler_cancellation=True)
        await runner.setup()
        self._session = aiohttp.ClientSession()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._tls, backlog=1024).start()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        first, second = (address[1] for address in runner.addresses)
        self._ports.set_result((first, second))
        await self._stop.wait()
        await runner.cleanup()
        await self._session.close()

    async def _silence(self, _: web.Request) -> web.Response:
        self.hanging += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.hanging -= 1
        raise AssertionError

    async def _pass_on(self, request: web.Request) -> web.Response:
        headers = {"Authorization": request.headers["Authorization"]}
        async with self._session.get(self._gateway + request.path_qs, headers=headers) as answer:
            response = web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)
        self.passed.add(request.query["id"])
        # So that each question shakes hands anew.
        response.force_close()
        return response
