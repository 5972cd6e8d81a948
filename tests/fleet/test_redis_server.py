"""The throw-away Redis keeps its data over a restart, and leaves nothing behind."""

from __future__ import annotations

import os

import pytest

from dev.harness.processes import descendants, living
from dev.harness.services import REDIS, PackageMissing, RedisServer
from tests.process_tree import listening_addresses


def test_a_restart_keeps_the_data_and_the_address():
    with RedisServer() as server:
        assert server.ask("RPUSH", "queue", "one", "two") == "2"
        before = server.url
        server.restart()
        assert server.ask("LLEN", "queue") == "2"
        assert server.url == before


def test_it_listens_on_loopback_only_and_leaves_nothing():
    before = descendants(os.getpid())
    with RedisServer() as server:
        processes = descendants(os.getpid()) - before
        assert listening_addresses(processes) == {("127.0.0.1", server.port)}
        folder = server.folder
        assert folder.is_dir()
    assert processes
    assert not living(processes)
    assert not folder.exists()


def test_it_says_what_to_install_where_it_cannot(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert REDIS.find() is None
    with pytest.raises(PackageMissing, match="apt-get install redis-server"):
        REDIS.program()
