"""The commands of the Makefile: which Python they take, what they pin, and when the demo calls itself a success."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dev.demo import Movie, Outcome
from sora2_provider.emulator import Billed
from tests.packaging.releases import CONSTRAINTS, PROJECT, RELEASED

LOWEST = PROJECT / "constraints" / "lowest.txt"

REAL = f'exec "{sys.executable}" "$@"'
SWITCHED_OFF = "echo 'not in this shell' >&2; exit 127"
TOO_OLD = "exit 1"
NO_VENV = 'case "$2" in *ensurepip*) exit 1;; *) exit 0;; esac'


def make_pythons(folder: Path, pythons: dict[str, str]) -> None:
    for name, script in pythons.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)


def find_python(tmp_path: Path, pythons: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script where only these pythons exist."""
    make_pythons(tmp_path, pythons)
    return subprocess.run(
        ["/bin/sh", str(PROJECT / "dev" / "find_python.sh"), *arguments],
        env={"PATH": str(tmp_path), "PYENV_ROOT": str(tmp_path / "pyenv")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "pythons",
    [
        {"python3.12": SWITCHED_OFF, "python3.11": REAL},
        {"python3.12": TOO_OLD, "python3": REAL},
        {"python3.12": NO_VENV, "python3.13": REAL},
    ],
)
def test_a_python_that_works_is_preferred_to_one_that_only_exists(tmp_path: Path, pythons: dict[str, str]) -> None:
    found = find_python(tmp_path, pythons, "3.3.2")
    assert (found.returncode, found.stdout.strip()) == (0, sys.executable)


def test_a_python_that_pyenv_keeps_off_the_path_is_found(tmp_path: Path) -> None:
    kept = tmp_path / "pyenv" / "versions" / "3.13.0" / "bin"
    kept.mkdir(parents=True)
    make_pythons(kept, {"python3.13": REAL})
    found = find_python(tmp_path, {"python3.13": SWITCHED_OFF}, "3.3.2", "python3.13")
    assert (found.returncode, found.stdout.strip()) == (0, sys.executable)


@pytest.mark.parametrize(
    ("pythons", "arguments", "message"),
    [
        ({}, ["3.3.2"], "No Python 3.11 to 3.14 was found, which Airflow 3.3.2 needs here."),
        ({"python3": TOO_OLD}, ["2.11.2"], "No Python 3.11 to 3.12 was found, which Airflow 2.11.2 needs here."),
        ({"python3.11": NO_VENV}, ["3.3.2"], "python3.11 is recent enough but cannot make a virtual environment"),
        ({"python3": REAL}, ["3.3.2", "python9"], "'python9' is not a working Python 3.11 to 3.14"),
    ],
)
def test_without_a_python_the_message_says_what_to_install(
    tmp_path: Path, pythons: dict[str, str], arguments: list[str], message: str
) -> None:
    found = find_python(tmp_path, pythons, *arguments)
    assert found.returncode == 1
    assert message in found.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_alone_lists_every_target() -> None:
    listing = subprocess.run(["make", "--no-print-directory"], cwd=PROJECT, capture_output=True, text=True, check=True)
    targets = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {"demo", "test", "dist"} <= set(targets)
    for target in targets:
        assert re.search(rf"^  make {target} +\S", listing.stdout, re.MULTILINE), target


@pytest.mark.parametrize("file", CONSTRAINTS, ids=lambda file: file.name)
def test_constraints_are_pins_and_nothing_else(file: Path) -> None:
    pins = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    unusual = [line for line in pins if not re.fullmatch(r"[a-z0-9.-]+==[\w.+!]+( ; [\w .<>=!'*()]+)?", line)]
    assert unusual == []
    names = {line.partition("==")[0] for line in pins}
    assert {"apache-airflow", "aiohttp", "av", "hatchling", "moto", "pytest", "s3fs", "uv"} <= names
    assert f"apache-airflow=={file.stem.removeprefix('airflow-')}" in pins


def test_every_airflow_with_constraints_has_the_date_of_its_release() -> None:
    assert {f"airflow-{release}.txt" for release in RELEASED} == {file.name for file in CONSTRAINTS}


def test_the_lowest_versions_are_those_of_pyproject() -> None:
    pins = dict(line.partition(" ;")[0].split("==") for line in LOWEST.read_text().splitlines()[1:])
    requirements = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    for requirement in requirements:
        name, lowest = requirement.split(">=")
        assert (pins[name] + ".0").startswith(f"{lowest}."), requirement


MOVIE = Movie("h264", 720, 1280, seconds=10.04, frames=240, size=1000)
GOOD = Outcome(
    video_id="video_1",
    status="completed",
    states=("queued", "in_progress", "completed"),
    link="http://127.0.0.1:1/files/1.mp4",
    stored_uri="file:///demo.mp4",
    expected_uri="file:///demo.mp4",
    movie=MOVIE,
    billed=(Billed(1, "video_1", 0.0, {"duration": 10}, 0.1),),
)


def test_the_demo_reports_a_good_outcome() -> None:
    assert GOOD.problems() == []
    assert "Read back  h264, 720x1280, 10.0 s, 240 frames" in GOOD.report()
    assert "Billed     1 video" in GOOD.report()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"video_id": "video_2"}, "the create task returned 'video_2'"),
        ({"video_id": None}, "the create task returned None"),
        ({"status": "in_progress"}, "the create task saw the status 'in_progress' last"),
        ({"states": ("queued", "failed")}, "the gateway saw no completed video"),
        ({"link": None}, "stored the link None"),
        ({"stored_uri": None}, "the download task returned None"),
        ({"movie": None}, "there is no readable video"),
        ({"movie": replace(MOVIE, codec="hevc")}, "the codec is hevc"),
        ({"movie": replace(MOVIE, width=1280, height=720)}, "1280x720 is not portrait"),
        ({"movie": replace(MOVIE, seconds=5.0)}, "the video lasts 5.00 s, asked were 10 s"),
        ({"billed": ()}, "0 videos were billed"),
        ({"billed": GOOD.billed * 2}, "2 videos were billed"),
    ],
)
def test_the_demo_fails_unless_all_is_as_promised(change: dict[str, Any], problem: str) -> None:
    assert problem in "\n".join(replace(GOOD, **change).problems())
