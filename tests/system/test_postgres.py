"""The throw-away PostgreSQL leaves nothing behind, however its owner ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dev.harness import postgres
from dev.harness.debian import PackageMissing
from dev.harness.postgres import Postgres
from dev.harness.process_table import Process, descendants, listening_addresses
from dev.harness.processes import wait_until

OWNER = """
from dev.harness.postgres import Postgres
with Postgres() as database:
    print(database.url, flush=True)
    input()
"""


def test_it_listens_on_loopback_only_and_leaves_nothing():
    before = descendants(os.getpid())
    with Postgres() as database:
        processes = descendants(os.getpid()) - before
        assert listening_addresses(processes) == {("127.0.0.1", database.port)}
        folder = database.folder
        assert folder.is_dir()
        assert "PostgreSQL database dump" in database.dump()
    assert not any(process.is_alive for process in processes)
    assert not folder.exists()


def test_it_ends_when_its_owner_is_killed():
    environment = {**os.environ, "PYTHONPATH": str(Path(postgres.__file__).parents[2])}
    processes: set[Process] = set()
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        try:
            assert owner.stdout.readline().startswith("postgresql://")
            processes = descendants(owner.pid)
            (folder,) = {
                Path(process.command[process.command.index("-D") + 1]).parent
                for process in processes
                if Path(process.command[0]).name == "postgres" and "-D" in process.command
            }
        finally:
            owner.kill()
    assert len(processes) > 2
    wait_until(lambda: not any(process.is_alive for process in processes), timeout=30, what="the end of the server")
    shutil.rmtree(folder)


def test_it_says_what_to_install_where_it_cannot(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert postgres.find_programs(tmp_path) is None
    with pytest.raises(PackageMissing, match="apt-get install postgresql"):
        postgres.install()


def test_the_newest_of_debians_versions_is_taken(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for version in ("9.6", "15", "17"):
        place = tmp_path / "usr/lib/postgresql" / version / "bin/initdb"
        place.parent.mkdir(parents=True)
        place.touch()
    assert postgres.find_programs(tmp_path).parent.name == "17"
