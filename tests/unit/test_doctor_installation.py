"""``doctor``: this machine's Airflow, its storage for records, its triggerer and the installed versions."""

from __future__ import annotations

from importlib import metadata
from typing import Any

import pytest

from sora2_provider import compat
from sora2_provider.cli.doctor import installation
from sora2_provider.cli.doctor.report import State
from sora2_provider.storage import Target
from tests.unit.durable import failing
from tests.unit.test_doctor import FAIL, OK, SKIP, WARN


def test_a_state_path_is_tried_with_a_file_that_is_removed(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path / "records"))
    result = installation.check_storage()
    assert result.state is OK
    assert "All workers must share it" in result.seen
    assert list((tmp_path / "records").iterdir()) == []


def test_a_state_path_that_cannot_be_written_fails(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "records").write_text("a file, and no folder")
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path / "records"))
    result = installation.check_storage()
    assert result.state is FAIL
    assert str(tmp_path / "records") in result.seen
    assert "create tasks submit nothing" in result.to_do


def test_a_storage_that_creates_over_a_file_is_a_warning(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path))
    monkeypatch.setattr(Target, "create", lambda self, content: self.write(lambda file: file.write(content)))
    result = installation.check_storage()
    assert result.state is WARN
    assert "creating a file overwrites one that exists" in result.seen


def test_without_a_place_for_records_airflow_3_3_serves_and_earlier_ones_are_warned_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compat, "never_expire", lambda: None)
    assert installation.check_storage().state is WARN
    monkeypatch.setattr(compat, "never_expire", lambda: object())
    assert installation.check_storage().state is OK
    monkeypatch.setenv("AIRFLOW__STATE_STORE__CLEAR_ON_SUCCESS", "True")
    assert 'on_clear="reuse" finds nothing' in installation.check_storage().seen


@pytest.mark.parametrize(
    ("latest", "default_deferrable", "state"),
    [
        pytest.param(failing(RuntimeError("no such table: job")), "True", SKIP, id="cannot be asked about"),
        pytest.param(lambda: None, "True", FAIL, id="none, where tasks defer"),
        pytest.param(lambda: None, "False", WARN, id="none, where tasks wait"),
    ],
)
def test_no_triggerer_is_as_bad_as_it_is_needed(
    monkeypatch: pytest.MonkeyPatch, latest: Any, default_deferrable: str, state: State
) -> None:
    monkeypatch.setattr(compat, "latest_triggerer", latest)
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", default_deferrable)
    assert installation.check_triggerer().state is state


def test_the_installed_versions_are_what_this_package_asks_for() -> None:
    result = installation.check_versions()
    assert result.state is OK
    assert metadata.version("apache-airflow") in result.seen


def test_packages_that_are_too_old_or_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["requests>=999", "no-such-package-of-anybody>=1", "pendulum>=3.0", "av>=13; extra == 'emulator'"]
    monkeypatch.setattr(metadata, "requires", lambda _: asked)
    result = installation.check_versions()
    assert result.state is FAIL
    assert f"requests>=999 (installed: {metadata.version('requests')})" in result.seen
    assert "no-such-package-of-anybody>=1 (not installed)" in result.seen
    assert "pendulum" not in result.seen
    assert "av>=13" not in result.seen
