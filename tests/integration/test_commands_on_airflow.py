"""``airflow sora2`` and ``python -m sora2_provider`` on the Airflow that is installed; the healthy case in a process of its own."""

from __future__ import annotations

import base64
import json
import subprocess
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from dev.harness.airflow import LocalAirflow
from sora2_provider.emulator import Emulator
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.gateway.settings import GatewaySettings
from tests.integration.command_console import Console, running_console

KEY = "sk-command-line-test-4711"


def takes_commands_of_providers(airflow: LocalAirflow) -> bool:
    return tuple(int(part) for part in airflow.installation.version.split(".")[:2]) >= (3, 2)


@pytest.fixture(params=["airflow", "sora2_provider"])
def module(request: pytest.FixtureRequest, console: Console) -> str:
    """The module that is run: Airflow's own command line, where it takes our commands, and ours everywhere."""
    if request.param == "airflow" and not takes_commands_of_providers(console.airflow):
        refused = console.run("sora2", "doctor")
        assert refused.returncode == 2
        assert "sora2" in refused.stderr
        return "sora2_provider"
    return str(request.param)


def words(module: str, *arguments: str) -> list[str]:
    return ["sora2", *arguments] if module == "airflow" else list(arguments)


@pytest.fixture
def run(console: Console, gateway: Emulator, module: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command of ours."""

    def run_command(*arguments: str, connection: str = "") -> subprocess.CompletedProcess[str]:
        environment = {"AIRFLOW_CONN_SORA2_DEFAULT": connection or gateway.connection(KEY)}
        return console.run(*words(module, *arguments), module=module, environment=environment)

    return run_command


def checks(shown: str) -> dict[str, dict[str, Any]]:
    return {one["check"]: one for one in json.loads(shown)["checks"]}


def test_the_doctor_finds_a_good_connection_healthy(console: Console, gateway: Emulator, module: str) -> None:
    airflow = console.airflow
    result = subprocess.run(
        [str(airflow.installation.python), "-P", "-m", module, *words(module, "doctor", "--output", "json")],
        env={**airflow.environment, "AIRFLOW_CONN_SORA2_DEFAULT": gateway.connection(KEY)},
        cwd=airflow.home,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    found = checks(result.stdout)
    assert [name for name, one in found.items() if one["state"] == "ok"][:7] == [
        "connection", "address", "key", "routes", "models", "balance", "clock",
    ]  # fmt: skip
    keeps_states = takes_commands_of_providers(airflow) and not airflow.installation.version.startswith("3.2")
    assert found["storage"]["state"] == ("ok" if keeps_states else "warn")
    assert found["triggerer"]["seen"] == "None has ever run."
    assert f"Airflow {airflow.installation.version}," in found["versions"]["seen"]
    assert gateway.billed == ()


def test_the_doctor_names_a_wrong_key_and_never_shows_it(run, gateway: Emulator) -> None:
    wrong = "wrong-key-of-the-command-line"
    result = run("doctor", connection=gateway.connection(wrong))
    assert result.returncode == 1
    assert "fail  key" in result.stdout
    assert "无效的令牌" in result.stdout
    assert "1 to fix" in result.stdout
    assert wrong not in result.stdout + result.stderr


def test_a_connection_of_the_database_is_found_and_one_that_another_airflow_has_encrypted_is_told_of(
    run, console: Console, gateway: Emulator, module: str
) -> None:
    stored = f"stored_{uuid.uuid4().hex}"
    added = console.run("connections", "add", stored, "--conn-json", gateway.connection(KEY))
    assert added.returncode == 0, added.stderr
    doctor = ("doctor", "--conn-id", stored, "--output", "json")
    result = run(*doctor)
    assert result.returncode == 0, result.stderr
    assert checks(result.stdout)["key"]["state"] == "ok"

    # A process of its own: Airflow reads this key once.
    with running_console(
        console.airflow, AIRFLOW__CORE__FERNET_KEY=base64.urlsafe_b64encode(b"k" * 32).decode()
    ) as other:
        result = other.run(*words(module, *doctor), module=module)
    assert result.returncode == 1
    found = checks(result.stdout)["connection"]
    assert found["state"] == "fail"
    assert "fernet_key" in found["to_do"]


def test_a_video_is_shown_and_an_unknown_one_is_not(run, gateway: Emulator) -> None:
    with Sora2Client(GatewaySettings(gateway.url, KEY)) as client:
        video_id = client.create_video(VideoRequest("a cat")).id
    shown = run("get", video_id, "--output", "json")
    assert (shown.returncode, json.loads(shown.stdout)["status"]) == (0, "completed")
    unknown = run("get", "video_of_nobody")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "has no video video_of_nobody" in unknown.stderr


def test_a_running_triggerer_is_seen_and_a_dead_one_missed(
    make_airflow: Callable[..., LocalAirflow], gateway: Emulator
) -> None:
    airflow = make_airflow(connection=gateway.connection(KEY))

    def triggerer(console: Console, **environment: str) -> dict[str, Any]:
        result = console.run("doctor", "--output", "json", module="sora2_provider", environment=environment)
        return dict(checks(result.stdout)["triggerer"])

    with running_console(airflow) as console:
        airflow.start_component("triggerer")
        statement = "SELECT count(*) FROM job WHERE job_type = 'TriggererJob' AND state = 'running'"
        airflow.wait_until(
            lambda: airflow.query(statement)[0][0] == 1, timeout=120, what="the triggerer's first heartbeat"
        )
        alive = triggerer(console)
    assert alive["state"] == "ok", alive
    airflow.kill_container("triggerer")
    # A process of its own: Airflow reads this option once.
    with running_console(airflow, AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD="0.001") as console:
        dead = triggerer(console)
        assert dead["state"] == "warn"
        assert "is not running now" in dead["seen"]
        needed = triggerer(console, AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE="True")
        assert needed["state"] == "fail"
