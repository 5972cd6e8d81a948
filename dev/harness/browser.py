"""A browser on the loopback interface, for scripts and tests that look at the web interface as a person does."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright

from dev.harness.services import Package

#: As Debian, Fedora and Google name it.
CHROMIUM = Package(
    "chromium", ("chromium", "chromium-browser", "google-chrome"), "other systems: from its makers, as chromium"
)


@contextlib.contextmanager
def running_browser() -> Iterator[Browser]:
    """Start Chromium without a window; on Debian, root gets it installed where it is missing."""
    program = CHROMIUM.program()
    with sync_playwright() as playwright:
        # Chromium's sandbox does not work for root.
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=options)
        try:
            yield browser
        finally:
            browser.close()
