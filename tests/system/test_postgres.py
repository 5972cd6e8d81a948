"""The throw-away PostgreSQL leaves nothing behind, however its owner ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dev.harness.processes import descendants, living, wait_until
from dev.harness.services import POSTGRESQL, PackageMissing, Postgres
from tests.process_tree import listening_addresses

PROJECT = Path(__file__).parents[2]

OWNER = """
from dev.harness.services import Postgres
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
    assert not living(processes)
    assert not folder.exists()


def test_it_ends_when_its_owner_is_killed():
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        try:
            assert owner.stdout.readline().startswith("postgresql://")
            processes = descendants(owner.pid)
            commands = [process.cmdline() for process in processes]
            (data,) = {words[words.index("-D") + 1] for words in commands if "-D" in words}
        finally:
            owner.kill()
    assert len(processes) > 2
    wait_until(lambda: not living(processes), timeout=30, what="the end of the server")
    shutil.rmtree(Path(data).parent)


def test_it_says_what_to_install_where_it_cannot(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert POSTGRESQL.find(tmp_path) is None
    monkeypatch.setattr(type(POSTGRESQL), "find", lambda _: None)
    with pytest.raises(PackageMissing, match="apt-get install postgresql"):
        POSTGRESQL.program()


def test_the_newest_of_debians_versions_is_taken(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for version in ("9.6", "15", "17"):
        place = tmp_path / "usr/lib/postgresql" / version / "bin/initdb"
        place.parent.mkdir(parents=True)
        place.touch()
    assert POSTGRESQL.find(tmp_path).parent.parent.name == "17"
