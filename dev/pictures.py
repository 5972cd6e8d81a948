"""Photograph the docs' pictures in a browser, against a real Airflow and the emulator: ``make docs-pictures``.

On Airflow 3 they are the tour of docs/tour.md, with the page's own DAG, and the connection form; on Airflow 2 the form.
Fails where a step does not end as the pages say.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, expect

from dev.harness.airflow import ADMIN, LocalAirflow
from dev.harness.browser import running_browser
from dev.harness.connection_form import SUCCESS, fill_in, open_extra_fields, open_form, press_test, save
from dev.harness.emulator import emulator_near
from dev.harness.processes import stop_cleanly_on_signals
from sora2_provider.emulator import Emulator

PROJECT = Path(__file__).resolve().parent.parent
TOUR = PROJECT / "docs" / "tour.md"
IMAGES = PROJECT / "docs" / "images"
CONNECTION_ID = "sora2_default"
KEY = "sk-emulator"
EMULATOR_PORT = 8900
DAG_ID, TASK_ID = "first_video", "create_video"
STORED = Path("/tmp/first-video/boat.mp4")  # noqa: S108 (what the page says)
RENDER_SECONDS = 12.0
PATIENCE_MS = 90_000


def main() -> int:
    """Take the pictures of the installed Airflow; return the exit code."""
    parser = argparse.ArgumentParser(description="Photograph the docs' pictures.")
    parser.add_argument("--output", type=Path, default=IMAGES, help="folder of the pictures (default: docs/images)")
    output: Path = parser.parse_args().output
    stop_cleanly_on_signals()
    output.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        emulator_near(EMULATOR_PORT, render_seconds=RENDER_SECONDS) as emulator,
        LocalAirflow(dags_folder=Path(folder)) as airflow,
    ):
        (Path(folder) / "first_video.py").write_text(first_dag(), encoding="utf-8")
        if airflow.installation.is_airflow_2:
            airflow.start_web()
            take = photograph_form_of_2
        else:
            airflow.start()
            take = photograph_all_of_3
        with failures_photographed(output) as page:
            take(page, airflow, emulator, output)
    return 0


@contextlib.contextmanager
def failures_photographed(output: Path) -> Iterator[Page]:
    """Open a page in a browser; if the block fails, save what the page shows by then."""
    with running_browser() as browser:
        page = browser.new_page(locale="en-GB")
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        try:
            yield page
        except Exception:
            page.screenshot(path=output / "failed.png", full_page=True)
            raise


def photograph_form_of_2(page: Page, airflow: LocalAirflow, emulator: Emulator, output: Path) -> None:
    """Fill in the connection form of Airflow 2, and press its Test button."""
    # All of it in one window: in one that scrolls the bar of menus would stand in the middle of the picture.
    page.set_viewport_size({"width": 1180, "height": 1620})
    page.goto(f"{airflow.url}/login/")
    page.fill("#username", ADMIN)
    page.fill("#password", airflow.admin_password)
    page.click("input[type=submit]")
    page.goto(f"{airflow.url}/connection/add")
    page.select_option("#conn_type", "sora2", force=True)
    page.fill("#conn_id", CONNECTION_ID)
    page.fill("#host", emulator.url)
    page.fill("#password", KEY)
    page.click("#test-connection")
    expect(page.get_by_text(SUCCESS)).to_be_visible()
    page.screenshot(path=output / "connection-form-airflow-2.png", full_page=True)


def photograph_all_of_3(page: Page, airflow: LocalAirflow, emulator: Emulator, output: Path) -> None:
    """Take the pictures of the form, and of the tour with a connection as `make ui` has it."""
    photograph_form(page, airflow, emulator, output)
    airflow.rest.request("DELETE", f"/connections/{CONNECTION_ID}")
    airflow.rest.add_connection(CONNECTION_ID, emulator.connection())
    photograph_tour(page, airflow, run_to_its_end(airflow), output)
    save_frame(STORED, output / "tour-frame.png")


def photograph_form(page: Page, airflow: LocalAirflow, emulator: Emulator, output: Path) -> None:
    """Fill in the connection form of Airflow 3, save it, and press the Test button."""
    # A dialog scrolls within the window: this one is high enough for all fields.
    page.set_viewport_size({"width": 1180, "height": 1900})
    page.goto(f"{airflow.url}/connections")
    dialog = open_form(page, CONNECTION_ID)
    fill_in(dialog, {"host": emulator.url, "port": str(emulator.port), "password": KEY})
    # Only one section is open at a time; the first picture shows the one that everybody fills in.
    dialog.screenshot(path=output / "connection-form-airflow-3.png")
    open_extra_fields(dialog)
    expect(dialog.get_by_text("Query path")).to_be_visible()
    dialog.screenshot(path=output / "connection-extra-airflow-3.png", animations="disabled")
    save(dialog)
    press_test(page, CONNECTION_ID)
    expect(page.get_by_text(SUCCESS)).to_be_visible()
    page.set_viewport_size({"width": 1180, "height": 560})
    page.screenshot(path=output / "connection-test-airflow-3.png", animations="disabled")


def first_dag() -> str:
    """Return the DAG as it stands on the tour's page."""
    text = TOUR.read_text(encoding="utf-8")
    found = re.search(r"```python\n(# example_dags/first_video\.py\n.*?)```", text, re.DOTALL)
    if found is None:
        raise LookupError(f"{TOUR} holds no first_video.py")
    return found[1]


