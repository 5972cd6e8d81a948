from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import requests

from sora2_provider.emulator import Emulator, EmulatorError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment():
    """For subprocesses: this tree first, and nothing else of the caller's Python."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def test_closing_ends_every_thread_and_frees_the_port_with_downloads_open():
    before = set(threading.enumerate())
    with Emulator(canned=True, file_bytes=10_000_000) as emulator:
        headers = {"Authorization": "Bearer sk-x"}
        body = {
            "images": [],
            "model": "sora-2",
            "orientation": "portrait",
            "prompt": "x",
            "size": "small",
            "duration": 10,
        }
        video_id = requests.post(f"{emulator.url}/v1/video/create", json=body, headers=headers, timeout=60).json()["id"]
        emulator.fault(route="content", bytes_per_second=100, times=None)
        emulator.fault(route="models", delay=3600)
        open_downloads = [
            requests.get(f"{emulator.url}/v1/videos/{video_id}/content", headers=headers, stream=True, timeout=60)
            for _ in range(3)
        ]
        assert [response.raw.read(5)[4:] for response in open_downloads] == [b"f"] * 3
        waiting = socket.create_connection(("127.0.0.1", emulator.port))
        waiting.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
        port = emulator.port

    assert set(threading.enumerate()) == before
    waiting.close()
    with Emulator(canned=True, port=port) as again:
        assert again.port == port


def test_closing_in_the_middle_of_an_encoding_does_not_wait_for_it():
    pytest.importorskip("av")
    before = set(threading.enumerate())
    emulator = Emulator().start()
    headers = {"Authorization": "Bearer sk-x"}
    body = {"images": [], "model": "sora-2", "orientation": "portrait", "prompt": "x", "size": "large", "duration": 15}
    video_id = requests.post(f"{emulator.url}/v1/video/create", json=body, headers=headers, timeout=60).json()["id"]
    fetch = socket.create_connection(("127.0.0.1", emulator.port))
    fetch.sendall(
        f"GET /v1/videos/{video_id}/content HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-x\r\n\r\n".encode()
    )
    while not any("encoder" in thread.name for thread in threading.enumerate()):
        requests.get(f"{emulator.url}/v1/models", headers=headers, timeout=60)

    emulator.close()
    fetch.close()
    assert emulator.encoded == 0
    assert set(threading.enumerate()) == before


def test_closing_twice_is_fine_and_the_records_stay_readable():
    emulator = Emulator(canned=True).start()
    emulator.close()
    emulator.close()
    assert emulator.billed == ()


def test_an_emulator_can_be_started_again_after_it_was_closed():
    emulator = Emulator(canned=True)
    for _ in range(2):
        with emulator:
            assert requests.get(emulator.url, timeout=60).status_code == 404


def test_two_emulators_know_nothing_of_each_other(start):
    one, two = start(), start(dialect="unified")
    one.created()
    assert (len(one.emulator.billed), len(two.emulator.billed)) == (1, 0)


def test_a_port_in_use_is_said_so(emulator):
    with pytest.raises(EmulatorError, match=f"port {emulator.port} on 127.0.0.1 is in use"):
        Emulator(canned=True, port=emulator.port).start()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.com", ""])
def test_only_loopback_is_listened_on(host):
    with pytest.raises(EmulatorError, match="loopback only"):
        Emulator(host=host)


def test_an_emulator_that_was_not_started_says_so():
    with pytest.raises(EmulatorError, match="not started"):
        _ = Emulator(canned=True).billed


def test_an_unknown_option_is_refused():
    with pytest.raises(ValueError, match="unknown setting 'speed'"):
        Emulator(speed=3)


def test_the_connection_is_airflows_json(emulator):
    assert json.loads(emulator.connection()) == {"conn_type": "sora2", "host": emulator.url, "password": "sk-emulator"}
    assert json.loads(emulator.connection("sk-mine"))["password"] == "sk-mine"


def test_an_unknown_video_is_a_key_error(emulator):
    for call in (emulator.video, emulator.finish, emulator.fail):
        with pytest.raises(KeyError, match="knows no video 'nope'"):
            call("nope")


def run(environment, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "sora2_provider.emulator", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_program_serves_until_a_signal_and_ends_with_0(environment, number):
    process = run(environment, "--port", "0", "--dialect", "unified", "--render-seconds", "5", "--canned")
    greeting = [process.stdout.readline() for _ in range(6)]
    url = re.search(r"http://127\.0\.0\.1:\d+", greeting[0]).group()
    assert "dialect unified, a rendering takes 5 s" in greeting[0]
    connection = re.search(r"AIRFLOW_CONN_SORA2_DEFAULT='(.*)'", greeting[2]).group(1)
    assert json.loads(connection)["host"] == url
    assert f"{url}/_emulator/billed" in greeting[3]

    assert requests.get(f"{url}/v1/models", headers={"Authorization": "Bearer sk-x"}, timeout=60).status_code == 200
    assert requests.get(f"{url}/_emulator/settings", timeout=60).json()["dialect"] == "unified"
    process.send_signal(number)
    output, log = process.communicate(timeout=60)

    assert process.returncode == 0
    assert output == "The emulator has ended.\n"
    assert re.fullmatch(r"\S+ \S+ GET /v1/models  200\n", log)


def test_the_program_says_that_a_port_is_in_use_without_a_traceback(environment, emulator):
    process = run(environment, "--port", str(emulator.port), "--canned")
    _, log = process.communicate(timeout=60)
    assert process.returncode == 1
    assert log == f"error: port {emulator.port} on 127.0.0.1 is in use: choose another, or 0 for any free one\n"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--host", "0.0.0.0"], 1, "loopback only"),
        (["--fault-rate", "2", "--canned"], 1, "fault_rate must be a number, 0 to 1"),
        (["--dialect", "klingon"], 2, "invalid choice"),
        (["--balance", "much"], 2, "--balance"),
        (["--port", "70000", "--canned"], 1, "port must be"),
    ],
)
def test_the_program_refuses_wrong_options_without_a_traceback(environment, arguments, code, says):
    process = run(environment, *arguments)
    _, log = process.communicate(timeout=60)
    assert process.returncode == code
    assert says in log
    assert "Traceback" not in log


def test_without_pyav_the_program_says_what_to_install_and_serves_the_canned_clip(environment, tmp_path):
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
        "import requests\n"
        "from sora2_provider.emulator import Emulator\n"
        "with Emulator(canned=True) as e:\n"
        "    h = {'Authorization': 'Bearer sk-x'}\n"
        "    b = dict(images=[], model='sora-2', orientation='portrait', prompt='x', size='small', duration=10)\n"
        "    i = requests.post(e.url + '/v1/video/create', json=b, headers=h).json()['id']\n"
        "    print(requests.get(e.url + f'/v1/videos/{i}/content', headers=h).content[4:8])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == "b'ftyp'\n", done.stderr


def test_the_emulator_imports_nothing_of_the_client_nor_of_airflow(environment):
    code = (
        "import sys\n"
        "import sora2_provider.emulator.emulator, sora2_provider.emulator.__main__\n"
        "own = [m for m in sys.modules if m.startswith('sora2_provider.')]\n"
        "print([m for m in own if not m.startswith('sora2_provider.emulator')])\n"
        "print([m for m in sys.modules if m == 'airflow' or m.startswith('airflow.')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n[]\n", done.stderr


def test_loading_the_pytest_plugin_loads_no_server_and_no_codec(environment):
    code = (
        "import sys, pytest\n"
        "before = set(sys.modules)\n"
        "import sora2_provider.emulator.pytest_plugin\n"
        "print(sorted(m for m in set(sys.modules) - before if not m.startswith('sora2_provider')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr


def test_the_fixture_gives_each_test_a_fresh_emulator_behind_the_default_connection(environment, tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "import json, os, requests\n"
        "def create(emulator):\n"
        "    connection = json.loads(os.environ['AIRFLOW_CONN_SORA2_DEFAULT'])\n"
        "    assert connection['host'] == emulator.url\n"
        "    headers = {'Authorization': 'Bearer ' + connection['password']}\n"
        "    body = dict(images=[], model='sora-2', orientation='portrait', prompt='x', size='small', duration=10)\n"
        "    created = requests.post(emulator.url + '/v1/video/create', json=body, headers=headers)\n"
        "    shown = requests.get(emulator.url + '/v1/videos/' + created.json()['id'], headers=headers).json()\n"
        "    assert shown['status'] == 'completed'\n"
        "    assert len(emulator.billed) == 1\n"
        "def test_one(sora2_emulator): create(sora2_emulator)\n"
        "def test_two(sora2_emulator): create(sora2_emulator)\n"
        "def test_without(): assert os.environ.get('AIRFLOW_CONN_SORA2_DEFAULT') == 'untouched'\n"
    )
    # Installed, the plugin is found by its entry point, and naming it again would be an error of pytest.
    installed = entry_points(group="pytest11", name="sora2_emulator")
    plugin = [] if installed else ["-p", "sora2_provider.emulator.pytest_plugin"]
    environment["AIRFLOW_CONN_SORA2_DEFAULT"] = "untouched"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugin, "-p", "no:cacheprovider", str(tmp_path)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr
