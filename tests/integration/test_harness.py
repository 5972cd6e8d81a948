"""The harness that runs real Airflows: it isolates them, reads them, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from dev.demo import own_message
from dev.harness.airflow import ComponentDied, LocalAirflow
from dev.harness.emulator import emulator_near
from dev.harness.environment import inherited_environment
from dev.harness.home import template_database
from dev.harness.processes import KEEPER, CommandTimedOut, KeptProcess, descendants, living, run_command, wait_until
from tests.process_tree import cpu_seconds, processes_of_home

adopts_orphans = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")

PROJECT = Path(__file__).parents[2]

DAGS = """
try:
    from airflow.sdk import dag, task
except ImportError:
    from airflow.decorators import dag, task

@dag(schedule=None, params={"word": "none"})
def harness():
    @task
    def speak(params=None, ti=None):
        print("the word is", params["word"])
        for key, value in {"pair": {"word": params["word"], "number": 7}, "number": 7, "digits": "7"}.items():
            ti.xcom_push(key=key, value=value)
        return params["word"]

    @task
    def fail():
        raise ValueError("as planned")

    speak() >> fail()

harness()
"""


@pytest.fixture
def airflow(tmp_path: Path, make_airflow: Callable[..., LocalAirflow]) -> LocalAirflow:
    dags_folder = tmp_path / "dags"
    dags_folder.mkdir()
    (dags_folder / "harness.py").write_text(DAGS)
    return make_airflow(dags_folder=dags_folder)


def test_nothing_of_another_airflow_is_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = ["AIRFLOW__CORE__EXECUTOR", "AIRFLOW_CONN_X", "AIRFLOW_VAR_Y", "OPENLINEAGE_URL", "SENTRY_DSN"]
    for name in foreign:
        monkeypatch.setenv(name, "1")
    assert not set(foreign) & set(inherited_environment())


def test_a_dag_run_gives_its_exit_code_output_xcoms_and_states(airflow: LocalAirflow) -> None:
    lines: list[str] = []
    ran = airflow.dags_test("harness", conf={"word": "hello"}, on_line=lines.append)
    assert ran.exit_code != 0
    assert "the word is hello" in "\n".join(lines)
    assert "as planned" in ran.output
    assert "\n".join(lines) == ran.output.rstrip("\n")
    assert airflow.xcoms("harness") == {
        ("speak", "return_value", -1): "hello",
        ("speak", "pair", -1): {"word": "hello", "number": 7},
        ("speak", "number", -1): 7,
        ("speak", "digits", -1): "7",
    }
    assert airflow.task_states("harness") == {("speak", -1): "success", ("fail", -1): "failed"}


def test_a_second_home_gets_a_copy_of_the_migrated_database(
    airflow: LocalAirflow, make_airflow: Callable[..., LocalAirflow], monkeypatch: pytest.MonkeyPatch
) -> None:
    airflow.migrate()
    assert template_database(airflow.installation).is_file()
    second = make_airflow()
    monkeypatch.setattr(second, "run", lambda *_: pytest.fail("a command was run"))
    second.migrate()
    version = "SELECT version_num FROM alembic_version"
    assert second.query(version) == airflow.query(version)
    assert second.query("SELECT count(*) FROM dag_run") == [(0,)]


def interrupt(line: str) -> None:
    raise KeyboardInterrupt


@adopts_orphans
@pytest.mark.parametrize(
    ("ends", "timeout", "on_line"),
    [(KeyboardInterrupt, 60, interrupt), (CommandTimedOut, 1, None)],
    ids=["Ctrl-C", "time"],
)
def test_a_command_that_is_interrupted_or_takes_too_long_is_ended_with_all_that_it_started(
    tmp_path: Path, ends: type[BaseException], timeout: float, on_line: Callable[[str], None] | None
) -> None:
    daemon_pid = tmp_path / "daemon"
    script = f"setsid sh -c 'echo $$ > {daemon_pid}; exec sleep 300' & while [ ! -s {daemon_pid} ]; do :; done; "
    with pytest.raises(ends, match=None if on_line else "did not end within 1 s:\nstarted"):
        run_command(
            ["sh", "-c", f"{script} echo started; sleep 300"],
            environment=os.environ,
            cwd=tmp_path,
            timeout=timeout,
            on_line=on_line,
        )
    # An ended process that its new parent has not asked after yet is still there, as a zombie.
    assert int(daemon_pid.read_text()) not in {each.pid for each in living(psutil.process_iter())}


@adopts_orphans
def test_a_component_that_dies_at_the_start_is_named_and_the_others_are_stopped(
    make_airflow: Callable[..., LocalAirflow],
) -> None:
    # Airflow 2 and 3 name the option differently.
    wrong = {"AIRFLOW__TRIGGERER__DEFAULT_CAPACITY": "many", "AIRFLOW__TRIGGERER__CAPACITY": "many"}
    airflow = make_airflow(environment=wrong)
    with pytest.raises(ComponentDied, match=r"Airflow's triggerer ended with exit code 1[\s\S]+many"):
        airflow.start()
    assert airflow.components == {}
    assert processes_of_home(airflow.home) == set()


@contextmanager
def running_ui(tmp_path: Path, until: str) -> Iterator[tuple[subprocess.Popen[str], str, set[psutil.Process]]]:
    """Run ``make ui``'s script until its output holds a text; yield it, its output so far and its processes."""
    dags_folder = tmp_path / "dags"
    dags_folder.mkdir()
    (dags_folder / "harness.py").write_text(DAGS)
    output = tmp_path / "ui.log"
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with (
        output.open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", "dev.ui", "--dags-folder", str(dags_folder)],
            cwd=PROJECT,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            text=True,
        ) as script,
    ):
        try:
            wait_until(lambda: script.poll() is not None or until in output.read_text(), timeout=180, what=until)
            assert script.poll() is None, output.read_text()
            wait_until(lambda: len(descendants(script.pid)) >= 6, timeout=30, what="the components")
            yield script, output.read_text(), descendants(script.pid)
        finally:
            script.kill()


