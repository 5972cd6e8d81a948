"""Render one video from a picture on a real Airflow against the built-in emulator: no key, no money, no network.

Exit code 0 means that everything printed was checked: the DAG run succeeded, exactly one video was billed, and the
stored file is a portrait H.264 video of the length that was asked for.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dev.airflow_log import own_message
from dev.demo_outcome import Outcome, StateWatch, read_movie
from dev.harness.airflow import LocalAirflow
from dev.harness.processes import CommandTimedOut, stop_cleanly_on_signals, tail
from sora2_provider.emulator import Emulator

PROJECT = Path(__file__).resolve().parent.parent
OUTPUT = PROJECT / "demo-output"
DAG_ID = "sora2_image_to_video"
CREATE_TASK = "create_video"
DOWNLOAD_TASK = "download"
RENDER_SECONDS = 6.0


def main() -> int:
    """Run the demo; return its exit code."""
    parser = argparse.ArgumentParser(description="Render one video against the built-in emulator.")
    parser.add_argument("--dags-folder", type=Path, default=PROJECT / "example_dags")
    arguments = parser.parse_args()
    stop_cleanly_on_signals()
    try:
        return run(arguments.dags_folder)
    except KeyboardInterrupt:
        print("\nStopped. Nothing is left running.")
        return 130


def run(dags_folder: Path) -> int:
    """Run the DAG, show what it does, and check what came of it."""
    started = time.monotonic()

    def tell(message: str) -> None:
        print(f"{time.monotonic() - started:5.1f} s  {message}", flush=True)

    OUTPUT.mkdir(exist_ok=True)
    log_file = OUTPUT / "airflow.log"
    movie_file = OUTPUT / "sora2-demo.mp4"
    movie_file.unlink(missing_ok=True)

    with Emulator(render_seconds=RENDER_SECONDS) as emulator, log_file.open("w") as log:
        tell(f"The emulated Sora 2 gateway listens on {emulator.url}")
        watch = StateWatch(emulator, lambda state: tell(f"  gateway  {state}"))
        with watch, LocalAirflow(dags_folder=dags_folder, connection=emulator.connection()) as airflow:
            tell(f"Airflow {airflow.installation.version} runs the DAG {DAG_ID} (its start takes some seconds)")
            try:
                result = airflow.dags_test(
                    DAG_ID,
                    conf={
                        "image_url": f"{emulator.url}/images/sample.png",
                        "output_path": movie_file.as_uri(),
                    },
                    on_line=lambda line: show_and_keep(line, log.write, tell),
                )
            except CommandTimedOut as error:
                return fail([str(error)], log_file)
            xcoms = airflow.xcoms(DAG_ID)
        if result.exit_code != 0:
            return fail([f"The DAG run failed:\n{tail(result.output)}"], log_file)

        video: dict[str, Any] = xcoms.get((CREATE_TASK, "video", -1)) or {}
        outcome = Outcome(
            video_id=xcoms.get((CREATE_TASK, "return_value", -1)),
            status=video.get("status"),
            states=tuple(watch.states),
            link=video.get("url"),
            stored_uri=xcoms.get((DOWNLOAD_TASK, "return_value", -1)),
            expected_uri=movie_file.as_uri(),
            movie=read_movie(movie_file),
            billed=emulator.billed,
        )
    if problems := outcome.problems():
        return fail([*problems, tail(result.output)], log_file)
    print("\n" + outcome.report())
    print(next_steps(movie_file))
    return 0


def show_and_keep(line: str, keep: Callable[[str], object], tell: Callable[[str], None]) -> None:
    """Keep every line of Airflow's output, and show those that the provider itself has logged."""
    keep(line + "\n")
    if (message := own_message(line)) is not None:
        tell(f"  task     {message}")


def fail(problems: list[str], log_file: Path) -> int:
    """Say what went wrong and where the rest stands."""
    print("\nThe demo failed.", *problems, f"The whole log: {log_file}", sep="\n", file=sys.stderr)
    return 1


def next_steps(movie_file: Path) -> str:
    """Return what to do after the demo."""
    return f"""
Next steps
  watch it        {movie_file}
  in the browser  make ui
  for real        README.md: put your own key into the connection sora2_default
"""


if __name__ == "__main__":
    sys.exit(main())
