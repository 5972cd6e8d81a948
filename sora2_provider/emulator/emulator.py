"""The emulator in this process: a handle on a server that runs in a thread of its own.

Invariants: every method may be called from any thread; ``close`` ends every thread and frees the port, also in the
middle of downloads; it listens on loopback only, because its control API asks for no key.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import json
import socket
import threading
from types import TracebackType
from typing import Any

from aiohttp import web

from sora2_provider.emulator.faults import Fault
from sora2_provider.emulator.history import Billed, Received, VideoView
from sora2_provider.emulator.media.library import MovieLibrary, can_draw
from sora2_provider.emulator.server.app import Server
from sora2_provider.emulator.settings import INSTALL_EXTRA, EmulatorError, Settings
from sora2_provider.emulator.state import World

_START_SECONDS = 30.0


class Emulator:
    """A gateway on this machine. Use it as a context manager, or call ``start`` and ``close``.

    The keywords beside host, port and cache_bytes are those of ``Settings``. ValueError or EmulatorError says what
    is wrong with them; EmulatorError is raised by ``start`` where the port is in use.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, cache_bytes: int = 2**30, **settings: Any) -> None:
        self._host = _loopback_host(host)
        self._port = port
        self._cache_bytes = cache_bytes
        self._settings = Settings().changed(settings)
        if not self._settings.canned and not can_draw():
            raise EmulatorError(INSTALL_EXTRA)
        self._thread: threading.Thread | None = None
        self._world: World | None = None

    # running

    def start(self) -> Emulator:
        if self._thread is not None:
            raise EmulatorError("the emulator is running already")
        listener = _listen(self._host, self._port)
        self._world = World(self._settings, self._host, listener.getsockname()[1])
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, args=(listener, self._world), name="sora2-emulator", daemon=True
        )
        self._thread.start()
        self._ready.wait(_START_SECONDS)
        if self._failure is not None:
            self._thread = None
            raise EmulatorError(f"the emulator did not start: {self._failure}") from self._failure
        return self

    def close(self) -> None:
        """End the server and every thread of it; closing twice is fine."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join()

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, listener: socket.socket, world: World) -> None:
        try:
            asyncio.run(self._serve(listener, world))
        except BaseException as failure:
            self._failure = failure
        finally:
            listener.close()
            self._ready.set()

    async def _serve(self, listener: socket.socket, world: World) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._library = MovieLibrary(cache_bytes=self._cache_bytes)
        # Downloads in progress are ended, not waited for; and a handler learns that its client has gone.
        runner = web.AppRunner(
            Server(world, self._library).application(),
            access_log=None,
            shutdown_timeout=0.01,
            handler_cancellation=True,
        )
        try:
            await runner.setup()
            await web.SockSite(runner, listener).start()
            self._ready.set()
            await self._stop.wait()
        finally:
            await runner.cleanup()
            await self._library.close()

    # where it is

    @property
    def world(self) -> World:
        if self._world is None:
            raise EmulatorError("the emulator was not started: use it in a with statement, or call start()")
        return self._world

    @property
    def port(self) -> int:
        return self.world.port

    @property
    def url(self) -> str:
        return f"http://{_in_url(self.world.host)}:{self.world.port}"

    def connection(self, key: str = "sk-emulator") -> str:
        """Return an Airflow connection to this emulator, for the variable ``AIRFLOW_CONN_SORA2_DEFAULT``."""
        return json.dumps({"conn_type": "sora2", "host": self.url, "password": key})

    # what it has seen

    @property
    def billed(self) -> tuple[Billed, ...]:
        """Every accepted create, in order: what the user pays for."""
        return self.world.billed

    @property
    def requests(self) -> tuple[Received, ...]:
        """The requests to the gateway's routes, in order (the newest 50,000)."""
        return self.world.received

    @property
    def videos(self) -> tuple[VideoView, ...]:
        return self.world.views()

    @property
    def encoded(self) -> int:
        """How many movies were encoded."""
        return self._library.encoded

    def video(self, video_id: str) -> VideoView:
        """Return a video as it is now; KeyError where there is none."""
        return self.world.view(video_id)

    # what it shall do

    def fault(self, fault: Fault | None = None, /, **fields: Any) -> Fault:
        """Add a fault, given whole or by its fields; see ``Fault``."""
        fault = fault if fault is not None else Fault(**fields)
        self.world.add_fault(fault)
        return fault

    def clear_faults(self) -> None:
        self.world.clear_faults()

    def advance(self, seconds: float) -> None:
        """Move the emulator's time forward."""
        self.world.clock.advance(seconds)

    def settings(self, **changes: Any) -> Settings:
        """Change settings while it runs, and return them all."""
        return self.world.change_settings(changes)

    def finish(self, video_id: str) -> VideoView:
        """Complete a rendering now."""
        return self.world.end(video_id, "completed")

    def fail(
        self,
        video_id: str,
        code: str = "content_policy_violation",
        message: str = "This content may violate our content policies.",
    ) -> VideoView:
        """Fail a rendering now."""
        return self.world.end(video_id, "failed", code, message)

    def end(self, video_id: str, status: str) -> VideoView:
        """Give a rendering any status word now: cancelled, stuck, or one that no client knows."""
        return self.world.end(video_id, status)

    def link(self, video_id: str, trouble: str) -> VideoView:
        """Make a video's links ``expired``, ``missing``, ``dead``, or ``ok`` again."""
        return self.world.trouble_link(video_id, trouble)

    def expire_links(self) -> None:
        """Expire every link made so far; the next query of a video makes a fresh one."""
        self.world.expire_links()

    def reset(self) -> None:
        """Forget videos, bills, requests and faults, and return to the first settings."""
        self.world.reset()
        self._loop.call_soon_threadsafe(self._library.clear)


def _loopback_host(host: str) -> str:
    if host == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise EmulatorError(
            f"the emulator listens on loopback only (127.0.0.1, ::1 or localhost), not on {host!r}: "
            "its control API asks for no key"
        )
    return host


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _listen(host: str, port: int) -> socket.socket:
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        raise EmulatorError(f"port must be a number from 0 to 65535, not {port!r}")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        # A port that the last run used a moment ago is free; one that someone listens on is not.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise EmulatorError(f"port {port} on {host} is in use: choose another, or 0 for any free one") from None
        raise EmulatorError(f"cannot listen on {host} port {port}: {error.strerror}") from None
    return listener
