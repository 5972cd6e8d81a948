from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

from sora2_provider.emulator import Emulator, EmulatorError
from tests.emulator.conftest import PLUGIN

ROOT = Path(__file__).parents[2]


def send(port, path):
    """Send a request, and leave the connection open without reading the answer."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-x\r\n\r\n".encode())
    return connection


def test_closing_ends_every_thread_and_frees_the_port_with_downloads_open(start):
    before = set(threading.enumerate())
    client = start(file_bytes=10_000_000)
    emulator, content = client.emulator, f"/v1/videos/{client.created()}/content"
    emulator.fault(route="content", bytes_per_second=100, times=None)
    emulator.fault(route="models", delay=3600)
    open_downloads = [client.get(content, stream=True) for _ in range(3)]
    assert [response.raw.read(5)[4:] for response in open_downloads] == [b"f"] * 3
    waiting = send(emulator.port, "/v1/models")
    emulator.close()

    assert set(threading.enumerate()) == before
    waiting.close()
    assert start(port=emulator.port).emulator.port == emulator.port


def test_closing_in_the_middle_of_an_encoding_does_not_wait_for_it(start):
    pytest.importorskip("av")
    before = set(threading.enumerate())
    client = start(canned=False)
    fetch = send(client.emulator.port, f"/v1/videos/{client.created(size='large', duration=15)}/content")
    while not any("encoder" in thread.name for thread in threading.enumerate()):
        client.get("/v1/models")

    client.emulator.close()
    fetch.close()
    assert client.emulator.encoded == 0
    assert set(threading.enumerate()) == before


def test_an_emulator_can_be_closed_twice_read_and_started_again(start):
    emulator = start().emulator
    for _ in range(2):
        emulator.close()
        emulator.close()
        assert emulator.billed == ()
        assert requests.get(emulator.start().url, timeout=60).status_code == 404


def test_two_emulators_know_nothing_of_each_other(start):
    one, two = start(), start(shape="unified")
    one.created()
    assert (len(one.emulator.billed), len(two.emulator.billed)) == (1, 0)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        *[({"host": host}, "loopback only") for host in ("0.0.0.0", "::", "192.168.1.1", "example.com", "")],
        ({"speed": 3}, "unknown setting 'speed'; allowed: like"),
        ({"port": ...}, "port [0-9]+ on 127.0.0.1 is in use: choose another, or 0 for any free one"),
    ],
)
def test_options_that_cannot_be_used_are_refused(emulator, options, says):
    options = {name: emulator.port if value is ... else value for name, value in options.items()}
    with pytest.raises((EmulatorError, ValueError), match=says):
        Emulator(canned=True, **options).start()


def test_an_emulator_that_was_not_started_says_so():
    with pytest.raises(EmulatorError, match="not started"):
        _ = Emulator(canned=True).billed


def test_the_connection_is_airflows_json(emulator):
    connection = {"conn_type": "sora2", "host": emulator.url, "password": "sk-emulator"}
    assert json.loads(emulator.connection()) == {**connection, "extra": {"dialect": "unified"}}
    emulator.settings(like="new-api")
    assert json.loads(emulator.connection()) == connection
    assert json.loads(emulator.connection("sk-mine"))["password"] == "sk-mine"


def test_an_unknown_video_is_a_key_error(emulator):
    for call in (emulator.video, emulator.finish, emulator.fail):
        with pytest.raises(KeyError, match="knows no video 'nope'"):
            call("nope")


def run(environment, *arguments):
    command = [sys.executable, "-m", "sora2_provider.emulator", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("option", "number"),
    [("--shape", signal.SIGINT), ("--dialect", signal.SIGTERM)],
    ids=["SIGINT", "SIGTERM, and the name that --shape had in 0.1.0"],
)
def test_the_program_serves_until_a_signal_and_ends_with_0(environment, option, number):
    process = run(environment, "--port", "0", option, "unified", "--render-seconds", "5", "--canned")
    greeting = [process.stdout.readline() for _ in range(6)]
    url = re.search(r"http://127\.0\.0\.1:\d+", greeting[0]).group()
    assert "(the wires generations, openai, unified, v2; shape unified, a rendering takes 5 s)" in greeting[0]
    connection = re.search(r"AIRFLOW_CONN_SORA2_DEFAULT='(.*)'", greeting[2]).group(1)
    assert json.loads(connection)["host"] == url
    assert f"{url}/_emulator/billed" in greeting[3]

    assert requests.get(f"{url}/v1/models", headers={"Authorization": "Bearer sk-x"}, timeout=60).status_code == 200
    assert requests.get(f"{url}/_emulator/settings", timeout=60).json()["shape"] == "unified"
    process.send_signal(number)
    output, log = process.communicate(timeout=60)

    assert process.returncode == 0
    assert output == "The emulator has ended.\n"
    assert re.fullmatch(r"\S+ \S+ GET /v1/models  200\n", log)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--host", "0.0.0.0"], 1, "loopback only"),
        (["--fault-rate", "2", "--canned"], 1, "error: fault_rate must be a number, 0 to 1, not 2.0\n"),
        (["--shape", "klingon"], 2, "invalid choice"),
        (["--like", "one-hub"], 2, "invalid choice"),
        (["--balance", "much"], 2, "--balance"),
        (["--port", "70000", "--canned"], 1, "error: port must be a number from 0 to 65535, not 70000\n"),
        (["--port", "{port}", "--canned"], 1, "error: port {port} on 127.0.0.1 is in use: choose another, or 0"),
    ],
)
def test_the_program_refuses_wrong_options_without_a_traceback(environment, emulator, arguments, code, says):
    process = run(environment, *(argument.format(port=emulator.port) for argument in arguments))
    _, log = process.communicate(timeout=60)
    assert process.returncode == code
    assert says.format(port=emulator.port) in log
    assert "Traceback" not in log


def test_without_pyav_the_program_says_what_to_install_and_serves_the_canned_clip(environment, run_python, tmp_path):
    for name in ("av", "PIL"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not installed')\n")
    blocker = tmp_path / "sitecustomize.py"
    blocker.write_text(
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name in ('av', 'PIL') else find(name, *rest)\n"
    )
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), environment["PYTHONPATH"]])

    process = run(environment, "--port", "0")
    _, log = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "pip install 'airflow-provider-sora2[emulator]'" in log

    code = (
        "from sora2_provider.emulator import Emulator\n"
        "from tests.emulator.conftest import Client\n"
        "with Emulator(canned=True) as emulator:\n"
        "    client = Client(emulator)\n"
        "    print(client.get(f'/v1/videos/{client.created()}/content').content[4:8])\n"
    )
    assert run_python("-c", code) == "b'ftyp'\n"


def test_the_fixture_gives_each_test_a_fresh_emulator_behind_the_default_connection(environment, run_python, tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "import json, os\n"
        "from tests.emulator.conftest import Client\n"
        "def create(emulator):\n"
        "    connection = json.loads(os.environ['AIRFLOW_CONN_SORA2_DEFAULT'])\n"
        "    assert connection['host'] == emulator.url\n"
        "    client = Client(emulator, connection['password'])\n"
        "    assert client.query(client.created())['status'] == 'completed'\n"
        "    assert len(emulator.billed) == 1\n"
        "def test_one(sora2_emulator): create(sora2_emulator)\n"
        "def test_two(sora2_emulator): create(sora2_emulator)\n"
        "def test_without(): assert os.environ.get('AIRFLOW_CONN_SORA2_DEFAULT') == 'untouched'\n"
    )
    environment["AIRFLOW_CONN_SORA2_DEFAULT"] = "untouched"
    arguments = ["-m", "pytest", "-q", *PLUGIN, "-p", "no:cacheprovider", str(tmp_path)]
    assert "3 passed" in run_python(*arguments, cwd=tmp_path)
