"""The HTTP side: reads a request, lets the gateway answer it, and applies the fault that the request meets.

The order for each request: record it; reset before; let the gateway work, unless the fault stands in for it; record
the answer; wait; send, or break. A create is therefore accepted before a delay, as with a real gateway that the
client stops waiting for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from aiohttp import web

from sora2_provider.emulator import answers
from sora2_provider.emulator.answers import Answer
from sora2_provider.emulator.faults import Fault
from sora2_provider.emulator.gateway import Gateway, new_request_id
from sora2_provider.emulator.history import Received, fingerprint, read_authorization, read_body
from sora2_provider.emulator.media.files import SAMPLES, Download, read_download
from sora2_provider.emulator.media.library import MovieLibrary
from sora2_provider.emulator.server.control import Control
from sora2_provider.emulator.server.delivery import deliver, reset_connection, send_download
from sora2_provider.emulator.server.routes import Call, read_call
from sora2_provider.emulator.settings import EmulatorError
from sora2_provider.emulator.state import World
from sora2_provider.emulator.videos import Video

log = logging.getLogger("sora2_provider.emulator")

_MAX_BODY = 16 * 2**20


@dataclass(frozen=True)
class _Outcome:
    """What a request comes to."""

    answer: Answer | Download
    video_id: str
    accepted: bool = False
    """The request was a create, and it was accepted."""


class Server:
    """The routes of one emulator."""

    def __init__(self, world: World, library: MovieLibrary) -> None:
        self._world = world
        self._gateway = Gateway(world)
        self._library = library
        self._control = Control(world, library)

    def application(self) -> web.Application:
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/_emulator{tail:.*}", self._control.handle)
        app.router.add_get("/images/{name}", self._sample)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        return app

    async def _sample(self, request: web.Request) -> web.StreamResponse:
        draw = SAMPLES.get(request.match_info["name"])
        if draw is None:
            raise web.HTTPNotFound(text=f"sample images: {', '.join(SAMPLES)}")
        return web.Response(body=await asyncio.to_thread(draw), content_type="image/png")

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = read_call(request.method, request.path, request.query)
        body = await request.read()
        video_id = call.item if call.route in ("query", "content") else ""
        if call.route == "file" and (video := self._world.video_of_file(call.item)):
            video_id = video.id
        received, fault = self._world.receive(_received(call, request.query, headers, body, video_id))
        if fault and fault.reset == "before":
            await asyncio.sleep(fault.delay)
            self._tell(received, None)
            return reset_connection(request)

        outcome = await self._work(received, call, headers, body, fault)
        if outcome.accepted and fault and fault.loses_answer:
            self._world.lose_answer(outcome.video_id)
        status = None if fault and fault.reset else outcome.answer.status
        self._tell(replace(received, video_id=outcome.video_id), status)
        if fault and fault.delay:
            try:
                await asyncio.sleep(fault.delay)
            except asyncio.CancelledError:
                # The client has gone without its answer.
                self._world.lose_answer(outcome.video_id)
                raise
        if fault and fault.reset:
            return reset_connection(request)
        if isinstance(outcome.answer, Download):
            return await send_download(request, outcome.answer, fault)
        return await deliver(request, outcome.answer, fault)

    async def _work(
        self, received: Received, call: Call, headers: Mapping[str, str], body: bytes, fault: Fault | None
    ) -> _Outcome:
        stands_in = fault.answer(self._world.host) if fault and fault.replaces else None
        if fault and stands_in and not fault.accept:
            return _Outcome(fault.dress(stands_in), received.video_id)
        request_id = new_request_id(received.number)
        outcome = await self._ask(received, call, headers, body, request_id, fault)
        if stands_in and outcome.accepted:
            outcome = replace(outcome, answer=stands_in)
        if isinstance(outcome.answer, Download):
            return outcome
        answer = outcome.answer
        answer = replace(answer, headers=(*answer.headers, ("X-Oneapi-Request-Id", request_id)))
        return replace(outcome, answer=fault.dress(answer) if fault else answer)

    async def _ask(
        self,
        received: Received,
        call: Call,
        headers: Mapping[str, str],
        body: bytes,
        request_id: str,
        fault: Fault | None,
    ) -> _Outcome:
        """What the gateway itself answers."""
        answer: Answer | Video
        video_id, accepted = received.video_id, False
        if call.route == "other":
            answer = answers.no_such_address(call.method, call.path)
        elif call.route == "file":
            answer = self._gateway.file(call.item, received.query)
        elif not _good_key(headers):
            answer = answers.wrong_key(request_id, missing=not received.has_authorization)
        elif call.route == "create":
            answer, video_id = self._gateway.create(headers, body, request_id, fault)
            accepted = bool(video_id)
        elif call.route == "query":
            answer = self._gateway.query(call.item, fault)
        elif call.route == "content":
            answer = self._gateway.content(call.item)
        elif call.route == "models":
            answer = self._gateway.models(call.item)
        else:
            answer = self._gateway.billing(call.item)
        if isinstance(answer, Answer):
            return _Outcome(answer, video_id, accepted)
        return _Outcome(await self._download(answer, headers), answer.id)

    async def _download(self, video: Video, headers: Mapping[str, str]) -> Answer | Download:
        try:
            movie = await self._library.movie(video, self._world.settings)
        except EmulatorError as error:
            log.error("%s", error)
            return answers.api_error(500, str(error), kind="emulator_error", code="")
        return read_download(movie, headers)

    def _tell(self, received: Received, status: int | None) -> None:
        """Record the answer before it is sent, so that a client which has it finds it recorded."""
        done = self._world.answered(received, status)
        fault = f"  fault: {done.fault}" if done.fault else ""
        video = f"  {done.video_id}" if done.video_id else ""
        log.info("%s %s  %s%s%s", done.method, done.path, status or "reset", video, fault)


def _received(call: Call, query: Mapping[str, str], headers: Mapping[str, str], body: bytes, video_id: str) -> Received:
    scheme, key = read_authorization(headers)
    return Received(
        number=0,
        at=0.0,
        route=call.route,
        method=call.method,
        path=call.path,
        query=dict(query),
        headers={name: value for name, value in headers.items() if name != "authorization"},
        scheme=scheme,
        key_fingerprint=fingerprint(key) if key else None,
        body=read_body(body),
        video_id=video_id,
    )


def _good_key(headers: Mapping[str, str]) -> bool:
    scheme, key = read_authorization(headers)
    return scheme == "bearer" and key.startswith("sk-") and len(key) > len("sk-")
