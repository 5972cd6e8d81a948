"""A whole Airflow, in whose database stands what earlier releases have left at a deferral, goes on with this release."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import sora2_provider
from dev.upgrade_fixtures import CONN_ID, REQUEST
from sora2_provider.emulator import Emulator
from tests.upgrade.keeping import VERSIONS, about, kept_by
from tests.upgrade.upgrading import Upgrading

pytestmark = pytest.mark.whole

NEWER = "create_of_a_newer_release"


def left_at_a_deferral(version: str, video_id: str) -> dict[str, Any]:
    record = about(kept_by(version, "records")["accepted"], video_id)
    return {**about(kept_by(version, "deferred_create"), video_id), "record": record}


def test_what_was_deferred_is_resumed_and_nothing_is_paid_again(gateway: Emulator, tmp_path: Path) -> None:
    gateway.settings(render_seconds=100_000)
    upgrading = Upgrading(gateway, tmp_path)
    left: dict[str, Any] = {}
    for version in VERSIONS:
        left[f"create_{version}"] = left_at_a_deferral(version, upgrading.paid(REQUEST, CONN_ID))
        left[f"wait_{version}"] = about(kept_by(version, "deferred_sensor"), upgrading.paid(REQUEST, CONN_ID))
    # No trigger can be made of these arguments: Airflow fails the deferral, and the retry goes on by the record.
    left[NEWER] = left_at_a_deferral(sora2_provider.__version__, upgrading.paid(REQUEST, CONN_ID))
    left[NEWER]["trigger"]["kwargs"]["colour"] = "red"
    file = tmp_path / "left.json"
    file.write_text(json.dumps(left))
    ids = {task_id: one["trigger"]["kwargs"]["video_id"] for task_id, one in left.items()}

    with upgrading.airflow({"UPGRADE_LEFT": str(file)}) as airflow:
        # No triggerer yet: what is deferred stands in the database, and nowhere else.
        upgrading.start(airflow, triggerer=False)
        run_id = airflow.rest.trigger("kept")
        upgrading.wait_for_deferrals(airflow, "kept", run_id, left)
        paths = airflow.query("SELECT classpath FROM trigger")
        assert sorted(path for (path,) in paths) == sorted(one["trigger"]["classpath"] for one in left.values())
        asked = len(gateway.requests)
        for video_id in ids.values():
            gateway.finish(video_id)
        airflow.start_component("triggerer")
        upgrading.wait_for_states(airflow, "kept", run_id, dict.fromkeys(left, "success"))
        xcoms = airflow.xcoms("kept", run_id)
        tries = upgrading.tries(airflow, "kept", run_id)

    for task_id, video_id in ids.items():
        returned = xcoms[task_id, "return_value", -1]
        assert (returned["id"] if task_id.startswith("wait_") else returned) == video_id
        if task_id.startswith("create_"):
            assert xcoms[task_id, "video", -1]["status"] == "completed"
    assert tries == {**dict.fromkeys(left, 1), NEWER: 2}
    assert sorted(one.id for one in gateway.billed) == sorted(ids.values())
    assert {request.route for request in gateway.requests[asked:]} == {"query"}
