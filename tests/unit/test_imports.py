"""What Airflow is told of this package, and what is loaded when: a DAG file must be cheap to parse."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import airflow
import jsonschema
import pytest

import sora2_provider

PACKAGE = Path(sora2_provider.__file__).parent
EXAMPLES = PACKAGE.parent / "example_dags"
#: Each Airflow release has it with other names: our own code does without, whether it is installed or not.
COMMON_COMPAT = "airflow.providers.common.compat"


BASE_CLASSES = """
try:
    from airflow.sdk import BaseOperator, BaseSensorOperator, ObjectStoragePath
except ImportError:
    from airflow.io.path import ObjectStoragePath
    from airflow.models.baseoperator import BaseOperator
    from airflow.sensors.base import BaseSensorOperator
"""


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


HTTP = ("requests", "aiohttp")
#: What is imported, and which modules it must not load.
LOADS: dict[str, tuple[str, tuple[str, ...]]] = {
    "operators and sensors of a DAG file": (
        f"{BASE_CLASSES}\nimport sora2_provider.operators.sora2, sora2_provider.sensors.sora2",
        (*HTTP, "urllib3", "av", "PIL"),
    ),
    "the gateway": (
        "import sora2_provider.gateway.client, sora2_provider.gateway.download.transfer, sora2_provider.gateway.polling.wait",
        ("airflow", "airflow.sdk", "aiohttp"),
    ),
    "the provider info": (
        "import sora2_provider; sora2_provider.get_provider_info()",
        ("airflow", *HTTP, "pendulum"),
    ),
    "the commands in Airflow's command line": (
        "import airflow.cli.cli_config\n"
        "import sora2_provider.cli.definition; sora2_provider.cli.definition.airflow_commands()",
        (*HTTP, "yaml", "rich.console", "sora2_provider.compat", "sora2_provider.hooks.sora2"),
    ),
    "the emulator": (
        "import sora2_provider.emulator.emulator, sora2_provider.emulator.__main__",
        ("airflow", "pydantic", "av", "PIL", "sora2_provider.gateway", "sora2_provider.compat", "sora2_provider.hooks"),
    ),
    "the pytest plugin": (
        "import pytest\nimport sora2_provider.emulator.pytest_plugin",
        ("airflow", *HTTP, "av", "PIL", "http.server", "sora2_provider.emulator.emulator"),
    ),
    "the page's plugin in a component without pages": (
        "from sora2_provider.compat import plugin_base\nplugin_base()\nimport sora2_provider.plugins.video_page",
        (*HTTP, "fastapi", "starlette"),
    ),
}


@pytest.mark.parametrize(("code", "heavy"), LOADS.values(), ids=LOADS)
def test_what_is_imported_often_loads_nothing_heavy(code, heavy):
    assert loaded_by(code, *heavy) == set()


IMPORT_ALL = """
import builtins, importlib, pkgutil, runpy, sys
from pathlib import Path
import sora2_provider

ours = (str(Path(sora2_provider.__file__).parent), sys.argv[1])
real = builtins.__import__

def watched(name, globals=None, *arguments, **options):
    if name.startswith("airflow.providers.common.compat") and str((globals or {}).get("__file__")).startswith(ours):
        print("common-compat is imported by", globals["__file__"])
    return real(name, globals, *arguments, **options)

builtins.__import__ = watched
names = [each.name for each in pkgutil.walk_packages(sora2_provider.__path__, "sora2_provider.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
for example in Path(sys.argv[1]).glob("*.py"):
    runpy.run_path(str(example))
print(len(names), "modules")
"""


@pytest.fixture(scope="module")
def said_when_all_is_imported() -> list[str]:
    """What a fresh Python says of the imports of the whole package and of the example DAGs."""
    command = [sys.executable, "-W", "always", "-c", IMPORT_ALL, str(EXAMPLES)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    # Airflow writes warnings into its log, as soon as it has one.
    return [*result.stderr.splitlines(), *result.stdout.splitlines()]


def test_nothing_of_ours_imports_common_compat(said_when_all_is_imported: list[str]):
    assert int(said_when_all_is_imported[-1].split()[0]) > 50
    assert [line for line in said_when_all_is_imported if line.startswith("common-compat")] == []
    # What is imported later, when a function is called.
    named = [path for path in (*PACKAGE.rglob("*.py"), *EXAMPLES.glob("*.py")) if COMMON_COMPAT in path.read_text()]
    assert named == []


def test_no_dag_file_is_warned_of_a_deprecation(said_when_all_is_imported: list[str]):
    ours = [line for line in said_when_all_is_imported if str(PACKAGE) in line or str(EXAMPLES) in line]
    assert [line for line in ours if "Warning" in line] == []


def test_the_provider_info_is_what_this_airflow_asks_for():
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(sora2_provider.get_provider_info(), schema)


def test_every_module_that_the_provider_info_names_can_be_imported():
    info = sora2_provider.get_provider_info()
    kinds = ("operators", "sensors", "hooks", "triggers")
    named = [name for kind in kinds for one in info[kind] for name in one["python-modules"]]
    assert len(named) >= 4
    for name in named:
        importlib.import_module(name)
