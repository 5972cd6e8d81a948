"""What a DAG file costs the DAG processor: the import of operators and sensors, and the parsing of 100 tasks.

Usage: python -m tests.benchmarks.loading OPTIONS. Every figure comes from a fresh process; the processes take turns.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

OURS, EMPTY, HTTP = "airflow-provider-sora2", "EmptyOperator", "HTTP provider"

_IMPORTS = {
    OURS: "import sora2_provider.operators.sora2, sora2_provider.sensors.sora2",
    HTTP: "import airflow.providers.http.operators.http, airflow.providers.http.sensors.http",
}
_IMPORT = """
import json, sys, time
import airflow.sdk
from airflow.sdk import BaseHook, BaseOperator, BaseSensorOperator, Connection, Context, ObjectStoragePath
from airflow.sdk import PokeReturnValue
from airflow.sdk.exceptions import AirflowException
from airflow.sdk.configuration import conf
before = time.process_time()
{code}
print(json.dumps([time.process_time() - before]))
"""

_TASKS = {
    EMPTY: ("from airflow.providers.standard.operators.empty import EmptyOperator", "EmptyOperator({id})"),
    OURS: (
        "from sora2_provider.operators.sora2 import Sora2CreateVideoOperator",
        "Sora2CreateVideoOperator({id}, prompt='A paper boat', wait_for_completion=True, deferrable=True)",
    ),
    HTTP: (
        "from airflow.providers.http.operators.http import HttpOperator",
        "HttpOperator({id}, endpoint='v1/video/create', deferrable=True)",
    ),
}
_DAG = """
from airflow.sdk import DAG
{imports}

with DAG("videos", schedule=None):
    for number in range(100):
        {task}
"""
_PARSE = """
import json, sys, time
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, BaseOperator, BaseSensorOperator, ObjectStoragePath
bag = DagBag(sys.argv[1], collect_dags=False)
took = []
for _ in range(6):
    before = time.process_time()
    bag.process_file(sys.argv[2], only_if_updated=False)
    took.append(time.process_time() - before)
assert not bag.import_errors and len(bag.dags["videos"].tasks) == 100, bag.import_errors
print(json.dumps(took))
"""


def measure(*, rounds: int, only: str = "") -> list[dict[str, dict[str, float]]]:
    """Return the milliseconds of CPU of each round, by what is measured and for whom, or only for one."""
    return [_round(only) for _ in range(rounds)]


def _round(only: str) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {"import": {}, "first parse": {}, "warm": {}}
    for name, code in _IMPORTS.items():
        if only in ("", name):
            (found["import"][name],) = _run(_IMPORT.format(code=code))
    with tempfile.TemporaryDirectory() as folder:
        for name, (imports, task) in _TASKS.items():
            if only in ("", name):
                file = Path(folder, f"{len(found['warm'])}.py")
                file.write_text(_DAG.format(imports=imports, task=task.format(id="task_id=f'task_{number}'")))
                found["first parse"][name], *warm = _run(_PARSE, folder, str(file))
                found["warm"][name] = sorted(warm)[len(warm) // 2]
    return found


def _run(code: str, *arguments: str) -> list[float]:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise RuntimeError(f"The measured process failed:\n{done.stderr[-2000:]}")
    return [seconds * 1000 for seconds in json.loads(done.stdout.strip().splitlines()[-1])]


if __name__ == "__main__":
    print(json.dumps(measure(**json.loads(sys.argv[1]))))
