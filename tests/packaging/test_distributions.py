"""What is in the wheel and the sdist."""

from __future__ import annotations

import configparser
import email
import tarfile
import zipfile
from typing import Any

import pytest

import sora2_provider
from sora2_provider.plugins.video_page import FILES


@pytest.fixture(scope="module")
def wheel_names(built: Any) -> list[str]:
    with zipfile.ZipFile(built.wheel) as wheel:
        return wheel.namelist()


def read_from_dist_info(built: Any, name: str) -> str:
    with zipfile.ZipFile(built.wheel) as wheel:
        (path,) = [path for path in wheel.namelist() if path.endswith(f".dist-info/{name}")]
        return wheel.read(path).decode()


def test_the_wheel_holds_the_package_and_nothing_else(wheel_names: list[str]) -> None:
    roots = {name.split("/")[0] for name in wheel_names}
    version = sora2_provider.__version__
    assert roots == {"sora2_provider", f"airflow_provider_sora2-{version}.dist-info"}
    assert not [name for name in wheel_names if "test" in name.split("/")[-1].removesuffix(".py").split("_")]
    assert not [name for name in wheel_names if name.endswith((".pyc", ".mp4", ".db"))]


@pytest.mark.parametrize(
    "name",
    [
        "sora2_provider/py.typed",
        "sora2_provider/__init__.py",
        "sora2_provider/emulator/__init__.py",
        *(f"sora2_provider/plugins/page/{file.name}" for file in sorted(FILES.iterdir())),
    ],
)
def test_the_wheel_holds(name: str, wheel_names: list[str]) -> None:
    assert name in wheel_names


def test_the_wheel_holds_the_licence(wheel_names: list[str]) -> None:
    assert [name for name in wheel_names if name.endswith(".dist-info/licenses/LICENSE")]


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
    assert {"pyproject.toml", "Makefile", "LICENSE", "README.md", "scripts/demo.py"} <= names
    assert any(name.startswith("tests/") for name in names)
    assert any(name.startswith("constraints/airflow-") for name in names)
    assert not [name for name in names if name.startswith((".venv", "demo-output", "dist/"))]
