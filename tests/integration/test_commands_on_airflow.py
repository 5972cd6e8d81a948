"""``airflow sora2`` and ``python -m sora2_provider`` as processes on the Airflow that is installed."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dev.harness.airflow import LocalAirflow
from sora2_provider.emulator import Emulator

KEY = "sk-command-line-test-4711"


@pytest.fixture
def gateway() -> Iterator[Emulator]:
    with Emulator(canned=True) as emulator:
        yield emulator


@pytest.fixture
def airflow(gateway: Emulator, make_airflow: Callable[..., LocalAirflow]) -> LocalAirflow:
    made = make_airflow(connection=gateway.connection(KEY))
    made.migrate()
    return made


def takes_commands_of_providers(airflow: LocalAirflow) -> bool:
    return tuple(int(part) for part in airflow.installation.version.split(".")[:2]) >= (3, 2)


def run(airflow: LocalAirflow, *arguments: str, module: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command, with its two outputs kept apart as a shell's pipe keeps them."""
    words = ["sora2"] if module == "airflow" else []
    return subprocess.run(
        [str(airflow.installation.python), "-P", "-m", module, *words, *arguments],
        env={**airflow.environment, **environment},
        cwd=airflow.home,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(params=["airflow", "sora2_provider"])
def module(request: pytest.FixtureRequest, airflow: LocalAirflow) -> str:
    """The module that is run: Airflow's own command line, where it takes our commands, and ours everywhere."""
    if request.param == "airflow" and not takes_commands_of_providers(airflow):
        refused = run(airflow, "doctor", module="airflow")
        assert refused.returncode == 2
        assert "sora2" in refused.stderr
        return "sora2_provider"
    return str(request.param)


def checks(shown: str) -> dict[str, dict[str, Any]]:
    return {one["check"]: one for one in json.loads(shown)["checks"]}


def test_the_doctor_finds_a_good_connection_healthy(airflow: LocalAirflow, gateway: Emulator, module: str) -> None:
    result = run(airflow, "doctor", "--output", "json", module=module)
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


def test_the_doctor_names_a_wrong_key_and_never_shows_it(airflow: LocalAirflow, gateway: Emulator, module: str) -> None:
    wrong = "wrong-key-of-the-command-line"
    result = run(airflow, "doctor", module=module, AIRFLOW_CONN_SORA2_DEFAULT=gateway.connection(wrong))
    assert result.returncode == 1
    assert "fail  key" in result.stdout
    assert "无效的令牌" in result.stdout
    assert "1 to fix" in result.stdout
    assert wrong not in result.stdout + result.stderr


def test_a_connection_of_the_database_is_found(airflow: LocalAirflow, gateway: Emulator, module: str) -> None:
    airflow.run("connections", "add", "stored", "--conn-json", gateway.connection(KEY)).check()
    result = run(airflow, "doctor", "--conn-id", "stored", "--output", "json", module=module)
    assert result.returncode == 0, result.stderr
    assert checks(result.stdout)["key"]["state"] == "ok"


def test_a_connection_that_another_airflow_has_encrypted_is_told_of(airflow: LocalAirflow, gateway: Emulator) -> None:
    airflow.run("connections", "add", "stored", "--conn-json", gateway.connection(KEY)).check()
    another = base64.urlsafe_b64encode(b"k" * 32).decode()
    words = ("doctor", "--conn-id", "stored", "-o", "json")
    result = run(airflow, *words, module="sora2_provider", AIRFLOW__CORE__FERNET_KEY=another)
    assert result.returncode == 1
    found = checks(result.stdout)["connection"]
    assert found["state"] == "fail"
    assert "fernet_key" in found["to_do"]


def test_a_video_is_shown_and_an_unknown_one_is_not(airflow: LocalAirflow, gateway: Emulator, module: str) -> None:
    from sora2_provider.gateway.client import Sora2Client
    from sora2_provider.gateway.models import VideoRequest
    from sora2_provider.gateway.settings import GatewaySettings

    with Sora2Client(GatewaySettings(gateway.url, KEY)) as client:
        video_id = client.create_video(VideoRequest("a cat")).id
    shown = run(airflow, "get", video_id, "--output", "json", module=module)
    assert (shown.returncode, json.loads(shown.stdout)["status"]) == (0, "completed")
    unknown = run(airflow, "get", "video_of_nobody", module=module)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "has no video video_of_nobody" in unknown.stderr


def test_a_running_triggerer_is_seen_and_a_dead_one_missed(airflow: LocalAirflow) -> None:
    def triggerer(**environment: str) -> dict[str, Any]:
        result = run(airflow, "doctor", "--output", "json", module="sora2_provider", **environment)
        return checks(result.stdout)["triggerer"]

    airflow.start_component("triggerer")
    statement = "SELECT count(*) FROM job WHERE job_type = 'TriggererJob' AND state = 'running'"
    airflow.wait_until(lambda: airflow.query(statement)[0][0] == 1, timeout=120, what="the triggerer's first heartbeat")
    alive = triggerer()
    assert alive["state"] == "ok", alive
    airflow.kill_container("triggerer")
    dead = triggerer(AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD="0.001")
    assert dead["state"] == "warn"
    assert "is not running now" in dead["seen"]
    needed = triggerer(
        AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD="0.001", AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE="True"
    )
    assert needed["state"] == "fail"
