"""The built distributions, made once for all tests of this folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Built:
    """The two files that a release uploads."""

    sdist: Path
    wheel: Path


class Run(Protocol):
    """Runs a command and returns its standard output; the test fails, with all that it said, if it does."""

    def __call__(self, *command: str, environment: Mapping[str, str] | None = None) -> str: ...


@pytest.fixture(scope="session")
def run() -> Run:
    def run(*command: str, environment: Mapping[str, str] | None = None) -> str:
        result = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
            stdin=subprocess.DEVNULL,
        )
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
def constraints() -> Path:
    """The constraints of the newest Airflow, whichever this environment has."""
    files = (PROJECT / "constraints").glob("airflow-*.txt")
    return max(files, key=lambda file: [int(part) for part in file.stem.removeprefix("airflow-").split(".")])


@pytest.fixture(scope="session")
def built(run: Run, uv: str, constraints: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """An sdist, and the wheel that is built from it, as an index would get them."""
    out = tmp_path_factory.mktemp("dist")
    run(uv, "build", "--quiet", "--build-constraints", str(constraints), "--out-dir", str(out), str(PROJECT))
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return Built(sdist, wheel)
