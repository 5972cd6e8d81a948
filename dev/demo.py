"""Render one video from a picture on a real Airflow against the built-in emulator: no key, no money, no network.

Exit code 0 means that everything printed was checked: the DAG run succeeded, exactly one video was billed, and the
stored file is a portrait H.264 video of the length that was asked for.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from dev.harness.airflow import LocalAirflow
from dev.harness.processes import CommandTimedOut, stop_cleanly_on_signals, tail, timed_teller
from sora2_provider.emulator import Billed, Emulator

PROJECT = Path(__file__).resolve().parent.parent
OUTPUT = PROJECT / "demo-output"
LOG_FILE, MOVIE_FILE = OUTPUT / "airflow.log", OUTPUT / "sora2-demo.mp4"
DAG_ID = "sora2_image_to_video"
RENDER_SECONDS = 6.0

#: A video's length in the container differs from the asked one by a frame or two.
LENGTH_TOLERANCE_SECONDS = 0.25

LOOK_SECONDS = 0.1
PROGRESS_STEP = 25

#: A line of Airflow's console log: 3 pads the message and adds key=value pairs behind the logger; the harness sets the
#: same order for 2.
_OWN_LINE = re.compile(r"^\d{4}-\S+ \[(?P<level>\w+) *\] (?P<message>.*?) +\[[\w.]*\bsora2_provider\b[\w.]*\](?: .*)?$")


@dataclass(frozen=True)
class Movie:
    """A video file as PyAV reads it."""

    codec: str
    width: int
    height: int
    seconds: float
    frames: int
    size: int

    @classmethod
    def read(cls, file: Path) -> Movie | None:
        """Read a video from its first to its last frame; None where there is none or it does not decode."""
        try:
            with av.open(str(file)) as container:
                stream = container.streams.video[0]
                stream.thread_type = "AUTO"
                frames = sum(1 for _ in container.decode(stream))
                seconds = (container.duration or 0) / av.time_base
                codec = stream.codec_context.name
                return cls(codec, stream.width, stream.height, seconds, frames, file.stat().st_size)
        except (OSError, IndexError, av.error.FFmpegError):
            return None

    def problems(self, request: dict[str, Any]) -> list[str]:
        """Return what is not as the gateway was asked for."""
        asked = float(request.get("duration", 0))
        length_fits = abs(self.seconds - asked) <= LENGTH_TOLERANCE_SECONDS
        checks = [
            (self.codec == "h264", f"the codec is {self.codec}, not h264"),
            (self.height > self.width, f"{self.width}x{self.height} is not portrait"),
            (length_fits, f"the video lasts {self.seconds:.2f} s, asked were {asked:g} s"),
        ]
        return [problem for holds, problem in checks if not holds]


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
        ids = [bill.id for bill in self.billed]
        is_link = isinstance(self.link, str) and self.link.startswith("http")
        is_stored = self.stored_uri == self.expected_uri
        checks = [
            (len(ids) == 1, f"{len(ids)} videos were billed instead of 1"),
            (self.video_id in ids, f"the create task returned {self.video_id!r}, billed was {ids}"),
            (self.status == "completed", f"the create task saw the status {self.status!r} last"),
            ("completed" in self.states, f"the gateway saw no completed video, only {self.states}"),
            (is_link, f"the create task stored the link {self.link!r}"),
            (is_stored, f"the download task returned {self.stored_uri!r} instead of {self.expected_uri!r}"),
            (self.movie is not None, f"there is no readable video at {self.expected_uri}"),
        ]
        problems = [problem for holds, problem in checks if not holds]
        if self.movie is not None and len(self.billed) == 1:
            problems += self.movie.problems(self.billed[0].request)
        return problems

    def report(self) -> str:
        """Return the facts, one a line."""
        movie = self.movie
        if movie is None:
            raise ValueError("there is no video to report on")
        return f"""
