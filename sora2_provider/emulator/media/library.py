"""Movies on disk: encoded when first fetched, once each, in a thread, within a bounded folder.

Invariants: the event loop never encodes or waits for an image; however many fetch a video at once, it is encoded
once; the folder is gone after ``close``. All methods but ``clear`` belong to the loop that serves.
"""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import logging
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import aiohttp

from sora2_provider.emulator.media.files import Movie, movie_at
from sora2_provider.emulator.settings import INSTALL_EXTRA, EmulatorError, Settings
from sora2_provider.emulator.videos import Video

CANNED_MP4 = base64.b64decode(
    """
AAAAIGZ0eXBpc29tAAACAGlzb21pc28yYXZjMW1wNDEAAAN9bW9vdgAAAGxtdmhkAAAAAAAAAAAAAAAAAAAD6AAAA+gAAQAAAQAAAAAAAAAA
AAAAAAEAAAAAAAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAgAAAqd0cmFrAAAAXHRr
aGQAAAADAAAAAAAAAAAAAAABAAAAAAAAA+gAAAAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAABAAAAAANgA
AAGAAAAAAAAkZWR0cwAAABxlbHN0AAAAAAAAAAEAAAPoAAAIAAABAAAAAAIfbWRpYQAAACBtZGhkAAAAAAAAAAAAAAAAAAAwAAAAMABVxAAA
AAAALWhkbHIAAAAAAAAAAHZpZGUAAAAAAAAAAAAAAABWaWRlb0hhbmRsZXIAAAABym1pbmYAAAAUdm1oZAAAAAEAAAAAAAAAAAAAACRkaW5m
AAAAHGRyZWYAAAAAAAAAAQAAAAx1cmwgAAAAAQAAAYpzdGJsAAAAsnN0c2QAAAAAAAAAAQAAAKJhdmMxAAAAAAAAAAEAAAAAAAAAAAAAAAAA
AAAAANgBgABIAAAASAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAGP//AAAAOGF2Y0MBZAAW/+EAGmdkABascgRD
gx5eEAAAAwAQAAADAYDxYthGAQAHaOhDghLIsP34+AAAAAAUYnRydAAAAAAAAF0QAAAAAAAAABhzdHRzAAAAAAAAAAEAAAAMAAAEAAAAABRz
dHNzAAAAAAAAAAEAAAABAAAAMGN0dHMAAAAAAAAABAAAAAYAAAgAAAAAAQAADAAAAAABAAAEAAAAAAQAAAgAAAAAHHN0c2MAAAAAAAAAAQAA
AAEAAAAMAAAAAQAAAERzdHN6AAAAAAAAAAAAAAAMAAAHwgAAAIsAAACEAAAAVQAAAEsAAABgAAAAXgAAADUAAABPAAAAWAAAAEgAAABPAAAA
FHN0Y28AAAAAAAAAAQAAA60AAABidWR0YQAAAFptZXRhAAAAAAAAACFoZGxyAAAAAAAAAABtZGlyYXBwbAAAAAAAAAAAAAAAAC1pbHN0AAAA
Jal0b28AAAAdZGF0YQAAAAEAAAAATGF2ZjYyLjEyLjEwMgAAAAhmcmVlAAALqm1kYXQAAAKrBgX//6fcRem95tlIt5Ys2CDZI+7veDI2NCAt
IGNvcmUgMTY1IC0gSC4yNjQvTVBFRy00IEFWQyBjb2RlYyAtIENvcHlsZWZ0IDIwMDMtMjAyNSAtIGh0dHA6Ly93d3cudmlkZW9sYW4ub3Jn
L3gyNjQuaHRtbCAtIG9wdGlvbnM6IGNhYmFjPTEgcmVmPTE2IGRlYmxvY2s9MTowOjAgYW5hbHlzZT0weDM6MHgxMzMgbWU9dW1oIHN1Ym1l
PTEwIHBzeT0xIHBzeV9yZD0xLjAwOjAuMDAgbWl4ZWRfcmVmPTEgbWVfcmFuZ2U9MjQgY2hyb21hX21lPTEgdHJlbGxpcz0yIDh4OGRjdD0x
IGNxbT0wIGRlYWR6b25lPTIxLDExIGZhc3RfcHNraXA9MSBjaHJvbWFfcXBfb2Zmc2V0PS0yIHRocmVhZHM9MiBsb29rYWhlYWRfdGhyZWFk
cz0yIHNsaWNlZF90aHJlYWRzPTEgc2xpY2VzPTIgbnI9MCBkZWNpbWF0ZT0xIGludGVybGFjZWQ9MCBibHVyYXlfY29tcGF0PTAgY29uc3Ry
YWluZWRfaW50cmE9MCBiZnJhbWVzPTggYl9weXJhbWlkPTIgYl9hZGFwdD0yIGJfYmlhcz0wIGRpcmVjdD0zIHdlaWdodGI9MSBvcGVuX2dv
cD0wIHdlaWdodHA9MiBrZXlpbnQ9MjUwIGtleWludF9taW49MTIgc2NlbmVjdXQ9NDAgaW50cmFfcmVmcmVzaD0wIHJjX2xvb2thaGVhZD02
MCByYz1jcmYgbWJ0cmVlPTEgY3JmPTM0LjAgcWNvbXA9MC42MCBxcG1pbj0wIHFwbWF4PTY5IHFwc3RlcD00IGlwX3JhdGlvPTEuNDAgYXE9
MToxLjAwAIAAAABaZYiBAA9//UJngUkkg4PMNvQyj/thmmQHaDVUqVAC42gaauiLROqwKr7woAADdY7iiF4BYGRsDbkhwCbGxCCJRFxJ9HLe
8ZmkjE0pQwTADRQsnwKH2mtr6ft5AAAEsWUBUiIEAD3//UaZygT7ovR2lg+qcas+DRwkGUuVNl5TTNl1SjiCRJjBzDDiSR4AKZn9yaT6AMv0
kaAsteIKverxM3pLxPdjIvEXA+f0cxZm+lAkGpnNtQKBHf9qkBM6yJyZGyMzMrUDRBmkROH1ibrllSxHXTolPJGeCXQU+6kdNI3Y7zWGMZ1N
EqQiGneNGyci/Od4IInc9EYd+OXm8ZGPW3hKOMsvjYkyRwf665lDGVuoWr6igirzqeDAeUVUgwvXNYIZcQEcnDUZlIHOEbq8dSbZCVDOqDQ4
X2GijwTvcG6BA6S7P72i2NRwOOIhkCBwl4bAeStqvV8HtZhvMrmDiuCfi4GbIwX6k4xD6d9MLNwnByXRd8EeeuktOiu3BI9I7qvlfe4mw+90
4W8MhhzHC9kpeytb3w3Ao97ggUMY/H4gE10SLczHhagr5JioEZmLsoNEJ6HxSLOKdUp/O1LCYax0rcd4FsP/8w530LZUT1Eh6N1EFND+IE4w
KtrsdX+G6sGfimJm/2/CCfR2iMVphHgZLJIbaQG6PYaym43By506RV4yxNqlZvGUqXDVvMbXuW50BSeIQE0Kt6UOCowefQClG3ifjJoBmjp4
GVpMX12qyUseBUaNMzzhw8OcYWqquQc1sZAD5ufRhixTNv/sjbkP/KKWmZpokmv1p3sIdnarxrCCJ8EUbTB1osuUqEVC41HC/lLk+RCRfS5Y
XcGe+1zAAn9Ftg88DoTv2KTxpVaE6ut8FD1+j//OT0TgdWmDNHKxsyooyPSHsdNNiO8JvJ+w+867eFZJpRmfnDPIqeFQA3ATAk6VH50t8TSA
clfGvyqam1DQPZg0FJP1zekhrfnJpDbJOPv0Sv2A6lEqR8ue9GhbIouPGkA6olLB0x6mJ7LiHtfNswnLZPwsQhDSPi9Utjzg3kEWFo9tWcO3
611yvVAKytQT1BilWkmHl6CjFTHDBzo0+jOAIO0y/QGNV//tmFbDE8y0INHs5RfMWjwp30VvpJFjI7BDU/iSTLvQydKJ19ZYj5N/V27a6zPZ
z5jpNXyCuvNRiWilJjYToFMu0f6AAAlXcLsziHnF4O/TMwEZXDkVT7Cj+qyjtG7ifrYuMAANjymGTR5pgM9uYbWZkMkP8hZJla3Kl6JqmQ8s
NaK4ERkOMNGEhPAsGDbo721yG5KMIBJJFSxZp/rqh2b1U6jSfr54hencKmELrjg13q0IJ8/pJWpEZmpKv9nUNuqFfygqaU4BsoPzwE6mr53y
jVts2bGlNtrggf2cfBvGeoQzJuz9cjzJ3JcialD4IrEvIkKKd7L6hTOwOL07VIholwWWKz7U7kriDDmucbur3tID8lPnVvZrfRUG5uexxNp/
GO3mCYUa9tQij9LaW7aVoZ7XWpxTtSqRAwdemPdQsMoVtNI7v2fqJjo3vMyza6CVTlbjqF6gHGaC0BcsWAF38SUVWE0nzl0oz4gVsUXgeRIf
36UH8V+l5DjOy3/YDIcb4Izk5tNU/e5vQ9IJdZaVHm8mM6Xvbueqm4yvNYtiaTucpRoLPNAF1omulSqmS2OHvDQdVxY2zRaAd0zUHV785G3G
LM/xYKkyxRt8/BEAAAAeQZoILYj3/wARpe8E1+6X9J7kBvxHCBvGctHdrRuOAAAAZUEBUmggtiPfADmmASYAAAMAAAMAAAMAAAMAAAMAAAMA
SYN2tETi6dzuTzyfNcG9CpjyDtISDqzXN9oVuvEPAfxzgkfU0VyOvqqAv2W3RlwNxP92eGk6tm4tLr9pIguQ6rlVUVXwAAAADkGaEEvwIGTK
YR7/AAIPAAAAbkEBUmhBL8CBkymEe/8AIx7Emvq9aCH03Jq/DPG1St1nhkRgCGdPO6aXpg2OLUAE/s+fQotWxVfVu+8BKWmSro+AEv5sFzFK
arugvkeYgVX+hPJaBmRVw51GdeX0IhccHXfs+mJqThng1ohUuJWRAAAAD0GaGGk8CB5MpgR7/wACDgAAAD5BAVJoYaTwIHkymBHvAA0dBrMl
B/MbAUAF6X7IrTLYb15VHIVuM9NVAODice5b17SL09SC7HduySj5w7EXSgAAAA9BmiCJfAgfkymAQi8AARcAAAA0QQFSaIIl8CB+TKYBHv8A
A/Dfu1hgAi/MvsQFNWdxfFpkE54KAB85s/Gub++C0MhHM+GI2QAAABBBmiipvAgf5MpgBCL/AAEXAAAASEEBUmiipvAgf5MpgBHvAAQY2DNm
lEOSAJ00XB8+X1gMIa175sXgOiwU51rb/9TG3avnrkvbOW/Mlua1vL+YaO8kjnyPtIzsOwAAABBBmjDp/Agf+TKYAEe/AAIPAAAARkEBUmjD
p/Agf+TKYAEa/wAJISKwSo+utAGvL+n38euTmF/bqKzUlcoMk2nlufrixp8EFEtjLRqYfu+GKShdOQlHspvn1YEAAAAJAZ44xNIt/wFlAAAA
JAEBUnjjE0iX/wLeGCZQGFH4O7Gg1YBXjIwhf71y6gFvrzW/bQAAABFBmjkIjwIH/5MpgAEe/wACDgAAADZBAVJo5CI8CB/+TKYABGv/AAkh
yBnm+EloAn14e1Jr4FUeZiKbO+XwexU2jtl4IXSbdFm0z0IAAAARQZpBKJ8CB//kymAAEe8AAg4AAAA/QQFSaQSifAgf/5MpgABGvwAJIQ10
7wqG3AAxLaINWsFt3RrHn0J8XaX+KpyOZCwb4+2ZxRTykb4XyHckA1q7AAAAEkGaSUivAgf/+TKYAAEa/wAEnQAAAC5BAVJpJSK8CB//5Mpg
AARb/wAM6/QLvkA/MJQ5bo4YBJcYceXo/qBeubUjXgPBAAAAEkGaUWi/Agf//kymAAARbwAGhAAAADVBAVJpRaL8CB//+TKYAABEvwARRgmm
DgQ1vAOyFKGhZ8SujNZngNbOd4goWJcagyZ0eEOaFA==
"""
)


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
        from sora2_provider.emulator.media.movies import Scene, StoppedError, write_movie

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
