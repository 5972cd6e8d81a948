"""Sends an answer over a connection, or breaks the connection as a fault asks.

A truncated answer always lacks at least one byte, so that a client that does not compare lengths is found out.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from http.client import responses

from aiohttp import web

from sora2_provider.emulator.answers import Answer
from sora2_provider.emulator.faults import Fault
from sora2_provider.emulator.media.files import Download

_CHUNK = 131_072


async def deliver(request: web.Request, answer: Answer, fault: Fault | None) -> web.StreamResponse:
    if fault and fault.truncate is not None:
        return await _truncate(request, answer, fault.truncate)
    headers = {"Content-Type": answer.content_type, **dict(answer.headers)}
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def reset_connection(request: web.Request) -> web.StreamResponse:
    """End the connection with RST: with a linger time of 0 the kernel drops it at once."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    # aiohttp requires a response, which nobody receives.
    return web.Response(status=500)


async def _truncate(request: web.Request, answer: Answer, length: int) -> web.StreamResponse:
    # Written by hand: aiohttp would send the promised length or wait for the rest.
    transport = request.transport
    if transport is not None and not transport.is_closing():
        lines = [
            f"HTTP/1.1 {answer.status} {responses.get(answer.status, 'Unknown')}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {max(1, len(answer.body))}",
            *(f"{name}: {value}" for name, value in answer.headers),
        ]
        sent = answer.body[: min(length, len(answer.body) - 1)] if answer.body else b""
        transport.write("\r\n".join([*lines, "", ""]).encode() + sent)
        transport.close()
    return web.Response(status=500)


async def send_download(request: web.Request, download: Download, fault: Fault | None) -> web.StreamResponse:
    """Send a file or a part of it, as slowly and as far as the fault says."""
    response = web.StreamResponse(status=download.status, headers=download.headers)
    if fault and fault.content_type:
        response.headers["Content-Type"] = fault.content_type
    response.headers.update((fault and fault.headers) or {})
    response.content_length = download.stop - download.start
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    stop = download.stop
    cut = (fault.cut_after if fault.cut_after is not None else fault.truncate) if fault else None
    if cut is not None:
        stop = min(download.start + cut, download.stop - 1)
    speed = fault.bytes_per_second if fault else None
    length = _CHUNK if speed is None else max(1, min(_CHUNK, int(speed / 20)))
    try:
        for chunk in download.movie.chunks(download.start, stop, length):
            await response.write(chunk)
            if speed is not None:
                await asyncio.sleep(len(chunk) / speed)
        if stop < download.stop:
            # The headers go out with the first bytes, also where there are none.
            await response.write(b"")
            if request.transport is not None:
                request.transport.close()
    except ConnectionError:
        pass  # The client closed the connection.
    return response