Video      {self.video_id}
States     {" > ".join(self.states)}
Link       {self.link}
Stored     {self.stored_uri} ({movie.size:,} bytes)
Read back  {movie.codec}, {movie.width}x{movie.height}, {movie.seconds:.1f} s, {movie.frames} frames
Billed     {len(self.billed)} video"""


def main() -> int:
    """Run the demo; return its exit code."""
    stop_cleanly_on_signals()
    try:
        return run()
    except CommandTimedOut as error:
        return fail([str(error)])
    except KeyboardInterrupt:
        print("\nStopped. Nothing is left running.")
        return 130


def run() -> int:
    """Run the DAG, show what it does, and check what came of it."""
    tell = timed_teller()
    OUTPUT.mkdir(exist_ok=True)
    MOVIE_FILE.unlink(missing_ok=True)
    with Emulator(render_seconds=RENDER_SECONDS) as emulator, LOG_FILE.open("w") as log:

        def show_and_keep(line: str) -> None:
            log.write(line + "\n")
            if (message := own_message(line)) is not None:
                tell(f"  task     {message}")

        tell(f"The emulated Sora 2 gateway listens on {emulator.url}")
        with (
            watched_states(emulator, lambda state: tell(f"  gateway  {state}")) as states,
            LocalAirflow(dags_folder=PROJECT / "example_dags", connection=emulator.connection()) as airflow,
        ):
            tell(f"Airflow {airflow.installation.version} runs the DAG {DAG_ID} (its start takes some seconds)")
            conf = {"image_url": f"{emulator.url}/images/sample.png", "output_path": MOVIE_FILE.as_uri()}
            result = airflow.dags_test(DAG_ID, conf=conf, on_line=show_and_keep)
            xcoms = airflow.xcoms(DAG_ID)
        if result.exit_code != 0:
            return fail([f"The DAG run failed:\n{tail(result.output)}"])
        outcome = outcome_of(xcoms, states, emulator.billed)
    if problems := outcome.problems():
        return fail([*problems, tail(result.output)])
    print(outcome.report())
    print(f"""
Next steps
  watch it        {MOVIE_FILE}
  in the browser  make ui
  for real        README.md: put your own key into the connection sora2_default
""")
    return 0


def outcome_of(xcoms: dict[tuple[str, str, int], Any], states: list[str], billed: tuple[Billed, ...]) -> Outcome:
    """Gather the facts of the run."""
    video: dict[str, Any] = xcoms.get(("create_video", "video", -1)) or {}
    return Outcome(
        video_id=xcoms.get(("create_video", "return_value", -1)),
        status=video.get("status"),
        states=tuple(states),
        link=video.get("url"),
        stored_uri=xcoms.get(("download", "return_value", -1)),
        expected_uri=MOVIE_FILE.as_uri(),
        movie=Movie.read(MOVIE_FILE),
        billed=billed,
    )


def own_message(line: str) -> str | None:
    """Return the message of a line that the provider logged, with its level if that is worth a look; else None."""
    match = _OWN_LINE.match(line)
    if match is None:
        return None
    level = match["level"].lower()
    return match["message"] if level in {"info", "debug"} else f"{level}: {match['message']}"


@contextmanager
def watched_states(emulator: Emulator, tell: Callable[[str], None]) -> Iterator[list[str]]:
    """Look at the emulator's newest video all the time and tell each change; yield the states that it has had."""
    states: list[str] = []
    told_progress = 0
    end = threading.Event()

    def look() -> None:
        nonlocal told_progress
        if not emulator.videos:
            return
        video = emulator.videos[-1]
        if states[-1:] != [video.status]:
            states.append(video.status)
            tell(f"{video.id} is {video.status}")
        elif video.status == "in_progress" and video.progress >= told_progress + PROGRESS_STEP:
            told_progress = video.progress - video.progress % PROGRESS_STEP
            tell(f"{video.id} is {video.status}, {video.progress} %")

    def watch() -> None:
        while not end.wait(LOOK_SECONDS):
            look()

    thread = threading.Thread(target=watch, name="state-watch", daemon=True)
    thread.start()
    try:
        yield states
    finally:
        end.set()
        thread.join()
        look()


def fail(problems: list[str]) -> int:
    """Say what went wrong and where the rest stands."""
    print("\nThe demo failed.", *problems, f"The whole log: {LOG_FILE}", sep="\n", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
