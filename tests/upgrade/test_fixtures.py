"""The rules of the fixtures: each release has some, they never change, and DAG files of the same major version load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import sora2_provider
from dev import upgrade_fixtures as record_fixtures
from dev.check_tag import released_versions
from dev.upgrade_fixtures import parameters_of, record
from tests.upgrade.keeping import FIXTURES, VERSIONS, kept_by

CHANGELOG = (record_fixtures.PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")

#: Said as it is; of everything else in a fixture only the types are the same from one recording to the next.
EXACT = {"classpath", "method_name", "key", "digest", "version", "outcome", "status", "parameters", "options"}


def shape(document: Any, name: str = "") -> Any:
    if name in EXACT:
        return document
    if isinstance(document, dict):
        return {key: shape(value, key) for key, value in document.items()}
    if isinstance(document, list):
        return [shape(value) for value in document]
    return type(document).__name__


def test_every_release_has_fixtures() -> None:
    assert set(released_versions(CHANGELOG)) <= set(VERSIONS)
    assert sora2_provider.__version__ in VERSIONS, "run python -m dev.upgrade_fixtures"


def test_fixtures_never_change() -> None:
    digests = json.loads((FIXTURES / record_fixtures.DIGESTS).read_text())
    assert digests == {version: record_fixtures.folder_digest(FIXTURES / version) for version in VERSIONS}, (
        "A fixture is what a release has written into users' databases: add a folder, and leave the others alone"
    )


def test_a_changed_an_added_and_a_renamed_file_change_the_digest(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("1")
    digests = {record_fixtures.folder_digest(tmp_path)}
    (tmp_path / "a.json").write_text("2")
    digests.add(record_fixtures.folder_digest(tmp_path))
    (tmp_path / "b.json").write_text("1")
    digests.add(record_fixtures.folder_digest(tmp_path))
    (tmp_path / "b.json").rename(tmp_path / "c.json")
    assert len({*digests, record_fixtures.folder_digest(tmp_path)}) == 4


def test_the_fixtures_of_this_version_are_what_it_writes() -> None:
    version = sora2_provider.__version__
    documents = record()
    assert {file.stem for file in (FIXTURES / version).iterdir()} == documents.keys()
    for name, document in documents.items():
        assert shape(document) == shape(kept_by(version, name)), (
            f"{name}: run python -m dev.upgrade_fixtures, or, if {version} is released, set the next version first"
        )


def test_a_released_version_is_not_recorded_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    version = sora2_provider.__version__
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## {version} (2026-12-01)\n\nThe first release.\n")
    monkeypatch.setattr(record_fixtures, "PROJECT", tmp_path)
    assert record_fixtures.main() == 1
    assert f"{version} is released" in capsys.readouterr().out


@pytest.mark.parametrize(
    "version", [one for one in VERSIONS if one.split(".")[0] == sora2_provider.__version__.split(".")[0]]
)
def test_dag_files_that_were_written_for_this_major_version_load(version: str) -> None:
    for path, methods in kept_by(version, "interface")["parameters"].items():
        now = parameters_of(path, tuple(methods))
        for method, parameters in methods.items():
            added = now[method].keys() - parameters.keys()
            assert now[method].items() >= parameters.items(), f"{path}.{method}"
            assert None not in {now[method][name] for name in added}, f"{path}.{method}: a new parameter is required"
