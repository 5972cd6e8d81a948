"""docs/versions.md says what this Airflow can do, and has a row for each environment of the matrix."""

from __future__ import annotations

import importlib.metadata
import json
from importlib import resources, util
from pathlib import Path

import pytest

from sora2_provider.compat import never_expire, retry_types
from tests.markdown_tables import table_of

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "versions.md").read_text(encoding="utf-8")
AIRFLOW = tuple(int(part) for part in importlib.metadata.version("apache-airflow").split(".")[:2])


def describes(schema: str, name: str) -> bool:
    """Whether Airflow's schema of what a provider may say of itself knows a name."""
    file = resources.files("airflow") / schema
    return file.is_file() and f'"{name}": ' in json.dumps(json.loads(file.read_text(encoding="utf-8")))


def has_ui_pages() -> bool:
    from airflow.plugins_manager import AirflowPlugin

    return hasattr(AirflowPlugin, "external_views")


def has_human_in_the_loop() -> bool:
    return util.find_spec("airflow.sdk") is not None and util.find_spec("airflow.sdk.execution_time.hitl") is not None


#: What not every supported Airflow can do, and how this one shows it.
CAPABILITIES = {
    "task state store": lambda: never_expire() is not None,
    "retry policies": lambda: retry_types() is not None,
    "form from the provider's description": lambda: describes("provider.yaml.schema.json", "conn-fields"),
    "providers' own commands": lambda: describes("provider_info.schema.json", "cli"),
    "pages in the web interface": has_ui_pages,
    "human in the loop": has_human_in_the_loop,
}
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
