"""The emulator as an object: its server runs in a thread of this process.

Invariants: every method may be called from any thread; ``close`` ends every thread and frees the port, also in the
middle of downloads; it listens on loopback only, because its control API asks for no key.
"""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import threading
from concurrent.futures import Future
from typing import Any

from aiohttp import web

from sora2_provider.emulator.faults import Fault
from sora2_provider.emulator.history import Billed, Received, VideoView
from sora2_provider.emulator.media.library import MovieLibrary, can_draw
from sora2_provider.emulator.server.app import Server
from sora2_provider.emulator.server.control import is_loopback
from sora2_provider.emulator.settings import INSTALL_EXTRA, EmulatorError, Settings
from sora2_provider.emulator.state import EmulatorState


class Emulator:
    """A gateway on this machine. Use it as a context manager, or call ``start`` and ``close``.

    The other keywords are the fields of ``Settings``; wrong ones raise ValueError. EmulatorError is raised for a host
    that is not loopback and where PyAV or Pillow is missing, and by ``start`` where the port is in use.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, cache_bytes: int = 2**30, **settings: Any) -> None:
        if not is_loopback(host):
            raise EmulatorError(
                f"the emulator listens on loopback only (127.0.0.1, ::1 or localhost), not on {host!r}: "
                "its control API asks for no key"
            )
        self._host = "127.0.0.1" if host == "localhost" else host
        self._port = port
        self._cache_bytes = cache_bytes
        self._settings = Settings().changed(settings)
        if not self._settings.canned and not can_draw():
            raise EmulatorError(INSTALL_EXTRA)
        self._thread: threading.Thread | None = None
        self._started_state: EmulatorState | None = None

    def start(self) -> Emulator:
        if self._thread is not None:
            raise EmulatorError("the emulator is running already")
        listener = _listen(self._host, self._port)
        self._started_state = EmulatorState(self._settings, self._host, listener.getsockname()[1])
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(listener, ready), name="sora2-emulator", daemon=True)
        self._thread.start()
        try:
            ready.result(timeout=30)
        except Exception as failure:
            self._thread = None
            raise EmulatorError(f"the emulator did not start: {failure}") from failure
        return self

    def close(self) -> None:
        """End the server and every thread of it; closing twice is fine."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join()

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, listener: socket.socket, ready: Future[None]) -> None:
        try:
            asyncio.run(self._serve(listener, ready))
        except BaseException as failure:
            if ready.done():
                raise
            ready.set_exception(failure)
        finally:
            listener.close()

    async def _serve(self, listener: socket.socket, ready: Future[None]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._library = MovieLibrary(cache_bytes=self._cache_bytes)
        application = Server(self._state, self._library).application()
        # Downloads in progress are ended, not waited for; and a handler learns that its client has gone.
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.01, handler_cancellation=True)
        try:
            await runner.setup()
            await web.SockSite(runner, listener).start()
            ready.set_result(None)
            await self._stop.wait()
        finally:
            await runner.cleanup()
            await self._library.close()

    @property
    def _state(self) -> EmulatorState:
        if self._started_state is None:
            raise EmulatorError("the emulator was not started: use it in a with statement, or call start()")
        return self._started_state

    @property
    def port(self) -> int:
        return self._state.port

    @property
    def url(self) -> str:
        host = f"[{self._state.host}]" if ":" in self._state.host else self._state.host
        return f"http://{host}:{self.port}"

    def connection(self, key: str = "sk-emulator") -> str:
        """Return an Airflow connection to this emulator, for the variable ``AIRFLOW_CONN_SORA2_DEFAULT``.

        It names the API where that is the guide's, so that a fault meets no question but the task's own.
        """
        named = {"extra": {"dialect": "unified"}} if self._state.settings.like in (None, "guide") else {}
        return json.dumps({"conn_type": "sora2", "host": self.url, "password": key, **named})

    @property
    def billed(self) -> tuple[Billed, ...]:
        """Every accepted create, in order: what the user pays for."""
        return self._state.billed

    @property
    def requests(self) -> tuple[Received, ...]:
        """The requests to the gateway's routes, in order (the newest 50,000)."""
        return self._state.received

    @property
    def videos(self) -> tuple[VideoView, ...]:
        return self._state.views()

    @property
    def encoded(self) -> int:
        """How many movies were encoded."""
        return self._library.encoded

    def video(self, video_id: str) -> VideoView:
        """Return a video as it is now; KeyError where there is none."""
        return self._state.view(video_id)

    def fault(self, fault: Fault | None = None, /, **fields: Any) -> Fault:
        """Add a fault, given whole or by its fields; see ``Fault``."""
        fault = fault if fault is not None else Fault(**fields)
        self._state.faults.add(fault)
        return fault

    def clear_faults(self) -> None:
        self._state.faults.clear()

    def advance(self, seconds: float) -> None:
        """Move the emulator's time forward."""
        self._state.advance(seconds)

    def settings(self, **changes: Any) -> Settings:
        """Change settings while it runs, and return them all."""
        return self._state.change_settings(changes)

    def finish(self, video_id: str) -> VideoView:
        """Complete a rendering now."""
        return self._state.end(video_id, "completed")

    def fail(
        self,
        video_id: str,
        code: str = "content_policy_violation",
        message: str = "This content may violate our content policies.",
    ) -> VideoView:
        """Fail a rendering now."""
        return self._state.end(video_id, "failed", code, message)

    def end(self, video_id: str, status: str) -> VideoView:
        """Give a rendering any status word now: cancelled, stuck, or one that no client knows."""
        return self._state.end(video_id, status)

    def link(self, video_id: str, trouble: str) -> VideoView:
        """Make a video's links ``expired``, ``missing``, ``dead``, or ``ok`` again."""
        return self._state.trouble_link(video_id, trouble)

    def expire_links(self) -> None:
        """Expire every link made so far; the next query of a video makes a fresh one."""
        self._state.expire_links()

    def reset(self) -> None:
        """Forget videos, bills, requests and faults, and return to the first settings."""
        self._state.reset()
        self._loop.call_soon_threadsafe(self._library.clear)


def _listen(host: str, port: int) -> socket.socket:
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        raise EmulatorError(f"port must be a number from 0 to 65535, not {port!r}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise EmulatorError(f"port {port} on {host} is in use: choose another, or 0 for any free one") from None
        raise EmulatorError(f"cannot listen on {host} port {port}: {error.strerror}") from None
