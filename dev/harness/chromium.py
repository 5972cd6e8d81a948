"""Debian's Chromium, for tests that look at the web interface as a person does."""

from __future__ import annotations

import shutil
from pathlib import Path

from dev.harness import debian

#: As Debian, Fedora and Google name it.
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> Path:
    """Return the browser's program; on Debian, root gets it installed where it is missing."""
    return find_chromium() or _install()


def find_chromium() -> Path | None:
    """Return the browser's program where there is one."""
    found = (shutil.which(name) for name in _NAMES)
    return next((Path(path) for path in found if path), None)


def _install() -> Path:
    debian.install(
        "chromium",
        missing="Chromium is needed, and is not on the PATH.",
        elsewhere="other systems: from its makers, as chromium",
    )
    found = find_chromium()
    if found is None:
        raise debian.PackageMissing("The package chromium was installed, but there is no such program on the PATH.")
    return found
