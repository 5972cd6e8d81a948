"""The HTTP side: reads a request, lets the gateway answer it, and applies the fault that the request meets.

A create is accepted before a delay, as at a real gateway when the client stops waiting.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from sora2_provider.emulator.answers import Answer, api_error
from sora2_provider.emulator.credentials import KEY_HEADERS, Credentials, read_credentials
from sora2_provider.emulator.faults import Fault
from sora2_provider.emulator.gateway import Call, Gateway
from sora2_provider.emulator.history import Received
from sora2_provider.emulator.media.files import SAMPLE_IMAGES, Download, read_download
from sora2_provider.emulator.media.library import MovieLibrary
from sora2_provider.emulator.presets.base import Address
from sora2_provider.emulator.request_body import FORMS, RequestBody, UploadedFile
from sora2_provider.emulator.server.control import Control
from sora2_provider.emulator.server.delivery import deliver, reset_connection, send_download
from sora2_provider.emulator.settings import EmulatorError
from sora2_provider.emulator.state import EmulatorState
from sora2_provider.emulator.videos import Video

log = logging.getLogger("sora2_provider.emulator")

_KEYLESS = ("other", "file", "pricing", "status")


@dataclass(frozen=True)
class _Request:
    """A request to one of the gateway's routes, as it was recorded, and the fault that it meets."""

    received: Received
    fault: Fault | None
    address: Address
    body: RequestBody
    credentials: Credentials


class Server:
    """The routes of one emulator."""

    def __init__(self, state: EmulatorState, library: MovieLibrary) -> None:
        self._state = state
        self._gateway = Gateway(state)
        self._library = library
        self._control = Control(state, library)

    def application(self) -> web.Application:
        app = web.Application(client_max_size=16 * 2**20)
        app.router.add_route("*", "/_emulator{tail:.*}", self._control.handle)
        app.router.add_get("/images/{name}", _sample_image)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        return app

    async def _handle(self, http_request: web.Request) -> web.StreamResponse:
        request = await self._receive(http_request)
        fault = request.fault
        if fault and fault.reset == "before":
            await asyncio.sleep(fault.delay)
            self._record(request.received, None)
            return reset_connection(http_request)

        answer, video_id = await self._answer(request)
        accepted_id = video_id if request.received.route == "create" else ""
        if fault and fault.loses_answer:
            self._state.lose_answer(accepted_id)
        status = None if fault and fault.reset else answer.status
        self._record(replace(request.received, video_id=video_id), status)
        if fault and fault.delay:
            try:
                await asyncio.sleep(fault.delay)
            except asyncio.CancelledError:
                # The client has closed its connection and cannot read the answer.
                self._state.lose_answer(accepted_id)
                raise
        if fault and fault.reset:
            return reset_connection(http_request)
        if isinstance(answer, Download):
            return await send_download(http_request, answer, fault)
        return await deliver(http_request, answer, fault)

    async def _receive(self, request: web.Request) -> _Request:
        address = self._state.preset.find(request.method, request.path, request.query, self._state.wire_of)
        headers = {name.lower(): value for name, value in request.headers.items()}
        credentials, body = read_credentials(headers), await _read_body(request)
        video_id = address.item if address.dialect else ""
        if address.action == "file" and (video := self._state.video_of_file(address.item)):
            video_id = video.id
        received = Received(
            number=0,
            at=0.0,
            route="create" if address.action == "remix" else address.action,
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers={name: value for name, value in headers.items() if name not in KEY_HEADERS},
            scheme=credentials.scheme,
            key_fingerprint=credentials.fingerprint,
            body=body.recorded(),
            video_id=video_id,
        )
        return _Request(*self._state.receive(received), address, body, credentials)

    async def _answer(self, request: _Request) -> tuple[Answer | Download, str]:
        """Return the answer, and the id of the video that it is about."""
        fault = request.fault
        replacement = fault.replacement(self._state.host) if fault and fault.replaces else None
        if fault and replacement and not fault.accept:
            return fault.decorate(replacement), request.received.video_id
        request_id = f"{time.strftime('%Y%m%d%H%M%S', time.gmtime())}{request.received.number:09d}"
        answer, video_id = await self._ask_gateway(request, request_id)
        if isinstance(answer, Download):
            return answer, video_id
        # Only a create can be accepted all the same; one that the gateway refuses shows its refusal.
        answer = replacement if replacement and video_id else answer
        answer = replace(answer, headers=(*answer.headers, *self._state.preset.headers(request_id)))
        return fault.decorate(answer) if fault else answer, video_id

    async def _ask_gateway(self, request: _Request, request_id: str) -> tuple[Answer | Download, str]:
        received, address = request.received, request.address
        if address.action not in _KEYLESS:
            refusal = self._state.preset.refuse_key(request.credentials, request_id)
            if refusal:
                return refusal, "" if received.route == "create" else received.video_id
        call = Call(received, address, request.body, request_id, request.fault)
        answer, video_id = self._gateway.answer(call)
        if not isinstance(answer, Video):
            return answer, video_id
        serves_ranges = address.dialect is None or address.dialect.serves_ranges
        return await self._download(answer, received.headers if serves_ranges else {}), video_id

    async def _download(self, video: Video, headers: Mapping[str, str]) -> Answer | Download:
        try:
            movie = await self._library.movie(video, self._state.settings)
        except EmulatorError as error:
            log.error("%s", error)
            return api_error(500, str(error), kind="emulator_error", code="")
        return read_download(movie, headers)

    def _record(self, received: Received, status: int | None) -> None:
        """Record the answer before it is sent, so that a client that has read it finds it recorded."""
        done = self._state.answered(received, status)
        fault = f"  fault: {done.fault}" if done.fault else ""
        video = f"  {done.video_id}" if done.video_id else ""
        log.info("%s %s  %s%s%s", done.method, done.path, status or "reset", video, fault)


async def _read_body(request: web.Request) -> RequestBody:
    content_type = request.headers.get("Content-Type", "")
    if request.content_type not in FORMS:
        return RequestBody(content_type, await request.read())
    try:
        fields = await request.post()
    except (HttpProcessingError, ValueError, LookupError, RuntimeError):
        # Broken, or in a charset or an encoding that is not known.
        return RequestBody(content_type)
    return RequestBody(content_type, form=tuple((name, _field(value)) for name, value in fields.items()))


def _field(value: object) -> str | UploadedFile:
    if isinstance(value, web.FileField):
        return UploadedFile(value.filename, value.content_type, value.file.read())
    return bytes(value).decode(errors="replace") if isinstance(value, bytes | bytearray) else str(value)


async def _sample_image(request: web.Request) -> web.StreamResponse:
    path = SAMPLE_IMAGES.get(request.match_info["name"])
    if path is None:
        raise web.HTTPNotFound(text=f"sample images: {', '.join(SAMPLE_IMAGES)}")
    return web.FileResponse(path)
