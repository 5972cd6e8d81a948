"""Airflow 3.4 and later: a clear forgets a task instance's state, unless the person who clears it keeps it."""

from __future__ import annotations

import airflow
import pytest

from sora2_provider.cli.doctor import installation
from sora2_provider.exceptions import LeftRendering
from tests.exact_errors import raises_exactly
from tests.unit.durable import TOO_SHORT, clear, create
from tests.unit.test_doctor import OK, WARN

FORGETS = "forgets what this task has submitted when a person clears it"


@pytest.fixture(autouse=True)
def airflow_3_4(monkeypatch):
    monkeypatch.setattr(airflow, "__version__", "3.4.0")


def clear_without_keeping(ti, state) -> None:
    clear(ti)
    state.values.clear()


def leave_rendering(gateway, context) -> None:
    """Pay for a video, and give up the wait for it."""
    gateway.settings(render_seconds=600)
    with raises_exactly(LeftRendering):
        create(**TOO_SHORT).execute(context)


def test_a_clear_pays_again_and_the_task_has_said_so(gateway, durable_context, ti, state, logged):
    leave_rendering(gateway, durable_context)
    said = logged()
    assert said.count(FORGETS) == 1
    assert "[sora2] state_path" in said
    clear_without_keeping(ti, state)
    create().execute(durable_context)
    assert len(gateway.billed) == 2


def test_a_clear_that_keeps_the_task_state_takes_the_video_up(gateway, durable_context, ti):
    leave_rendering(gateway, durable_context)
    clear(ti)
    assert create().execute(durable_context) == gateway.billed[0].id
    assert len(gateway.billed) == 1


def test_with_a_state_path_a_clear_takes_the_video_up(
    gateway, durable_context, ti, state, logged, tmp_path, monkeypatch
):
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path))
    leave_rendering(gateway, durable_context)
    clear_without_keeping(ti, state)
    assert create().execute(durable_context) == gateway.billed[0].id
    assert len(gateway.billed) == 1
    assert FORGETS not in logged()


def test_a_task_that_keeps_no_record_is_told_nothing(gateway, durable_context, logged):
    create(durable=False).execute(durable_context)
    assert FORGETS not in logged()


@pytest.mark.parametrize(("version", "says"), [("3.3.2", False), ("3.4.0b2", True), ("3.5.0", True), ("4.0.0", True)])
def test_the_task_and_the_doctor_tell_by_the_version(gateway, durable_context, logged, monkeypatch, version, says):
    monkeypatch.setattr(airflow, "__version__", version)
    monkeypatch.setattr("sora2_provider.compat.never_expire", lambda: object())
    create().execute(durable_context)
    assert (FORGETS in logged()) is says
    result = installation.check_storage()
    assert result.state is (WARN if says else OK)
    assert ("a clear pays again" in result.seen) is says


def test_the_doctor_is_content_with_a_state_path(monkeypatch, tmp_path):
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path))
    assert installation.check_storage().state is OK
