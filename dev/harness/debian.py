"""Servers from Debian's packages for throw-away use: installed where that is possible, and not run as root."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
from pathlib import Path

from dev.harness.processes import run_command

#: The first account comes with Debian's PostgreSQL; the second one is everywhere.
_ACCOUNTS = ("postgres", "nobody")

_INSTALL_SECONDS = 600.0


class PackageMissing(RuntimeError):
    """A program is not installed here, and cannot be; the message says what to do."""


def install(package: str, *, missing: str, elsewhere: str) -> None:
    """Install one of Debian's packages, where that is possible.

    :param missing: what was looked for in vain, as a sentence for the message.
    :param elsewhere: how to install it on other systems.
    :raises PackageMissing: it is not possible.
    """
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise PackageMissing(
            f"{missing} Install it (Debian and Ubuntu: apt-get install {package}; {elsewhere}), then try again."
        )
    print(f"Installing Debian's package {package}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", package]):
        run_command([apt, *arguments], environment=environment, cwd=Path("/"), timeout=_INSTALL_SECONDS).check()


def unprivileged() -> list[str]:
    """Return what a command begins with to run as somebody other than root; nothing for other users."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise PackageMissing("No server runs as root here, and setpriv is missing: try as another user.")
    account = _account()
    # Another user's process forgets that it shall die with its parent: say it again.
    return [
        *[setpriv, f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"],
        *["--pdeathsig=KILL", "--"],
    ]


def give_away(*paths: Path) -> None:
    """Give files or folders to the account that `unprivileged` commands run as."""
    if os.geteuid() == 0:
        account = _account()
        for path in paths:
            os.chown(path, account.pw_uid, account.pw_gid)


def _account() -> pwd.struct_passwd:
    for name in _ACCOUNTS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise PackageMissing(f"No server runs as root here, and none of {', '.join(_ACCOUNTS)} is a user.")
