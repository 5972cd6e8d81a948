"""The control API under ``/_emulator/``: adds faults, ends renderings, moves the time, lists what was billed.

It answers this machine only, and asks for no key. So it also refuses what a web page in a browser could send here:
requests with an Origin or for another host name, and bodies that are not declared as JSON.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

from sora2_provider.emulator.fault_queue import QueuedFault
from sora2_provider.emulator.faults import Fault
from sora2_provider.emulator.history import VideoView
from sora2_provider.emulator.media.library import MovieLibrary
from sora2_provider.emulator.state import EmulatorState
from sora2_provider.emulator.validation import check_fields, read_fields


@dataclass(frozen=True)
class _VideoChange:
    status: str = ""
    error_code: str = ""
    error_message: str = ""
    link: str = ""

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.status and not self.link:
            raise ValueError("say status (completed, failed, cancelled, stuck or another word), link, or both")
        if self.status != "failed" and (self.error_code or self.error_message):
            raise ValueError("error_code and error_message need status failed")


@dataclass(frozen=True)
class _Advance:
    seconds: float

    def __post_init__(self) -> None:
        check_fields(self)


class Control:
    """Answers control requests."""

    def __init__(self, state: EmulatorState, library: MovieLibrary) -> None:
        self._state = state
        self._library = library
        self._routes: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", "billed"): lambda _: {"billed": [asdict(entry) for entry in state.billed]},
            ("GET", "requests"): lambda _: {"requests": [asdict(entry) for entry in state.received]},
            ("GET", "faults"): lambda _: {"faults": [_fault_as_json(entry, state.now()) for entry in state.faults]},
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "videos"): lambda _: {"videos": [asdict(video) for video in state.views()]},
            ("POST", "advance"): self._advance,
            ("GET", "settings"): lambda _: asdict(state.settings),
            ("POST", "settings"): self._settings,
            ("POST", "reset"): self._reset,
        }

    async def handle(self, request: web.Request) -> web.Response:
        try:
            _check_origin(request)
            data = _read_json(request, await request.read())
            status, body = 200, self._answer(request.method, request.path, data)
        except PermissionError as error:
            status, body = 403, {"error": str(error)}
        except ValueError as error:
            status, body = 400, {"error": str(error)}
        except KeyError as error:
            status, body = 404, {"error": error.args[0]}
        text = json.dumps(body, ensure_ascii=False, indent=1) + "\n"
        return web.Response(status=status, text=text, content_type="application/json")

    def _answer(self, method: str, path: str, data: Any) -> Any:
        name = path.removeprefix("/_emulator").strip("/")
        if (method, name) in self._routes:
            return self._routes[method, name](data)
        if name.startswith("videos/") and method in ("GET", "POST"):
            video_id = name.removeprefix("videos/")
            return asdict(self._state.view(video_id) if method == "GET" else self._change_video(video_id, data))
        known = [f"{method} /_emulator/{name}" for method, name in self._routes]
        known += ["GET /_emulator/videos/{id}", "POST /_emulator/videos/{id}"]
        if method == "GET" and not name:
            return {"routes": known}
        raise KeyError(f"no control route {method} {path}; there are: {', '.join(known)}")

    def _add_faults(self, data: Any) -> Any:
        # All are read before one is added, so that a wrong one adds none.
        faults = [read_fields(Fault, one) for one in (data if isinstance(data, list) else [data])]
        numbers = [self._state.faults.add(fault) for fault in faults]
        return {"added": numbers}

    def _clear_faults(self, _: Any) -> Any:
        self._state.faults.clear()
        return {"faults": []}

    def _advance(self, data: Any) -> Any:
        self._state.advance(read_fields(_Advance, data).seconds)
        return {"now": self._state.now()}

    def _settings(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError("settings must be a JSON object")
        return asdict(self._state.change_settings(data))

    def _reset(self, _: Any) -> Any:
        self._state.reset()
        self._library.clear()
        return asdict(self._state.settings)

    def _change_video(self, video_id: str, data: Any) -> VideoView:
        change = read_fields(_VideoChange, data)
        video = self._state.view(video_id)
        if change.link:
            video = self._state.trouble_link(video_id, change.link)
        if change.status:
            video = self._state.end(video_id, change.status, change.error_code, change.error_message)
        return video


def _fault_as_json(entry: QueuedFault, now: float) -> dict[str, Any]:
    fault = entry.fault.to_json()
    return {"number": entry.number, "fault": fault, "used": entry.used, "spent": entry.is_spent(now)}


def _read_json(request: web.Request, body: bytes) -> Any:
    if request.method != "POST":
        return None
    if not body:
        return {}
    if request.content_type != "application/json":
        raise ValueError("the body must be JSON, with Content-Type: application/json")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("the body is not valid JSON") from None


def _check_origin(request: web.Request) -> None:
    host = request.url.host or ""
    if not (is_loopback(host) and is_loopback(request.remote or "")) or "Origin" in request.headers:
        raise PermissionError("the control API answers only to this machine, and not to web pages")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
