"""A whole Airflow defers with an earlier release, is stopped, and goes on with this one: make upgrade FROM=v0.1.0.

Named so that it runs only where the Makefile says from which release.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import sora2_provider
from dev.upgrade_fixtures import CONN_ID, REQUEST
from sora2_provider.emulator import Emulator
from tests.upgrade.upgrading import Upgrading

#: A folder with the earlier release's ``sora2_provider`` in it.
EARLIER = Path(os.environ["UPGRADE_FROM"])


def provider_of(environment: dict[str, str]) -> Path:
    """Return the provider that a process with this environment imports."""
    command = [sys.executable, "-P", "-c", "import sora2_provider; print(sora2_provider.__file__)"]
    asked = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return Path(asked.stdout.strip())


def test_what_the_earlier_release_deferred_is_resumed_by_this_one(gateway: Emulator, tmp_path: Path) -> None:
    gateway.settings(render_seconds=100_000)
    upgrading = Upgrading(gateway, tmp_path)
    awaited = upgrading.paid(REQUEST, CONN_ID)
    tasks = ("create", "wait")

    with upgrading.airflow({"PYTHONPATH": str(EARLIER)}) as airflow:
        assert provider_of(airflow.environment) == EARLIER / "sora2_provider" / "__init__.py"
        upgrading.start(airflow)
        run_id = airflow.rest.trigger("plain", {"video_id": awaited})
        upgrading.wait_for_deferrals(airflow, "plain", run_id, tasks)
        _, created = (one.id for one in gateway.billed)
        airflow.stop()

        del airflow.environment["PYTHONPATH"]
        assert provider_of(airflow.environment) == Path(sora2_provider.__file__)
        for video_id in (awaited, created):
            gateway.finish(video_id)
        upgrading.start(airflow)
        upgrading.wait_for_states(airflow, "plain", run_id, dict.fromkeys(tasks, "success"))
        xcoms = airflow.xcoms("plain", run_id)
        tries = upgrading.tries(airflow, "plain", run_id)

    assert xcoms["create", "return_value", -1] == created
    assert xcoms["wait", "return_value", -1]["id"] == awaited
    assert tries == {"create": 1, "wait": 1}
    assert [one.id for one in gateway.billed] == [awaited, created]
