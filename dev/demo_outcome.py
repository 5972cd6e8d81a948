"""What came of the demo: the facts, whether they are as promised, and how they are told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av

from sora2_provider.emulator import Billed, Emulator

#: A video's length in the container differs from the asked one by a frame or two.
LENGTH_TOLERANCE_SECONDS = 0.25


@dataclass(frozen=True)
class Movie:
    """A video file as PyAV reads it."""

    codec: str
    width: int
    height: int
    seconds: float
    frames: int
    size: int


@dataclass(frozen=True)
class Outcome:
    """All that the demo promises to show."""

    video_id: Any
    """What the create task returned."""
    status: Any
    """The last status in the create task's XCom ``video``."""
    states: tuple[str, ...]
    """The states that the gateway has seen."""
    link: Any
    stored_uri: Any
    """What the download task returned."""
    expected_uri: str
    movie: Movie | None
    """The file that was stored, None without a readable one."""
    billed: tuple[Billed, ...]

    def problems(self) -> list[str]:
        """Return what is not as promised; nothing, if all is."""
        billed_ids = [bill.id for bill in self.billed]
        found = [
            (len(billed_ids) == 1, f"{len(billed_ids)} videos were billed instead of 1"),
            (
                self.video_id in billed_ids,
                f"the create task returned {self.video_id!r}, billed was {billed_ids}",
            ),
            (self.status == "completed", f"the create task saw the status {self.status!r} last"),
            ("completed" in self.states, f"the gateway saw no completed video, only {self.states}"),
            (
                isinstance(self.link, str) and self.link.startswith("http"),
                f"the create task stored the link {self.link!r}",
            ),
            (
                self.stored_uri == self.expected_uri,
                f"the download task returned {self.stored_uri!r} instead of {self.expected_uri!r}",
            ),
            (self.movie is not None, f"there is no readable video at {self.expected_uri}"),
        ]
        problems = [problem for holds, problem in found if not holds]
        if self.movie is not None and len(self.billed) == 1:
            problems += _movie_problems(self.movie, self.billed[0].request)
        return problems

    def report(self) -> str:
        """Return the facts, one a line."""
        movie = self.movie
        if movie is None:
            raise ValueError("there is no video to report on")
        return "\n".join(
            [
                f"Video      {self.video_id}",
                f"States     {' > '.join(self.states)}",
                f"Link       {self.link}",
                f"Stored     {self.stored_uri} ({movie.size:,} bytes)",
                f"Read back  {movie.codec}, {movie.width}x{movie.height}, {movie.seconds:.1f} s, {movie.frames} frames",
                f"Billed     {len(self.billed)} video",
            ]
        )


def _movie_problems(movie: Movie, request: dict[str, Any]) -> list[str]:
    asked = float(request.get("duration", 0))
    checks = [
        (movie.codec == "h264", f"the codec is {movie.codec}, not h264"),
        (movie.height > movie.width, f"{movie.width}x{movie.height} is not portrait"),
        (
            abs(movie.seconds - asked) <= LENGTH_TOLERANCE_SECONDS,
            f"the video lasts {movie.seconds:.2f} s, asked were {asked:g} s",
        ),
    ]
    return [problem for holds, problem in checks if not holds]


def read_movie(file: Path) -> Movie | None:
    """Read a video from its first to its last frame; None where there is none or it does not decode."""
    try:
        with av.open(str(file)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            frames = sum(1 for _ in container.decode(stream))
            seconds = (container.duration or 0) / av.time_base
            return Movie(
                stream.codec_context.name,
                stream.width,
                stream.height,
                seconds,
                frames,
                file.stat().st_size,
            )
    except (OSError, IndexError, av.error.FFmpegError):
        return None


class StateWatch:
    """Looks at the emulator's newest video all the time and tells each change. Use it as a context manager."""

    INTERVAL_SECONDS = 0.1
    PROGRESS_STEP = 25

    def __init__(self, emulator: Emulator, tell: Callable[[str], None]) -> None:
        self._emulator = emulator
        self._tell = tell
        self.states: list[str] = []
        self._told_progress = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="state-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._end.wait(self.INTERVAL_SECONDS):
            self._look()

    def _look(self) -> None:
        videos = self._emulator.videos
        if not videos:
            return
        video = videos[-1]
        if not self.states or self.states[-1] != video.status:
            self.states.append(video.status)
            self._tell(f"{video.id} is {video.status}")
        elif video.status == "in_progress" and video.progress >= self._told_progress + self.PROGRESS_STEP:
            self._told_progress = video.progress - video.progress % self.PROGRESS_STEP
            self._tell(f"{video.id} is {video.status}, {video.progress} %")
