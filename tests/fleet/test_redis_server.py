"""The throw-away Redis keeps its data over a restart, and leaves nothing behind."""

from __future__ import annotations

import os
import socket

import pytest

from dev.harness import redis_server
from dev.harness.debian import PackageMissing
from dev.harness.process_table import descendants, listening_addresses
from dev.harness.redis_server import RedisServer


def tell(server: RedisServer, command: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(command.encode() + b"\r\n")
        assert connection.recv(64)


def test_a_restart_keeps_the_data_and_the_address():
    with RedisServer() as server:
        tell(server, "RPUSH queue one two")
        before = server.url
        server.restart()
        assert server.count("LLEN", "queue") == 2
        assert server.url == before


def test_it_listens_on_loopback_only_and_leaves_nothing():
    before = descendants(os.getpid())
    with RedisServer() as server:
        processes = descendants(os.getpid()) - before
        assert listening_addresses(processes) == {("127.0.0.1", server.port)}
        folder = server.folder
        assert folder.is_dir()
    assert processes
    assert not any(process.is_alive for process in processes)
    assert not folder.exists()


def test_it_says_what_to_install_where_it_cannot(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis_server.find_program() is None
    with pytest.raises(PackageMissing, match="apt-get install redis-server"):
        redis_server.install()
