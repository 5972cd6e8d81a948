"""Movies on disk: encoded when first fetched, once each, in a thread, within a bounded folder.

Invariants: the event loop never encodes or waits for an image; however many fetch a video at once, it is encoded
once; the folder is gone after ``close``. All methods but ``clear`` belong to the loop that serves.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import aiohttp

from sora2_provider.emulator.canned import CANNED_MP4
from sora2_provider.emulator.errors import INSTALL_EXTRA, EmulatorError
from sora2_provider.emulator.files import Movie, movie_at
from sora2_provider.emulator.settings import Settings
from sora2_provider.emulator.videos import Video

log = logging.getLogger("sora2_provider.emulator")

IMAGE_SECONDS = 5.0
IMAGE_BYTES = 20 * 2**20


def can_draw() -> bool:
    """Whether PyAV and Pillow are installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("av", "PIL"))


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
        key = "canned" if settings.canned else video.id
        job = self._jobs.get(key)
        if job is None or (job.done() and (job.cancelled() or job.exception())):
            job = asyncio.create_task(self._canned() if settings.canned else self._draw(video))
        # The most recently fetched goes to the end, so that the oldest is given up first.
        self._jobs.pop(key, None)
        self._jobs[key] = job
        # A client that goes away must not take the encoding from the others.
        movie = await asyncio.shield(job)
        self._shrink(keep=key)
        return replace(movie, padded_size=settings.file_bytes)

    async def _canned(self) -> Movie:
        def write() -> Movie:
            path = Path(self._folder.name, "canned.mp4")
            path.write_bytes(CANNED_MP4)
            return movie_at(path)

        return await asyncio.to_thread(write)

    async def _draw(self, video: Video) -> Movie:
        if not can_draw():
            raise EmulatorError(INSTALL_EXTRA)
        image, note = await _fetch_image(video.order.images)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._encoder, self._encode, video, image, note)

    def _encode(self, video: Video, image: bytes | None, note: str) -> Movie:
        from sora2_provider.emulator.movies import Scene, StoppedError, write_movie

        order = video.order
        width, height = order.pixels
        caption = f"{order.model}   {width}x{height}   {order.duration} s"
        scene = Scene(width, height, order.duration, order.prompt, caption, image, note)
        path = Path(self._folder.name, video.file_name)
        try:
            write_movie(path, scene, self._closing.is_set)
        except StoppedError:
            raise EmulatorError("the emulator closed while a video was drawn") from None
        self.encoded += 1
        return movie_at(path)

    def _shrink(self, keep: str) -> None:
        """Give up the longest unused files; a download in progress keeps its open file."""
        done = {key: job.result() for key, job in self._jobs.items() if job.done() and not _failed(job)}
        total = sum(movie.natural_size for movie in done.values())
        for key, movie in done.items():
            if total <= self._cache_bytes:
                return
            if key != keep:
                del self._jobs[key]
                movie.path.unlink(missing_ok=True)
                total -= movie.natural_size

    def clear(self) -> None:
        """Give up every finished file."""
        for key, job in list(self._jobs.items()):
            if job.done() and not _failed(job):
                del self._jobs[key]
                job.result().path.unlink(missing_ok=True)

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


async def _fetch_image(images: tuple[str, ...]) -> tuple[bytes | None, str]:
    """Return the first source image, or None and why there is none."""
    if not images:
        return None, ""
    try:
        timeout = aiohttp.ClientTimeout(total=IMAGE_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(images[0]) as response:
            if response.status != 200:
                return None, f"the source image answered HTTP {response.status}"
            body = await response.content.read(0)
            while chunk := await response.content.read(2**16):
                body += chunk
                if len(body) > IMAGE_BYTES:
                    return None, f"the source image is over {IMAGE_BYTES // 2**20} MB"
            return body, ""
    except TimeoutError:
        return None, f"the source image did not come within {IMAGE_SECONDS:g} s"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        log.warning("the source image %s cannot be fetched: %s", images[0], error)
        return None, "the source image cannot be fetched"
