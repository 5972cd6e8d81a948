"""The built distributions, made once for all tests of this folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.releases import CONSTRAINTS, PROJECT, Built


@pytest.fixture(scope="session")
def run() -> Any:
    """Runs a command and returns its standard output; the test fails, with all that it said, if it does."""

    def run(*command: str, environment: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
        options = {"env": environment, "cwd": cwd, "timeout": 600, "stdin": subprocess.DEVNULL}
        result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
        if result.returncode != 0:
            said = f"{result.stdout}\n{result.stderr}"
            pytest.fail(f"{' '.join(command)} ended with exit code {result.returncode}:\n{said}")
        return result.stdout

    return run


@pytest.fixture(scope="session")
def uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        pytest.fail("uv is not installed: run make wheel-check")
    return found


@pytest.fixture(scope="session")
def release_tools() -> Path:
    """The folder of the commands of ``tools.txt``, which have an environment of their own."""
    folder = Path(sys.prefix) / "release-tools" / "bin"
    if not folder.exists():
        pytest.fail("the release tools are not installed: run make wheel-check")
    return folder


@pytest.fixture(scope="session")
def build(run: Any, uv: str) -> Callable[..., Built]:
    """Builds an sdist, and the wheel from it, as an index would get them."""

    def build(project: Path, out: Path) -> Built:
        run(uv, "build", "--quiet", "--build-constraints", str(CONSTRAINTS[-1]), "--out-dir", str(out), str(project))
        return Built.of(out)

    return build


@pytest.fixture(scope="session")
def built(build: Callable[..., Built], tmp_path_factory: pytest.TempPathFactory) -> Built:
    """What ``make dist`` has built and a release uploads; otherwise built now."""
    if "DIST" in os.environ:
        return Built.of(Path(os.environ["DIST"]))
    return build(PROJECT, tmp_path_factory.mktemp("dist"))
