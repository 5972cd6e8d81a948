"""docs/versions.md says what this Airflow can do, and has a row for each environment of the matrix."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from sora2_provider.compat import CAPABILITIES
from tests.markdown_tables import table_of

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "versions.md").read_text(encoding="utf-8")
AIRFLOW = tuple(int(part) for part in importlib.metadata.version("apache-airflow").split(".")[:2])

SINCE = {what: since for what, since, _ in table_of(PAGE, "what", "from Airflow", "before that")}


def test_the_page_has_each_capability_once():
    assert list(SINCE) == list(CAPABILITIES)


@pytest.mark.parametrize("what", SINCE)
def test_the_page_says_what_is_found_on_this_airflow(what):
    since = tuple(int(part) for part in SINCE[what].split("."))
    assert CAPABILITIES[what]() is (since <= AIRFLOW)


def test_each_file_of_constraints_has_a_row_on_the_page_with_its_airflow():
    pinned = {}
    for file in (PROJECT / "constraints").glob("*.txt"):
        pins = dict(line.partition(" ;")[0].split("==") for line in file.read_text().splitlines() if "==" in line)
        pinned[file.stem.removeprefix("airflow-")] = pins["apache-airflow"]
    rows = {row[0]: row[1] for row in table_of(PAGE, "row", "Airflow", "Python", "tests passed", "skipped", "minutes")}
    newest = max(pinned.values(), key=lambda version: [int(part) for part in version.split(".")])
    assert rows == pinned | {f"{newest}-py3.12": newest, f"{newest}-py3.13": newest}
    packages = next(line for line in PAGE.splitlines() if line.startswith("| row | ") and "| aiohttp |" in line)
    assert [row[0] for row in table_of(PAGE, *packages.strip("| ").split(" | "))] == list(rows)
