"""What is in the wheel and the sdist, that an index takes them, and that anyone can build the same bytes."""

from __future__ import annotations

import configparser
import email
import os
import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sora2_provider
from dev.check_tag import released_versions
from tests.packaging.releases import CONSTRAINTS, PROJECT

DOCUMENTS = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md")])


@pytest.fixture(scope="module")
def wheel_names(built: Any) -> list[str]:
    with zipfile.ZipFile(built.wheel) as wheel:
        return wheel.namelist()


def read_from_dist_info(built: Any, name: str) -> str:
    with zipfile.ZipFile(built.wheel) as wheel:
        (path,) = [path for path in wheel.namelist() if path.endswith(f".dist-info/{name}")]
        return wheel.read(path).decode()


def test_the_wheel_holds_the_package_its_licence_and_nothing_else(wheel_names: list[str]) -> None:
    roots = {name.split("/")[0] for name in wheel_names}
    version = sora2_provider.__version__
    assert roots == {"sora2_provider", f"airflow_provider_sora2-{version}.dist-info"}
    assert not [name for name in wheel_names if "test" in name.split("/")[-1].removesuffix(".py").split("_")]
    data = {name for name in wheel_names if name.endswith((".pyc", ".mp4", ".db"))}
    assert data == {"sora2_provider/emulator/media/canned.mp4"}
    assert [name for name in wheel_names if name.endswith(".dist-info/licenses/LICENSE")]


def test_the_wheel_holds_every_file_of_the_package(wheel_names: list[str]) -> None:
    package = PROJECT / "sora2_provider"
    files = {file.relative_to(PROJECT).as_posix() for file in package.rglob("*") if file.is_file()}
    files = {name for name in files if "__pycache__" not in name}
    assert {"sora2_provider/py.typed", "sora2_provider/emulator/media/sample.png"} <= files
    assert {name for name in wheel_names if name.startswith("sora2_provider/")} == files


def test_airflow_and_pytest_find_their_entry_points(built: Any) -> None:
    entry_points = configparser.ConfigParser()
    entry_points.read_string(read_from_dist_info(built, "entry_points.txt"))
    assert dict(entry_points["apache_airflow_provider"]) == {"provider_info": "sora2_provider:get_provider_info"}
    assert dict(entry_points["airflow.plugins"]) == {"sora2": "sora2_provider.plugins.video_page:Sora2Plugin"}
    assert dict(entry_points["pytest11"]) == {"sora2_emulator": "sora2_provider.emulator.pytest_plugin"}


def test_the_metadata_name_the_version_and_a_readme(built: Any) -> None:
    metadata = email.message_from_string(read_from_dist_info(built, "METADATA"))
    assert metadata["Name"] == "airflow-provider-sora2"
    assert metadata["Version"] == sora2_provider.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "airflow" in str(metadata.get_payload()).lower()


def test_the_sdist_has_what_is_needed_to_test_it(built: Any) -> None:
    with tarfile.open(built.sdist) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"pyproject.toml", "Makefile", "LICENSE", "README.md", "CONTRIBUTING.md", "dev/demo.py"} <= names
    assert any(name.startswith("tests/") for name in names)
    assert any(name.startswith("constraints/airflow-") for name in names)
    assert not [name for name in names if name.startswith((".venv", "demo-output", "dist/"))]


def test_the_sdist_builds_the_same_bytes_elsewhere_and_later(
    built: Any, build: Callable[..., Any], tmp_path: Path
) -> None:
    umask = os.umask(0o077)
    try:
        with tarfile.open(built.sdist) as sdist:
            sdist.extractall(tmp_path / "elsewhere", filter="data")
        (project,) = (tmp_path / "elsewhere").iterdir()
        for file in project.rglob("*"):
            os.utime(file, (1_000_000_000, 1_000_000_000))
        again = build(project, tmp_path / "dist")
    finally:
        os.umask(umask)
    assert again.wheel.read_bytes() == built.wheel.read_bytes()
    assert again.sdist.read_bytes() == built.sdist.read_bytes()


def test_the_checkout_builds_the_same_wheel_as_the_sdist(built: Any, run: Any, uv: str, tmp_path: Path) -> None:
    options = ["--quiet", "--build-constraints", str(CONSTRAINTS[-1]), "--out-dir", str(tmp_path)]
    run(uv, "build", "--wheel", *options, str(PROJECT))
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.read_bytes() == built.wheel.read_bytes()


@pytest.mark.wheel
def test_an_index_takes_the_metadata_and_the_readme(built: Any, run: Any, release_tools: Path) -> None:
    said = run(str(release_tools / "twine"), "--no-color", "check", "--strict", str(built.sdist), str(built.wheel))
    assert said.count("PASSED") == 2, said


@pytest.mark.wheel
def test_the_readme_renders_as_an_index_shows_it(built: Any, run: Any, release_tools: Path, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    text = str(email.message_from_string(read_from_dist_info(built, "METADATA")).get_payload())
    readme.write_text(text, encoding="utf-8")
    page = run(str(release_tools / "python"), "-m", "readme_renderer", str(readme))
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    assert len(re.findall(r"<h\d[ >]", page)) == len(headings) > 5
    assert page.count("<table>") == len(re.findall(r"^\s*\|[-| ]+\|$", text, re.MULTILINE)) > 5
    assert page.count("<pre") == text.count("```") // 2


def test_the_changelog_begins_with_this_version() -> None:
    changelog = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## .*$", changelog, re.MULTILINE)
    for heading in headings:
        assert re.fullmatch(r"## \d+\.\d+\.\d+( \(\d{4}-\d{2}-\d{2}\))?", heading), heading
    assert headings[0].split()[1] == sora2_provider.__version__
    assert len(released_versions(changelog)) >= len(headings) - 1, "only the newest version may have no date yet"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_every_link_into_the_repository_leads_somewhere(document: Path, built: Any) -> None:
    with tarfile.open(built.sdist) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
        path = (document.parent / target).resolve().relative_to(PROJECT).as_posix()
        assert path in names or any(name.startswith(f"{path}/") for name in names), target
