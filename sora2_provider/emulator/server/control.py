"""The control API under ``/_emulator/``: scripts faults, ends renderings, moves the time, lists what was billed.

It answers only to this machine. No key is needed, so it also refuses requests that a web page in a browser could
send here: those under a foreign Host name, and bodies that are not declared as JSON.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from sora2_provider.emulator.fault_queue import Entry
from sora2_provider.emulator.faults import Fault
from sora2_provider.emulator.history import VideoView
from sora2_provider.emulator.media.library import MovieLibrary
from sora2_provider.emulator.state import World

_VIDEO_KEYS = ("status", "error_code", "error_message", "link")


class ControlError(Exception):
    """The control request is refused with this status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """Answers control requests."""

    def __init__(self, world: World, library: MovieLibrary) -> None:
        self._world = world
        self._library = library
        self._routes: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", "billed"): lambda _: {"billed": [asdict(entry) for entry in world.billed]},
            ("GET", "requests"): lambda _: {"requests": [asdict(entry) for entry in world.received]},
            ("GET", "faults"): lambda _: {"faults": [_entry(entry, world.clock.now()) for entry in world.faults]},
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "videos"): lambda _: {"videos": [asdict(video) for video in world.views()]},
            ("POST", "advance"): self._advance,
            ("GET", "settings"): lambda _: asdict(world.settings),
            ("POST", "settings"): self._settings,
            ("POST", "reset"): self._reset,
        }

    async def handle(self, request: web.Request) -> web.Response:
        try:
            _check_origin(request)
            data = _read_json(request, await request.read())
            body = self._answer(request.method, request.path, data)
        except ControlError as error:
            return _json(error.status, {"error": str(error)})
        except ValueError as error:
            return _json(400, {"error": str(error)})
        except KeyError as error:
            return _json(404, {"error": error.args[0]})
        return _json(200, body)

    def _answer(self, method: str, path: str, data: Any) -> Any:
        name = path.removeprefix("/_emulator").strip("/")
        if (method, name) in self._routes:
            return self._routes[method, name](data)
        if name.startswith("videos/") and method in ("GET", "POST"):
            video_id = name.removeprefix("videos/")
            return asdict(self._world.view(video_id) if method == "GET" else self._change_video(video_id, data))
        known = [f"{method} /_emulator/{name}" for method, name in self._routes]
        known += ["GET /_emulator/videos/{id}", "POST /_emulator/videos/{id}"]
        if method == "GET" and not name:
            return {"routes": known}
        raise ControlError(404, f"no control route {method} {path}; there are: {', '.join(known)}")

    def _add_faults(self, data: Any) -> Any:
        # All are read before one is added, so that a wrong one adds none.
        faults = [Fault.from_json(one) for one in (data if isinstance(data, list) else [data])]
        numbers = [self._world.add_fault(fault) for fault in faults]
        return {"added": numbers}

    def _clear_faults(self, _: Any) -> Any:
        self._world.clear_faults()
        return {"faults": []}

    def _advance(self, data: Any) -> Any:
        seconds = _object(data, ("seconds",)).get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise ValueError(f"seconds must be a number, not {seconds!r}")
        self._world.clock.advance(seconds)
        return {"now": self._world.clock.now()}

    def _settings(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError("settings must be a JSON object")
        return asdict(self._world.change_settings(data))

    def _reset(self, _: Any) -> Any:
        self._world.reset()
        self._library.clear()
        return asdict(self._world.settings)

    def _change_video(self, video_id: str, data: Any) -> VideoView:
        changes = _object(data, _VIDEO_KEYS)
        for key, value in changes.items():
            if not isinstance(value, str) or not value:
                raise ValueError(f"{key} must be a text, not {value!r}")
        if not {"status", "link"} & set(changes):
            raise ValueError("say status (completed, failed, cancelled, stuck or another word), link, or both")
        if changes.get("status") != "failed" and {"error_code", "error_message"} & set(changes):
            raise ValueError("error_code and error_message need status failed")
        video = self._world.view(video_id)
        if "link" in changes:
            video = self._world.trouble_link(video_id, changes["link"])
        if "status" in changes:
            code, message = changes.get("error_code", ""), changes.get("error_message", "")
            video = self._world.end(video_id, changes["status"], code, message)
        return video


def _entry(entry: Entry, now: float) -> dict[str, Any]:
    fault = entry.fault.to_json()
    return {"number": entry.number, "fault": fault, "used": entry.used, "spent": entry.is_spent(now)}


def _object(data: Any, allowed: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ValueError(f"the body must be a JSON object with any of: {', '.join(allowed)}")
    for key in data:
        if key not in allowed:
            raise ValueError(f"unknown key {key!r}; allowed: {', '.join(allowed)}")
    return data


def _read_json(request: web.Request, body: bytes) -> Any:
    if request.method != "POST":
        return None
    if not body:
        return {}
    if request.content_type != "application/json":
        raise ControlError(400, "the body must be JSON, with Content-Type: application/json")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ControlError(400, "the body is not valid JSON") from None


def _check_origin(request: web.Request) -> None:
    host = request.url.host or ""
    if not (_loopback(host) and _loopback(request.remote or "")) or "Origin" in request.headers:
        raise ControlError(403, "the control API answers only to this machine, and not to web pages")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _json(status: int, body: Any) -> web.Response:
    text = json.dumps(body, ensure_ascii=False, indent=1) + "\n"
    return web.Response(status=status, text=text, content_type="application/json")
