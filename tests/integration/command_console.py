"""One process in which commands of ``airflow`` run one after the other: Airflow is imported once for all of them.

Each start of Airflow takes 5 s, and the first run of a DAG in a process 10 s more. What runs here shares its imports and
caches, and nothing else: each command has an environment and an output of its own.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from dev.harness.airflow import LocalAirflow

_PROCESS = Path(__file__).with_name("console_process.py")


class Console:
    """Runs commands on the home of an Airflow. Made by `running_console`."""

    def __init__(self, airflow: LocalAirflow, requests: IO[str], answers: IO[str]) -> None:
        self.airflow = airflow
        self._requests, self._answers = requests, answers

    def run(
        self, *arguments: str, module: str = "airflow", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Do what ``python -m MODULE ARGUMENTS`` does, and return its exit code and its two outputs."""
        request = {"module": module, "arguments": arguments, "environment": dict(environment or {})}
        print(json.dumps(request), file=self._requests, flush=True)
        answer = self._answers.readline()
        assert answer, f"the process has ended in {module} {arguments}"
        return subprocess.CompletedProcess((module, *arguments), **json.loads(answer))

    def write_dags(self, name: str, text: str) -> None:
        """Put a file into the folder of DAGs."""
        (Path(self.airflow.environment["AIRFLOW__CORE__DAGS_FOLDER"]) / name).write_text(text, encoding="utf-8")

    def dags_test(self, dag_id: str, *, conf: Mapping[str, Any] | None = None, **environment: str) -> str:
        """Run a DAG to its end and return what was printed; `AirflowHome` tells how it ended."""
        result = self.run("dags", "test", dag_id, "--conf", json.dumps(conf or {}), environment=environment)
        return result.stdout + result.stderr


@contextmanager
def running_console(airflow: LocalAirflow, **environment: str) -> Iterator[Console]:
    """Start the process, which ends with this one.

    :param environment: what differs from the Airflow's own.
    """
    airflow.migrate()
    with subprocess.Popen(
        [str(airflow.installation.python), "-P", str(_PROCESS)],
        env={**airflow.environment, **environment},
        cwd=airflow.home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Console(airflow, process.stdin, process.stdout)
        process.stdin.close()