def run_to_its_end(airflow: LocalAirflow) -> str:
    """Trigger the tour's DAG as soon as Airflow knows it, and return the run's id when it has succeeded."""

    def is_known() -> bool:
        return any(one["dag_id"] == DAG_ID for one in airflow.rest.get("/dags")["dags"])

    def state() -> str:
        return str(airflow.rest.get(f"/dags/{DAG_ID}/dagRuns/{run_id}")["state"])

    STORED.unlink(missing_ok=True)
    airflow.wait_until(is_known, timeout=120, what=f"Airflow to find {DAG_ID}")
    run_id = airflow.rest.trigger(DAG_ID)
    airflow.wait_until(lambda: state() in ("success", "failed"), timeout=240, what="the run to end")
    if state() != "success" or not STORED.is_file():
        raise RuntimeError(f"The tour's DAG ended as {state()}:\n{airflow.task_log(DAG_ID)[-3000:]}")
    return run_id


def photograph_tour(page: Page, airflow: LocalAirflow, run_id: str, output: Path) -> None:
    """Show the connection, and the log and the XComs of the task."""
    page.set_viewport_size({"width": 1180, "height": 420})
    page.goto(f"{airflow.url}/connections")
    expect(page.get_by_text(CONNECTION_ID)).to_be_visible()
    page.screenshot(path=output / "tour-connection.png", animations="disabled")
    task = f"{airflow.url}/dags/{DAG_ID}/runs/{run_id}/tasks/{TASK_ID}"
    page.set_viewport_size({"width": 1280, "height": 560})
    page.goto(task)
    expect(page.get_by_text("The gateway accepted video").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"\d+ bytes, video/mp4")).first).to_be_visible()
    page.screenshot(path=output / "tour-log.png", animations="disabled")
    page.set_viewport_size({"width": 1280, "height": 860})
    page.goto(f"{task}/xcom")
    expect(page.get_by_text("return_value").first).to_be_visible()
    page.get_by_role("button", name="Expand all extra JSON").click()
    expect(page.get_by_text("in_progress").or_(page.get_by_text('"completed"')).first).to_be_visible()
    page.screenshot(path=output / "tour-xcom.png", animations="disabled")


def save_frame(movie: Path, picture: Path) -> None:
    """Save a frame from the middle of a video."""
    import av

    with av.open(str(movie)) as file:
        frames = [frame for number, frame in enumerate(file.decode(video=0)) if number % 24 == 0]
    image = frames[len(frames) // 2].to_image()  # type: ignore[no-untyped-call]
    image.thumbnail((640, 640))
    image.convert("P", colors=64).save(picture, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
