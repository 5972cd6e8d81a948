"""The wheel in empty environments, beside each Airflow release with its constraints of the day: what its users have.

`make install-check` runs all rows; `make wheel-check` and `make dist` run the oldest release and the last one.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sora2_provider
from dev.harness.airflow import LocalAirflow
from tests.packaging.releases import NEWEST, PROJECT, chosen, resolve_constraints

pytestmark = pytest.mark.wheel


@pytest.fixture(scope="module", params=chosen())
def release(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def python(run: Any, uv: str, release: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new virtual environment."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    run(uv, "venv", "--quiet", "--python", python_for(release), str(folder))
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def install(run: Any, uv: str, release: str, python: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Installs a requirement under the constraints of the release, or under none; fails where there is no solution."""
    command = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    if release != NEWEST:
        constraints = tmp_path_factory.mktemp("constraints") / "constraints.txt"
        resolve_constraints(release, run=run, uv=uv, python=python, file=constraints)
        command += ["--constraints", str(constraints)]
    return lambda *arguments: run(*command, *arguments)


@pytest.fixture(scope="module")
def airflow(
    run: Any, uv: str, built: Any, release: str, python: Path, install: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalAirflow]:
    """An Airflow in a new virtual environment, into which only the wheel was installed."""
    install(str(built.wheel))
    run(uv, "pip", "check", "--quiet", "--python", str(python))
    with LocalAirflow(dags_folder=tmp_path_factory.mktemp("dags"), python=python) as airflow:
        assert release in (NEWEST, airflow.installation.version)
        airflow.migrate()
        yield airflow


def python_for(airflow: str) -> str:
    """Return this Python where that Airflow runs on it, and otherwise another."""
    find = ["sh", str(PROJECT / "dev" / "find_python.sh"), airflow]
    for arguments in ([sys.executable], []):
        found = subprocess.run([*find, *arguments], capture_output=True, text=True, check=False)
        if found.returncode == 0:
            return found.stdout.strip()
    pytest.fail(found.stderr)


def ask(airflow: LocalAirflow, run: Any, *arguments: str) -> Any:
    python = str(airflow.installation.python)
    output = run(python, "-P", "-m", "airflow", *arguments, "--output", "json", environment=airflow.environment)
    # Airflow's warnings come first.
    return json.loads(output[output.index("[{") :])


def test_the_extra_openlineage_can_be_installed(airflow: LocalAirflow, built: Any, install: Any) -> None:
    install("--dry-run", f"{built.wheel}[openlineage]")


def test_airflow_lists_the_provider_with_its_version(airflow: LocalAirflow, run: Any) -> None:
    providers = {row["package_name"]: row["version"] for row in ask(airflow, run, "providers", "list")}
    assert providers["airflow-provider-sora2"] == sora2_provider.__version__


def test_airflow_lists_the_connection_type(airflow: LocalAirflow, run: Any) -> None:
    hooks = {row["connection_type"]: row for row in ask(airflow, run, "providers", "hooks")}
    assert hooks["sora2"]["class"] == "sora2_provider.hooks.sora2.Sora2Hook"
    assert hooks["sora2"]["package_name"] == "airflow-provider-sora2"


def test_airflow_describes_the_provider(airflow: LocalAirflow) -> None:
    description = airflow.run("providers", "get", "airflow-provider-sora2", "--full").check().output
    assert "Sora 2" in description


WHERE = "import sora2_provider; print(sora2_provider.__file__)"


def test_the_demo_runs_from_the_wheel(
    airflow: LocalAirflow, run: Any, built: Any, python: Path, install: Any, tmp_path: Path
) -> None:
    install(f"{built.wheel}[emulator]")
    # Away from the checkout, which Python would find beside the script.
    for folder in ("dev", "example_dags"):
        shutil.copytree(PROJECT / folder, tmp_path / folder)
    where = Path(run(str(python), "-P", "-c", WHERE, environment=airflow.environment).strip())
    assert where.is_relative_to(python.parent.parent), where
    said = run(str(python), "-m", "dev.demo", environment=airflow.environment, cwd=tmp_path)
    assert f"Airflow {airflow.installation.version} runs the DAG" in said
    assert "Billed     1 video" in said
    assert (tmp_path / "demo-output" / "sora2-demo.mp4").stat().st_size > 0
