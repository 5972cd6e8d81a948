"""The DAGs of the documentation run to their end on a real Airflow, and its test files pass there."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests

from dev.harness.airflow import LocalAirflow
from sora2_provider.emulator import Emulator
from tests.docs.blocks import Block, all_blocks
from tests.docs.kinds import DAG, PROJECT_FILE, of_kind
from tests.s3_server import aws_connection, s3_server

DAGS = of_kind(all_blocks(), DAG)
TEST_FILES = of_kind(all_blocks(), PROJECT_FILE)
RUNNER = Path(__file__).with_name("run_dags.py")

#: Fails, so that the runner is seen to tell that.
_BAD = """
from airflow.sdk import dag, task

@dag(schedule=None)
def bad():
    @task
    def fail():
        raise ValueError
    fail()

bad()
"""
#: Stands for a database's own Airflow provider, with Airflow's own SQL hook underneath.
_SQL_PROVIDER = """
import sqlite3
from airflow.providers.common.sql.hooks.sql import DbApiHook

class Hook(DbApiHook):
    conn_name_attr, default_conn_name, conn_type, hook_name = "conn_id", "films_db", "sqlite_of_docs", "SQLite"
    _placeholder = "?"

    def get_conn(self):
        return sqlite3.connect(self.get_connection(self.get_conn_id()).host)
"""
_SQL_PROVIDER_INFO = """
def info():
    return {
        "package-name": "sql-of-docs", "name": "SQL", "description": "SQL", "versions": ["1.0"],
        "connection-types": [{"connection-type": "sqlite_of_docs", "hook-class-name": "sql_of_docs.Hook"}],
    }
"""


class World:
    """What the pages' DAGs find: a gateway, an S3 server with the files, a database with the tables."""

    def __init__(self, folder: Path, gateway: Emulator, s3: str) -> None:
        self.folder = folder
        self.gateway = gateway
        self.database = folder / "films.db"
        self._s3 = s3
        for bucket in {name for block in all_blocks() for name in re.findall(r"s3://(?:\w+@)?([\w-]+)/?", block.text)}:
            requests.put(f"{s3}/{bucket}", timeout=20).raise_for_status()
        for block in all_blocks():
            self._bring_in(block)
        self._install_sql_provider()

    @property
    def environment(self) -> dict[str, str]:
        films_db = {"conn_type": "sqlite_of_docs", "host": str(self.database)}
        return {
            "AIRFLOW_CONN_AWS_DEFAULT": aws_connection(self._s3),
            "AIRFLOW_CONN_FILMS_DB": json.dumps(films_db),
            "PYTHONPATH": str(self.folder / "packages"),
        }

    def a_video(self) -> str:
        """Return the id of a video that is completed at the gateway."""
        body = {"prompt": "a cat", "images": [], "model": "sora-2", "orientation": "portrait", "size": "small"}
        headers = {"Authorization": "Bearer sk-emulator"}
        url = f"{self.gateway.url}/v1/video/create"
        made = requests.post(url, json={**body, "duration": 10}, headers=headers, timeout=30)
        made.raise_for_status()
        return str(made.json()["id"])

    def stored(self, path: str) -> bytes:
        """Return a file of the S3 server."""
        bucket, _, key = path.partition("/")
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
        return bytes(
            boto3.client("s3", endpoint_url=self._s3, **keys).get_object(Bucket=bucket, Key=key)["Body"].read()
        )

    def _bring_in(self, block: Block) -> None:
        if target := block.remarks.get("file"):
            put = requests.put(f"{self._s3}/{target.removeprefix('s3://')}", data=block.text.encode(), timeout=20)
            put.raise_for_status()
        if "database" in block.remarks:
            with sqlite3.connect(self.database) as database:
                database.executescript(block.text)

    def _install_sql_provider(self) -> None:
        packages = self.folder / "packages"
        described = packages / "sql_of_docs-1.0.dist-info"
        described.mkdir(parents=True)
        (packages / "sql_of_docs.py").write_text(_SQL_PROVIDER)
        (packages / "info_of_docs.py").write_text(_SQL_PROVIDER_INFO)
        (described / "METADATA").write_text("Metadata-Version: 2.1\nName: sql-of-docs\nVersion: 1.0\n")
        (described / "entry_points.txt").write_text("[apache_airflow_provider]\ninfo = info_of_docs:info\n")


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    with Emulator(canned=True) as gateway, s3_server() as s3:
        yield World(tmp_path_factory.mktemp("world"), gateway, s3)


