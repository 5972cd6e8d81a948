"""Go the way of docs/tour.md in a browser, and photograph it: the DAG is the page's own, the Airflow and the video are real.

Fails where a step does not end as the page says. Needs Chromium and Python's playwright.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from dev.harness.airflow import LocalAirflow
from dev.harness.processes import free_port, stop_cleanly_on_signals
from sora2_provider.emulator import Emulator

PROJECT = Path(__file__).resolve().parent.parent
TOUR = PROJECT / "docs" / "tour.md"
IMAGES = PROJECT / "docs" / "images"
DAG_ID, TASK_ID = "first_video", "create_video"
STORED = Path("/tmp/first-video/boat.mp4")  # noqa: S108 (what the page says)
RENDER_SECONDS = 12.0


def main() -> int:
    """Take the pictures; return the exit code."""
    parser = argparse.ArgumentParser(description="Photograph the five-minute tour.")
    parser.add_argument("--output", type=Path, default=IMAGES, help="folder of the pictures (default: docs/images)")
    parser.add_argument("--chromium", default=os.environ.get("CHROMIUM") or shutil.which("chromium"), help="its path")
    arguments = parser.parse_args()
    if arguments.chromium is None:
        print("Chromium was not found: install it (Debian: chromium), or say --chromium PATH.", file=sys.stderr)
        return 1
    stop_cleanly_on_signals()
    arguments.output.mkdir(parents=True, exist_ok=True)
    STORED.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        dags_folder = Path(folder)
        (dags_folder / "first_video.py").write_text(first_dag(), encoding="utf-8")
        with (
            Emulator(port=free_port(8900), render_seconds=RENDER_SECONDS) as emulator,
            LocalAirflow(dags_folder=dags_folder) as airflow,
        ):
            airflow.start()
            airflow.rest.add_connection("sora2_default", emulator.connection())
            run_id = run_to_its_end(airflow)
            with sync_playwright() as playwright:
                # Without a sandbox of its own: it opens nothing but what this script has started.
                browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
                page = browser.new_page(viewport={"width": 1180, "height": 620}, locale="en-GB")
                page.set_default_timeout(90_000)
                try:
                    photograph(page, airflow, run_id, arguments.output)
                except Exception:
                    page.screenshot(path=arguments.output / "failed.png", full_page=True)
                    raise
                finally:
                    browser.close()
    frame_of(STORED, arguments.output / "tour-frame.png")
    return 0


def first_dag() -> str:
    """Return the DAG as it stands on the page."""
    found = re.search(
        r"```python\n(# example_dags/first_video\.py\n.*?)```", TOUR.read_text(encoding="utf-8"), re.DOTALL
    )
    if found is None:
        raise LookupError(f"{TOUR} holds no first_video.py")
    return found[1]


def run_to_its_end(airflow: LocalAirflow) -> str:
    """Trigger the DAG as soon as Airflow knows it, and return the run's id when it has succeeded."""

    def is_known() -> bool:
        return any(one["dag_id"] == DAG_ID for one in airflow.rest.get("/dags")["dags"])

    airflow.wait_until(is_known, timeout=120, what=f"Airflow to find {DAG_ID}")
    run_id = airflow.rest.trigger(DAG_ID)

    def state() -> str:
        return str(airflow.rest.get(f"/dags/{DAG_ID}/dagRuns/{run_id}")["state"])

    airflow.wait_until(lambda: state() in ("success", "failed"), timeout=240, what="the run to end")
    if state() != "success" or not STORED.is_file():
        raise RuntimeError(f"The tour's DAG ended as {state()}:\n{airflow.task_log(DAG_ID)[-3000:]}")
    return run_id


def photograph(page: Page, airflow: LocalAirflow, run_id: str, output: Path) -> None:
    """Take the pictures of the web interface."""
    page.goto(f"{airflow.url}/connections")
    expect(page.get_by_text("sora2_default")).to_be_visible()
    page.set_viewport_size({"width": 1180, "height": 420})
    page.screenshot(path=output / "tour-connection.png", animations="disabled")
    task = f"{airflow.url}/dags/{DAG_ID}/runs/{run_id}/tasks/{TASK_ID}"
    page.set_viewport_size({"width": 1280, "height": 560})
    page.goto(task)
    expect(page.get_by_text("The gateway accepted video").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"Stored \d+ bytes")).first).to_be_visible()
    page.screenshot(path=output / "tour-log.png", animations="disabled")
    page.set_viewport_size({"width": 1280, "height": 860})
    page.goto(f"{task}/xcom")
    expect(page.get_by_text("return_value").first).to_be_visible()
    page.get_by_role("button", name="Expand all extra JSON").click()
    expect(page.get_by_text("in_progress").or_(page.get_by_text('"completed"')).first).to_be_visible()
    page.screenshot(path=output / "tour-xcom.png", animations="disabled")


def frame_of(movie: Path, picture: Path) -> None:
    """Save a frame from the middle of a video."""
    import av

    with av.open(str(movie)) as file:
        frames = [frame for number, frame in enumerate(file.decode(video=0)) if number % 24 == 0]
    image = frames[len(frames) // 2].to_image()  # type: ignore[no-untyped-call]
    image.thumbnail((640, 640))
    image.convert("P", colors=64).save(picture, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
