"""What a DAG file costs the DAG processor: the import of operators and sensors, and the parsing of 100 tasks.

Usage: loading.py OPTIONS. Every figure comes from a fresh process; the processes take turns.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

OURS, EMPTY, HTTP, OPENAI = "airflow-provider-sora2", "EmptyOperator", "HTTP provider", "OpenAI provider"

_IMPORTS = {
    OURS: "import sora2_provider.operators.sora2, sora2_provider.sensors.sora2",
    HTTP: "import airflow.providers.http.operators.http, airflow.providers.http.sensors.http",
    OPENAI: "import airflow.providers.openai.operators.openai",
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
print(json.dumps(time.process_time() - before))
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
    OPENAI: (
        "from airflow.providers.openai.operators.openai import OpenAITriggerBatchOperator",
        "OpenAITriggerBatchOperator({id}, file_id='f', endpoint='/v1/responses', deferrable=True)",
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
for _ in range(int(sys.argv[3])):
    before = time.process_time()
    bag.process_file(sys.argv[2], only_if_updated=False)
    took.append(time.process_time() - before)
assert not bag.import_errors and len(bag.dags["videos"].tasks) == 100, bag.import_errors
print(json.dumps(took))
"""


def import_cpu(rounds: int) -> dict[str, float]:
    """Return the milliseconds of CPU that each provider's operators and sensors take, after Airflow's SDK."""
    took: dict[str, list[float]] = {name: [] for name in _IMPORTS}
    for turn in _turns(rounds):
        for name, code in _IMPORTS.items():
            seconds = _run(_IMPORT.format(code=code))
            if turn:
                took[name].append(seconds * 1000)
    return {name: statistics.median(values) for name, values in took.items()}


def parse_cpu(rounds: int, repeats: int) -> dict[str, tuple[float, float]]:
    """Return the milliseconds of CPU for the first parse of a DAG file with 100 tasks, and for one when warm."""
    first: dict[str, list[float]] = {name: [] for name in _TASKS}
    warm: dict[str, list[float]] = {name: [] for name in _TASKS}
    with tempfile.TemporaryDirectory() as folder:
        for turn in _turns(rounds):
            for position, (name, (imports, task)) in enumerate(_TASKS.items()):
                file = Path(folder, f"dag_{position}.py")
                file.write_text(_DAG.format(imports=imports, task=task.format(id="task_id=f'task_{number}'")))
                took = _run(_PARSE, folder, str(file), str(repeats + 1))
                if turn:
                    first[name].append(took[0] * 1000)
                    warm[name].append(statistics.median(took[1:]) * 1000)
    return {name: (statistics.median(first[name]), statistics.median(warm[name])) for name in _TASKS}


def _turns(rounds: int) -> range:
    """Return the turns, of which the first, number 0, only compiles and is not counted. One round counts as it is."""
    return range(rounds + 1) if rounds > 1 else range(1, 2)


def _run(code: str, *arguments: str) -> float | list[float]:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        raise RuntimeError(f"The measured process failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def measure(*, rounds: int, repeats: int) -> dict[str, dict[str, float]]:
    """Return all figures."""
    parsed = parse_cpu(rounds, repeats)
    return {
        "import_ms": import_cpu(rounds),
        "first_parse_ms": {name: first for name, (first, _) in parsed.items()},
        "warm_parse_ms": {name: warm for name, (_, warm) in parsed.items()},
    }


if __name__ == "__main__":
    print(json.dumps(measure(**json.loads(sys.argv[1]))))
