"""Programs that Debian has a package for, installed where that is possible."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from processes import run_command

_INSTALL_SECONDS = 900.0


def can_install() -> bool:
    """Return whether this is a Debian on which this user may install packages."""
    return shutil.which("apt-get") is not None and os.geteuid() == 0


def install_package(package: str) -> None:
    """Install a package, which takes a minute."""
    print(f"Installing Debian's package {package}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", package]):
        run_command(["apt-get", *arguments], environment=environment, cwd=Path("/"), timeout=_INSTALL_SECONDS).check()
