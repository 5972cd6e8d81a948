"""The wheel in an empty environment with the newest supported Airflow: what its users have."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_airflow import LocalAirflow

import sora2_provider

pytestmark = pytest.mark.wheel


@pytest.fixture(scope="module")
def airflow(
    run: Any, uv: str, built: Any, constraints: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalAirflow]:
    """An Airflow in a new virtual environment, into which only the wheel was installed."""
    folder = tmp_path_factory.mktemp("installed")
    python = folder / "venv" / "bin" / "python"
    run(uv, "venv", "--quiet", "--python", sys.executable, str(folder / "venv"))
    run(
        *[uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)],
        *["--constraints", str(constraints), str(built.wheel)],
    )
    run(uv, "pip", "check", "--quiet", "--python", str(python))
    (folder / "dags").mkdir()
    with LocalAirflow(dags_folder=folder / "dags", python=python) as airflow:
        airflow.migrate()
        yield airflow


def ask(airflow: LocalAirflow, run: Any, *arguments: str) -> Any:
    """Return what a command of Airflow prints as JSON."""
    python = str(airflow.installation.python)
    output = run(python, "-P", "-m", "airflow", *arguments, "--output", "json", environment=airflow.environment)
    # Airflow's warnings come first.
    return json.loads(output[output.index("[{") :])


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


IMPORT_CHECK = """
import sys
import airflow.sdk
before = {name for name in ("requests", "aiohttp") if name in sys.modules}
import sora2_provider.operators.sora2
import sora2_provider.sensors.sora2
after = {name for name in ("requests", "aiohttp") if name in sys.modules}
print("loaded by airflow.sdk:", sorted(before), "afterwards:", sorted(after))
sys.exit(bool(after))
"""


def test_a_dag_file_that_imports_operators_and_sensors_loads_no_http_library(airflow: LocalAirflow, run: Any) -> None:
    run(str(airflow.installation.python), "-P", "-c", IMPORT_CHECK, environment=airflow.environment)
