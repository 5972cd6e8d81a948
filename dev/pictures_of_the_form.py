"""Photograph the connection form for the docs: fill it in against the emulator, press Test, and see that it succeeds.

Works on the web interface of Airflow 2 and 3, and fails where the form or its Test button does not work. Needs Chromium and
tests/ui/requirements.txt.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from dev.harness.airflow import ADMIN, LocalAirflow
from dev.harness.connection_form import SUCCESS, fill_in, open_extra_fields, open_form, press_test, save
from dev.harness.processes import free_port, stop_cleanly_on_signals
from sora2_provider.emulator import Emulator

PROJECT = Path(__file__).resolve().parent.parent
IMAGES = PROJECT / "docs" / "images"
CONNECTION_ID = "sora2_default"
KEY = "sk-emulator"
EMULATOR_PORT = 8900


def main() -> int:
    """Take the pictures of the installed Airflow; return the exit code."""
    parser = argparse.ArgumentParser(description="Photograph the connection form of the installed Airflow.")
    parser.add_argument("--output", type=Path, default=IMAGES, help="folder of the pictures (default: docs/images)")
    parser.add_argument("--chromium", default=os.environ.get("CHROMIUM") or shutil.which("chromium"), help="its path")
    arguments = parser.parse_args()
    if arguments.chromium is None:
        print("Chromium was not found: install it (Debian: chromium), or say --chromium PATH.", file=sys.stderr)
        return 1
    stop_cleanly_on_signals()
    arguments.output.mkdir(parents=True, exist_ok=True)
    dags_folder = PROJECT / "example_dags"
    with (
        Emulator(canned=True, port=free_port(EMULATOR_PORT)) as emulator,
        LocalAirflow(dags_folder=dags_folder) as airflow,
    ):
        airflow.start_web()
        with sync_playwright() as playwright:
            # Without a sandbox of its own: it opens nothing but what this script has started.
            browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1180, "height": 800}, locale="en-GB")
            page.set_default_timeout(60_000)
            take = _of_airflow_2 if airflow.installation.is_airflow_2 else _of_airflow_3
            try:
                for picture in take(page, airflow, emulator, arguments.output):
                    print(f"Airflow {airflow.installation.version}: {picture}")
            except Exception:
                page.screenshot(path=arguments.output / "failed.png", full_page=True)
                raise
            finally:
                browser.close()
    return 0


def _of_airflow_2(page: Page, airflow: LocalAirflow, emulator: Emulator, output: Path) -> list[Path]:
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
    expect(page.get_by_text(SUCCESS)).to_be_visible(timeout=60_000)
    picture = output / "connection-form-airflow-2.png"
    page.screenshot(path=picture, full_page=True)
    return [picture]


def _of_airflow_3(page: Page, airflow: LocalAirflow, emulator: Emulator, output: Path) -> list[Path]:
    # A dialog scrolls within the window: this one is high enough for all fields.
    page.set_viewport_size({"width": 1180, "height": 1900})
    page.goto(f"{airflow.url}/connections")
    dialog = open_form(page, CONNECTION_ID)
    fill_in(dialog, {"host": emulator.url, "port": str(emulator.port), "password": KEY})
    # Only one section is open at a time; the first picture shows the one that everybody fills in.
    filled = output / "connection-form-airflow-3.png"
    dialog.screenshot(path=filled)
    open_extra_fields(dialog)
    expect(dialog.get_by_text("Query path")).to_be_visible()
    extra = output / "connection-extra-airflow-3.png"
    dialog.screenshot(path=extra, animations="disabled")
    save(dialog)
    press_test(page, CONNECTION_ID)
    expect(page.get_by_text(SUCCESS)).to_be_visible(timeout=60_000)
    tested = output / "connection-test-airflow-3.png"
    page.set_viewport_size({"width": 1180, "height": 560})
    page.screenshot(path=tested, animations="disabled")
    return [filled, extra, tested]


if __name__ == "__main__":
    sys.exit(main())
