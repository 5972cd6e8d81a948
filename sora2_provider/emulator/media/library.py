"""Movies on disk: each is encoded once, when first fetched, in a thread, and the oldest are removed.

Invariants: the event loop, which calls every method, never encodes; the folder is gone after ``close``.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

import aiohttp

from sora2_provider.emulator.create_request import CreateRequest
from sora2_provider.emulator.images import decode_image
from sora2_provider.emulator.media.files import Movie, movie_at
from sora2_provider.emulator.settings import INSTALL_EXTRA, EmulatorError, Settings
from sora2_provider.emulator.videos import Video

log = logging.getLogger("sora2_provider.emulator")

IMAGE_SECONDS = 5.0
IMAGE_BYTES = 20 * 2**20


def can_draw() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in ("av", "PIL"))


@cache
def canned_clip() -> Movie:
    """The small clip that needs no encoder: 1 s of H.264, 216x384."""
    return movie_at(Path(__file__).with_name("canned.mp4"))


class MovieLibrary:
    """Makes and keeps the files of one emulator."""

    def __init__(self, *, cache_bytes: int = 2**30) -> None:
        self._cache_bytes = cache_bytes
        self._folder = tempfile.TemporaryDirectory(prefix="sora2-emulator-", ignore_cleanup_errors=True)
        # One encoder at a time: x264 uses every core by itself.
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="sora2-emulator-encoder")
        self._closing = threading.Event()
        self._jobs: dict[str, asyncio.Task[Movie]] = {}
        self.encoded = 0
        """How many movies were encoded so far."""

    async def movie(self, video: Video, settings: Settings) -> Movie:
        """Return the video's file; raises EmulatorError where it cannot be drawn."""
        movie = canned_clip() if settings.canned else await self._drawn(video)
        return replace(movie, padded_size=settings.file_bytes)

    async def _drawn(self, video: Video) -> Movie:
        # The most recently fetched goes to the end, so that the oldest is removed first.
        job = self._jobs.pop(video.id, None)
        if job is None or (job.done() and _failed(job)):
            job = asyncio.create_task(self._draw(video))
        self._jobs[video.id] = job
        # The encoding goes on for the others when one client goes away.
        movie = await asyncio.shield(job)
        self._shrink(self._cache_bytes, keep=video.id)
        return movie

    async def _draw(self, video: Video) -> Movie:
        if not can_draw():
            raise EmulatorError(INSTALL_EXTRA)
        image, note = await _source_image(video.request)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._encoder, self._encode, video, image, note)

    def _encode(self, video: Video, image: bytes | None, note: str) -> Movie:
        from sora2_provider.emulator.media.movies import Scene, write_movie

        request = video.request
        width, height = request.pixels
        caption = f"{request.model}   {width}x{height}   {request.duration} s"
        scene = Scene(width, height, request.duration, request.prompt, caption, image, note)
        path = Path(self._folder.name, video.file_name)
        write_movie(path, scene, self._closing.is_set)
        self.encoded += 1
        return movie_at(path)

    def _shrink(self, most_bytes: int, *, keep: str = "") -> None:
        """Remove the files that were not fetched for the longest time; a download in progress keeps its open file."""
        done = {key: job.result() for key, job in self._jobs.items() if job.done() and not _failed(job)}
        total = sum(movie.natural_size for movie in done.values())
        for key, movie in done.items():
            if total > most_bytes and key != keep:
                del self._jobs[key]
                movie.path.unlink(missing_ok=True)
                total -= movie.natural_size

    def clear(self) -> None:
        self._shrink(0)

    async def close(self) -> None:
        """Stop encoding and remove the folder."""
        self._closing.set()
        for job in self._jobs.values():
            job.cancel()
        await asyncio.gather(*self._jobs.values(), return_exceptions=True)
        await asyncio.to_thread(self._encoder.shutdown, wait=True, cancel_futures=True)
        self._folder.cleanup()


def _failed(job: asyncio.Task[Movie]) -> bool:
    return job.cancelled() or job.exception() is not None


async def _source_image(request: CreateRequest) -> tuple[bytes | None, str]:
    """Return the first source image, or None and why there is none."""
    if request.image_file is not None or not request.images:
        return request.image_file, ""
    decoded = decode_image(request.images[0])
    return (decoded, "") if decoded is not None else await _fetch_image(request.images[0])


async def _fetch_image(link: str) -> tuple[bytes | None, str]:
    try:
        timeout = aiohttp.ClientTimeout(total=IMAGE_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(link) as response:
            if response.status != 200:
                return None, f"the source image answered HTTP {response.status}"
            body = b""
            async for chunk in response.content.iter_chunked(2**16):
                body += chunk
                if len(body) > IMAGE_BYTES:
                    return None, f"the source image is over {IMAGE_BYTES // 2**20} MB"
            return body, ""
    except TimeoutError:
        return None, f"the source image did not come within {IMAGE_SECONDS:g} s"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        log.warning("the source image %s cannot be fetched: %s", link, error)
        return None, "the source image cannot be fetched"
