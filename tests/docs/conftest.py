"""The Airflow of the documentation's DAGs and tests: 3.3, which the pages are written for, one for all of them."""

from __future__ import annotations

import gc
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import MagicMock

import pytest
import requests

from dev.harness.airflow import LocalAirflow
from dev.harness.processes import CommandResult, run_command
from sora2_provider.emulator import Emulator
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.gateway.settings import GatewaySettings
from tests.docs.evaluators import file_of, is_dag
from tests.docs.pages import blocks
from tests.s3_server import aws_connection, s3_server

#: Fails, so that the runner is seen to tell that.
BAD = """
from airflow.sdk import dag, task

@dag(schedule=None)
def bad():
    @task
    def fail():
        raise ValueError
    fail()

bad()
"""


class DocsAirflow(NamedTuple):
    """An Airflow, and what its DAGs find: a gateway, an S3 server, and a folder with the pages' files and database."""

    airflow: LocalAirflow
    gateway: Emulator
    s3: str
    folder: Path

    def python(self, *arguments: str, **environment: str) -> CommandResult:
        command = [str(self.airflow.installation.python), "-P", *arguments]
        environment = {**self.airflow.environment, **environment}
        return run_command(command, environment=environment, cwd=self.folder, timeout=570)


@pytest.fixture
def ti():
    """What a task needs of its task instance."""
    return MagicMock(max_tries=0, try_number=1, map_index=-1)


@pytest.fixture
def names(sora2_emulator, ti, monkeypatch) -> Iterator[dict[str, Any]]:
    """The names that the short pieces of Python may use."""
    thresholds = gc.get_threshold()
    yield {"emulator": sora2_emulator, "fault": sora2_emulator.fault, "ti": ti, "monkeypatch": monkeypatch}
    gc.set_threshold(*thresholds)


@pytest.fixture(scope="package")
def docs_airflow(tmp_path_factory) -> Iterator[DocsAirflow]:
    folder, python = tmp_path_factory.mktemp("docs"), blocks("python")
    for text in filter(file_of, python):
        file = folder / file_of(text)
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    [products], [tables] = blocks("csv", "docs/batch.md"), blocks("sql", "docs/batch.md")
    with sqlite3.connect(folder / "films.db") as database:
        database.executescript(tables)
    films_db = json.dumps({"conn_type": "sqlite", "host": str(folder / "films.db")})
    with Emulator(canned=True) as gateway, s3_server() as s3:
        for bucket in {name for text in python for name in re.findall(r"s3://(?:\w+@)?([\w-]+)", text)}:
            requests.put(f"{s3}/{bucket}", timeout=20).raise_for_status()
        requests.put(f"{s3}/my-bucket/products.csv", products.encode(), timeout=20).raise_for_status()
        environment = {"AIRFLOW_CONN_AWS_DEFAULT": aws_connection(s3), "AIRFLOW_CONN_FILMS_DB": films_db}
        with LocalAirflow(
            dags_folder=folder / "dags", connection=gateway.connection(), environment=environment
        ) as airflow:
            airflow.migrate()
            yield DocsAirflow(airflow, gateway, s3, folder)


@pytest.fixture(scope="package")
def dag_failures(docs_airflow) -> dict[str, str | None]:
    """What failed of each DAG block, by its text; ``None`` where all tasks succeeded."""
    folder = docs_airflow.folder
    files = {str(folder / f"{number}.py"): text for number, text in enumerate([*filter(is_dag, blocks("python")), BAD])}
    for file, text in files.items():
        # Nothing is left where the page's reader would find it.
        Path(file).write_text(text.replace('"/tmp/', f'"{folder}/tmp/'), encoding="utf-8")
    with Sora2Client(GatewaySettings(docs_airflow.gateway.url, "sk-emulator")) as client:
        videos = json.dumps([client.create_video(VideoRequest("a cat")).id for _ in files])
    runner = str(Path(__file__).with_name("run_dags.py"))
    output = docs_airflow.python(runner, *files, VIDEO_IDS=videos).output
    told = [json.loads(line.removeprefix("RESULT ")) for line in output.splitlines() if line.startswith("RESULT ")]
    assert [file for file, _ in told] == list(files), output[-6000:]
    return {files[file]: failure and f"{failure}\n{output[-6000:]}" for file, failure in told}


@pytest.fixture(scope="package")
def test_file_failures(docs_airflow) -> dict[str, str | None]:
    """What failed of each test file of the pages, by its text."""
    files = {text: file_of(text) for text in blocks("python") if file_of(text).startswith("tests/")}
    ran = docs_airflow.python("-m", "pytest", "tests", "-rA", "-p", "no:cacheprovider")
    passed = {text for text, file in files.items() if f"\nPASSED {file}::" in ran.output}
    if ran.exit_code or "SKIPPED" in ran.output:
        passed.clear()
    return {text: None if text in passed else ran.output[-6000:] for text in files}