@pytest.fixture(scope="module")
def results(world: World) -> dict[str, list[dict[str, Any]]]:
    """What became of each DAG block, by the block, and of a bad one."""
    dags_folder = world.folder / "dags"
    dags_folder.mkdir()
    arguments, blocks = [], {}
    for number, (name, text) in enumerate([*((str(block), block.text) for block in DAGS), ("bad", _BAD)]):
        file = dags_folder / f"block_{number}.py"
        # Nothing is left where the page's reader would find it.
        file.write_text(text.replace('"/tmp/', f'"{world.folder}/tmp/'), encoding="utf-8")
        blocks[str(file)] = name
        arguments += [str(file), json.dumps({"video_id": world.a_video()})]
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with LocalAirflow(
        dags_folder=dags_folder, connection=world.gateway.connection(), environment=world.environment
    ) as airflow:
        airflow.migrate()
        ran = subprocess.run(
            [str(airflow.installation.python), "-P", str(RUNNER), *arguments],
            env=airflow.environment,
            cwd=world.folder,
            capture_output=True,
            text=True,
            timeout=570,
        )
        for line in ran.stdout.splitlines():
            if line.startswith("RESULT "):
                result = json.loads(line.removeprefix("RESULT "))
                found[blocks[result["file"]]].append(result)
    assert len(found) == len(DAGS) + 1, f"{ran.stdout[-4000:]}\n{ran.stderr[-4000:]}"
    (world.folder / "runs.log").write_text(f"{ran.stdout}\n{ran.stderr}")
    return found


@pytest.mark.parametrize("block", DAGS, ids=str)
def test_a_dag_succeeds(block, results, world):
    for result in results[str(block)]:
        log = (world.folder / "runs.log").read_text()[-6000:]
        assert result["state"] == "success", f"{block}: {result}\n{log}"
        assert set(result["tasks"].values()) == {"success"}, f"{block}: {result}"


def test_the_batches_render_each_row_and_note_what_they_did(results, world):
    prompts = [one.request["prompt"] for one in world.gateway.billed]
    for prompt in ("An enamel kettle, steam rising in a morning kitchen, soft light", "A brass desk lamp switches on"):
        assert len([one for one in prompts if one.startswith(prompt)]) == 2, prompts
    assert world.stored("my-bucket/films/lamp-07.mp4")[4:8] == b"ftyp"
    with sqlite3.connect(world.database) as database:
        noted = database.execute("SELECT film FROM products ORDER BY sku").fetchall()
    assert noted == [(f"s3://aws_default@my-bucket/films/{sku}.mp4",) for sku in ("kettle-01", "lamp-07")]


@pytest.mark.parametrize("page", sorted({block.page for block in TEST_FILES}))
def test_the_test_files_of_a_page_pass(page, tmp_path):
    for block in all_blocks():
        if block.page == page and block.file_name:
            file = tmp_path / block.file_name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
    (tmp_path / "dags").mkdir(exist_ok=True)
    with LocalAirflow(dags_folder=tmp_path / "dags") as airflow:
        airflow.migrate()
        ran = subprocess.run(
            [str(airflow.installation.python), "-m", "pytest", "tests", "-q", "-p", "no:cacheprovider"],
            env=airflow.environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert ran.returncode == 0, ran.stdout[-6000:]
    assert re.search(r"\b\d+ passed", ran.stdout)
    assert "skipped" not in ran.stdout


def test_a_dag_that_fails_is_told_from_one_that_does_not(results):
    [bad] = results["bad"]
    assert bad["state"] == "failed"