@adopts_orphans
@pytest.mark.parametrize("order", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_the_web_interface_even_while_it_starts(tmp_path: Path, order: signal.Signals) -> None:
    with running_ui(tmp_path, until="Starting Airflow") as (script, _, processes):
        script.send_signal(order)
        assert script.wait(60) == 0
        assert not living(processes)
    assert "Stopped" in (tmp_path / "ui.log").read_text()
    assert list(tmp_path.glob("local-airflow-*")) == []


@adopts_orphans
def test_no_process_survives_a_kill_9_of_the_script(tmp_path: Path) -> None:
    with running_ui(tmp_path, until="Starting Airflow") as (script, _, processes):
        script.kill()
        script.wait()
        wait_until(lambda: not living(processes), timeout=30, what="the end of all processes")
    (home,) = tmp_path.glob("local-airflow-*")
    assert processes_of_home(home) == set()


@adopts_orphans
def test_the_web_interface_ends_when_a_component_dies_and_says_which(tmp_path: Path) -> None:
    with running_ui(tmp_path, until="Ctrl-C stops everything") as (script, _, processes):
        command_lines = {process: process.cmdline() for process in processes}
        (keeper,) = (each for each, words in command_lines.items() if str(KEEPER) in words and "triggerer" in words)
        keeper.children()[0].kill()
        assert script.wait(60) == 1
        assert not living(processes)
    assert "Airflow's triggerer ended with exit code 137" in (tmp_path / "ui.log").read_text()


def test_the_emulator_takes_another_port_where_its_own_is_in_use() -> None:
    with emulator_near(0) as first, emulator_near(first.port) as second:
        assert second.port not in (0, first.port)


STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(300)
"""


@adopts_orphans
def test_a_daemon_that_ignores_sigterm_is_killed_too(tmp_path: Path) -> None:
    daemon_pid = tmp_path / "daemon"
    command = [sys.executable, "-c", STUBBORN, str(daemon_pid)]
    with KeptProcess(command, environment=os.environ, output=subprocess.DEVNULL, cwd=tmp_path, grace=0.2) as process:
        wait_until(lambda: daemon_pid.exists() and daemon_pid.read_text() != "", timeout=10, what="the daemon")
        processes = descendants(process.keeper_pid)
        assert {process.pid, int(daemon_pid.read_text())} <= {each.pid for each in processes}
        assert process.stop() == 128 + signal.SIGKILL
    assert not living(processes)


OWNER = """
import os, pathlib, subprocess, sys
from dev.harness.processes import KeptProcess
command = [sys.executable, "-c", sys.argv[1], sys.argv[2]]
here = pathlib.Path.cwd()
with KeptProcess(command, environment=os.environ, output=subprocess.DEVNULL, cwd=here, grace=0.2) as process:
    process.wait()
"""


@adopts_orphans
def test_a_daemon_that_ignores_sigterm_does_not_survive_a_kill_9_of_its_owner(tmp_path: Path) -> None:
    daemon_pid = tmp_path / "daemon"
    with subprocess.Popen([sys.executable, "-c", OWNER, STUBBORN, str(daemon_pid)], cwd=PROJECT) as owner:
        wait_until(lambda: daemon_pid.exists() and daemon_pid.read_text() != "", timeout=30, what="the daemon")
        processes = descendants(owner.pid)
        owner.kill()
    assert int(daemon_pid.read_text()) in {each.pid for each in processes}
    wait_until(lambda: not living(processes), timeout=30, what="the end of all processes")


BUSY = """
import os, subprocess, sys, time
burn = [sys.executable, "-c", "import time; any(time.process_time() > 0.5 for _ in iter(int, 1))"]
if os.fork() == 0:
    if os.fork() != 0:
        os._exit(0)
    subprocess.run(burn)
    open(sys.argv[1], "w").write("ended")
    os._exit(0)
os.wait()
subprocess.run(burn)
time.sleep(300)
"""


@adopts_orphans
def test_processor_time_counts_what_has_ended_and_what_lost_its_parent(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    command = [sys.executable, "-c", BUSY, str(ended)]
    with KeptProcess(command, environment=os.environ, output=subprocess.DEVNULL, cwd=tmp_path, grace=0.2) as process:
        wait_until(ended.exists, timeout=30, what="the orphan to have burnt its time")
        wait_until(lambda: cpu_seconds(process.keeper_pid) >= 1.0, timeout=30, what="both to be counted")


@pytest.mark.parametrize(("command", "exit_code"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143)])
def test_a_commands_exit_code_and_errors_are_passed_on(tmp_path: Path, command: str, exit_code: int) -> None:
    result = run_command(["sh", "-c", f"echo out; echo err >&2; {command}"], environment=os.environ, cwd=tmp_path)
    assert (result.exit_code, result.output) == (exit_code, "out\nerr\n")


LOG_LINES = [
    (
        "2026-11-22T07:54:26.0Z [info     ] Submitted video_1     [airflow.task.operators.sora2_provider.x.Y] a=1",
        "Submitted video_1",
    ),
    ("2026-11-22T08:06:51.2+0000 [WARNING] Slow [again] [sora2_provider.triggers.sora2]", "warning: Slow [again]"),
    ("2026-11-22T08:06:51.2+0000 [INFO] [DAG TEST] starting task_id=a [airflow.models.dag]", None),
    ("Traceback (most recent call last):", None),
]


@pytest.mark.parametrize(("line", "message"), LOG_LINES)
def test_the_providers_own_log_lines_are_told_from_airflows(line: str, message: str | None) -> None:
    assert own_message(line) == message
