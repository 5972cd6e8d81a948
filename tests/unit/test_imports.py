"""What is loaded when: a DAG file must be cheap to parse, and the gateway's code knows nothing of Airflow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import sora2_provider

PACKAGE = Path(sora2_provider.__file__).parent


def loaded_by(code: str, *modules: str) -> set[str]:
    """Return which of the modules a fresh Python has after it ran the code, and had not before its last line."""
    *before, last = code.splitlines()
    probe = "\n".join(
        [
            "import sys",
            *before,
            "before = set(sys.modules)",
            last,
            f"print(sorted(name for name in {modules!r} if name in sys.modules and name not in before))",
        ]
    )
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=120)
    return set(eval(result.stdout.strip().splitlines()[-1]))


def test_a_dag_file_that_imports_the_operators_loads_no_http_library():
    code = (
        "from airflow.providers.common.compat.sdk import BaseOperator, BaseSensorOperator, BaseHook, ObjectStoragePath\n"
        "import sora2_provider.operators.sora2, sora2_provider.sensors.sora2"
    )
    assert loaded_by(code, "requests", "aiohttp", "urllib3", "av", "PIL") == set()


def test_the_gateway_loads_no_airflow():
    code = "import sora2_provider.gateway.client, sora2_provider.gateway.download.transfer, sora2_provider.gateway.polling.wait"
    assert loaded_by(code, "airflow", "airflow.sdk", "aiohttp") == set()


def test_the_provider_info_loads_neither_airflow_nor_http():
    code = "import sora2_provider; sora2_provider.get_provider_info()"
    assert loaded_by(code, "airflow", "requests", "aiohttp", "pendulum") == set()


def test_airflows_command_line_gets_our_commands_cheaply():
    code = (
        "import airflow.cli.cli_config\n"
        "import sora2_provider.cli.definition; sora2_provider.cli.definition.airflow_commands()"
    )
    heavy = ("requests", "aiohttp", "yaml", "rich.console", "sora2_provider.compat", "sora2_provider.hooks.sora2")
    assert loaded_by(code, *heavy) == set()


def test_the_pytest_plugin_loads_nothing():
    code = "import pytest\nimport sora2_provider.emulator.pytest_plugin"
    assert loaded_by(code, "airflow", "requests", "aiohttp", "av", "PIL") == set()


def test_arrows_point_one_way():
    for path in (PACKAGE / "gateway").rglob("*.py"):
        text = path.read_text()
        assert "import airflow" not in text
        assert "from airflow" not in text
    for path in PACKAGE.rglob("*.py"):
        if path.name != "compat.py":
            assert "airflow.providers.common.compat" not in path.read_text().replace("``airflow.providers", ""), path
    for path in (PACKAGE / "emulator").rglob("*.py"):
        lines = [line for line in path.read_text().splitlines() if "sora2_provider" in line and "import" in line]
        assert all("sora2_provider.emulator" in line for line in lines if line.lstrip().startswith(("import", "from")))
