"""One server and an environment of their own for the measured processes, all of which end with this one."""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import PIPE
from tempfile import TemporaryDirectory
from typing import Any

from dev.harness.environment import inherited_environment
from dev.harness.processes import KeptProcess, run_command

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Bench:
    """A running server, and how a measuring process is started beside it."""

    url: str
    environment: dict[str, str]
    folder: Path

    def run(self, script: str, **options: Any) -> Any:
        """Run one of the measuring scripts, and return what it printed last: JSON."""
        command = [sys.executable, "-m", f"{__package__}.{script}", self.url, json.dumps(options)]
        done = run_command(command, environment=self.environment, cwd=PROJECT, timeout=400.0).check()
        return json.loads(next(line for line in reversed(done.output.splitlines()) if line.startswith(("{", "["))))

    def with_package_of(self, checkout: Path) -> Bench:
        """Return the same bench, whose processes import the package of another checkout."""
        link = self.folder / "before" / "sora2_provider"
        link.parent.mkdir()
        link.symlink_to((checkout / "sora2_provider").resolve(strict=True))
        path = f"{link.parent}{os.pathsep}{self.environment['PYTHONPATH']}"
        return replace(self, environment=self.environment | {"PYTHONPATH": path})


@contextmanager
def open_bench() -> Iterator[Bench]:
    """Start the server; stop it, and leave nothing behind, whatever happens."""
    with TemporaryDirectory(prefix="sora2-bench-") as folder:
        environment = inherited_environment() | {
            # The path is this and nothing that Python adds by itself, so that another package can stand before it.
            "PYTHONSAFEPATH": "1",
            "PYTHONPATH": str(PROJECT),
            "AIRFLOW_HOME": str(Path(folder) / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "AIRFLOW__TRIGGERER__CAPACITY": "20000",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
        command = [sys.executable, "-m", f"{__package__}.gateway_server"]
        with KeptProcess(command, environment=environment, output=PIPE, cwd=PROJECT) as server:
            yield Bench(f"http://127.0.0.1:{int(server.output.readline())}", environment, Path(folder))
