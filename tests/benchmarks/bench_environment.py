"""One server and an environment of their own for the measured processes, all of which end with this one."""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
import tomllib
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
    """A running server, and how a measuring process is started beside it.

    :param before: what stands first on the path of the processes that measure another tree; see ``importable``.
    """

    urls: dict[str, str]
    environment: dict[str, str]
    before: Path | None = None

    def run(self, script: str, *arguments: str, before: bool = False, **options: Any) -> Any:
        """Run one of the measuring scripts, of the tree before if wished, and return what it printed last: JSON."""
        command = [sys.executable, "-m", f"{__package__}.{script}", *arguments, json.dumps(options)]
        environment = self.environment
        if before:
            environment = {**environment, "PYTHONPATH": f"{self.before}{os.pathsep}{environment['PYTHONPATH']}"}
        done = run_command(command, environment=environment, cwd=PROJECT, timeout=400.0).check()
        return json.loads(next(line for line in reversed(done.output.splitlines()) if line.startswith(("{", "["))))

    def counts(self) -> dict[str, int]:
        """Return what the server has seen since this was asked last."""
        with urllib.request.urlopen(f"{self.urls['http']}/counts?reset", timeout=10) as answer:
            return dict(json.load(answer))


def importable(checkout: Path, folder: Path) -> Path:
    """Make a folder from which a checkout's package is imported, with its entry points, and nothing else of it."""
    folder.mkdir()
    (folder / "sora2_provider").symlink_to((checkout / "sora2_provider").resolve(strict=True))
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    described = folder / f"{project['name'].replace('-', '_')}-0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0\n")
    lines = [
        line
        for group, names in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {target}" for name, target in names.items()))
    ]
    (described / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


@contextmanager
def open_bench(against: Path | None) -> Iterator[Bench]:
    """Start the server; stop it, and leave nothing behind, whatever happens."""
    with TemporaryDirectory(prefix="sora2-bench-") as name:
        folder = Path(name)
        files = make_certificate(folder)
        environment = inherited_environment() | {
            # The path is this and nothing that Python adds by itself, so that another tree can stand before it.
            "PYTHONPATH": str(PROJECT),
            "PYTHONSAFEPATH": "1",
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "AIRFLOW__TRIGGERER__CAPACITY": "20000",
            # aiohttp trusts the one, requests and this provider the other.
            "SSL_CERT_FILE": str(files.authority),
            "REQUESTS_CA_BUNDLE": str(files.authority),
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
        os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
        command = [sys.executable, "-m", f"{__package__}.gateway_server", str(files.certificate), str(files.key)]
        with KeptProcess(command, environment=environment, output=PIPE, cwd=PROJECT) as server:
            ports = json.loads(server.output.readline())
            urls = {scheme: f"{scheme}://127.0.0.1:{port}" for scheme, port in ports.items()}
            yield Bench(urls, environment, importable(against, folder / "before") if against else None)
