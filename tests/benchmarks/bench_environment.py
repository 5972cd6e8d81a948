"""One server and an environment of their own for the measured processes, all of which end with this one."""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from tempfile import TemporaryDirectory
from typing import Any

from dev.harness.environment import inherited_environment
from dev.harness.processes import KeptProcess, run_command
from tests.benchmarks.certificate import make_certificate

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Bench:
    """A running server, and how a measuring process is started beside it."""

    urls: dict[str, str]
    environment: dict[str, str]

    def run(self, script: str, *arguments: str, timeout: float = 400.0, **options: Any) -> Any:
        """Run one of the measuring scripts and return what it printed last, which is JSON."""
        command = [sys.executable, "-m", f"{__package__}.{script}", *arguments, json.dumps(options)]
        done = run_command(command, environment=self.environment, cwd=PROJECT, timeout=timeout).check()
        return json.loads(next(line for line in reversed(done.output.splitlines()) if line.startswith(("{", "["))))

    def counts(self) -> dict[str, int]:
        """Return what the server has seen since this was asked last."""
        with urllib.request.urlopen(f"{self.urls['http']}/counts?reset", timeout=10) as answer:
            return dict(json.load(answer))


@contextmanager
def open_bench() -> Iterator[Bench]:
    """Start the server; stop it, and leave nothing behind, whatever happens."""
    with TemporaryDirectory(prefix="sora2-bench-") as name:
        folder = Path(name)
        files = make_certificate(folder)
        environment = inherited_environment() | {
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "AIRFLOW__TRIGGERER__CAPACITY": "20000",
            # aiohttp and httpx trust the one, requests and this provider the other.
            "SSL_CERT_FILE": str(files.authority),
            "REQUESTS_CA_BUNDLE": str(files.authority),
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            "DO_NOT_TRACK": "1",
            "SCARF_ANALYTICS": "false",
        }
        os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
        command = [sys.executable, "-m", f"{__package__}.gateway_server", str(files.certificate), str(files.key)]
        with KeptProcess(command, environment=environment, output=PIPE, cwd=PROJECT) as server:
            ports = json.loads(server.output.readline())
            urls = {scheme: f"{scheme}://127.0.0.1:{port}" for scheme, port in ports.items()}
            yield Bench(urls, environment)
