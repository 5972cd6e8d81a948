"""Debian's Chromium, for tests that look at the web interface as a person does."""

from __future__ import annotations

import shutil
from pathlib import Path

from debian import can_install, install_package

#: As Debian, Fedora and Google name it.
_NAMES = ("chromium", "chromium-browser", "google-chrome")


class ChromiumMissing(RuntimeError):
    """Chromium is not installed here, and cannot be; the message says what to do."""


def chromium() -> Path:
    """Return the browser's program; on Debian, root gets it installed where it is missing."""
    return find_chromium() or _install()


def find_chromium() -> Path | None:
    """Return the browser's program where there is one."""
    found = (shutil.which(name) for name in _NAMES)
    return next((Path(path) for path in found if path), None)


def _install() -> Path:
    if not can_install():
        raise ChromiumMissing(
            "Chromium is needed, and is not on the PATH. Install it (Debian: apt-get install chromium), then try again."
        )
    install_package("chromium")
    found = find_chromium()
    if found is None:
        raise ChromiumMissing("The package chromium was installed, but there is no such program on the PATH.")
    return found
