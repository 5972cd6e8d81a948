"""What a DAG file costs the DAG processor: the import of operators and sensors, and the parsing of 100 tasks.

Usage: python -m tests.benchmarks.loading URL OPTIONS. Every figure comes from a fresh process; the processes take turns.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

IMPORT, OURS, EMPTY = "import of operators and sensors", "our tasks", "EmptyOperators"

_IMPORT = """
import json, time
import airflow.sdk
from airflow.sdk import BaseHook, BaseOperator, BaseSensorOperator, Connection, Context, ObjectStoragePath
from airflow.sdk import PokeReturnValue
from airflow.sdk.exceptions import AirflowException
from airflow.sdk.configuration import conf
before = time.process_time()
import sora2_provider.operators.sora2, sora2_provider.sensors.sora2
print(json.dumps([time.process_time() - before]))
"""
_TASKS = {
    EMPTY: ("from airflow.providers.standard.operators.empty import EmptyOperator", "EmptyOperator({id})"),
    OURS: (
        "from sora2_provider.operators.sora2 import Sora2CreateVideoOperator",
        "Sora2CreateVideoOperator({id}, prompt='A paper boat', wait_for_completion=True, deferrable=True)",
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


def measure() -> dict[str, float]:
    """Return the milliseconds of CPU of the import, of a first parse (``first, ...``) and of a later one (``warm, ...``)."""
    found = {IMPORT: _run(_IMPORT)[0]}
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, (imports, task)) in enumerate(_TASKS.items()):
            file = Path(folder, f"{number}.py")
            file.write_text(_DAG.format(imports=imports, task=task.format(id="task_id=f'task_{number}'")))
            found[f"first, {name}"], *warm = _run(_PARSE, folder, str(file))
            found[f"warm, {name}"] = sorted(warm)[len(warm) // 2]
    return found


def _run(code: str, *arguments: str) -> list[float]:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise RuntimeError(f"The measured process failed:\n{done.stderr[-2000:]}")
    return [seconds * 1000 for seconds in json.loads(done.stdout.strip().splitlines()[-1])]


if __name__ == "__main__":
    print(json.dumps([measure() for _ in range(json.loads(sys.argv[2])["rounds"])]))
