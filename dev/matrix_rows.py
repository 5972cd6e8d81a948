"""Which Airflow is tested with which Python: the rows of ``make test-matrix`` and of docs/versions.md."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).parents[1]
CONSTRAINTS = PROJECT / "constraints"

#: Each Airflow is tested with the first of these, the newest Airflow with all of them.
PYTHONS = ("3.11", "3.12", "3.13")
LOWEST = "lowest"


class Row(NamedTuple):
    """One environment.

    :param name: what it is called: ``3.1.8``, ``3.3.2-py3.13``, ``lowest``.
    :param airflow: the Airflow that the constraints pin.
    :param python: ``3.11``.
    """

    name: str
    airflow: str
    python: str
    constraints: Path


def rows() -> tuple[Row, ...]:
    """Return all rows, in the order in which the page shows them."""
    files = {file.stem.removeprefix("airflow-"): file for file in CONSTRAINTS.glob("airflow-*.txt")}
    versions = sorted(files, key=_as_numbers)
    newest = versions[-1]
    lowest = CONSTRAINTS / f"{LOWEST}.txt"
    return (
        Row(LOWEST, pinned(lowest, "apache-airflow"), PYTHONS[0], lowest),
        *(Row(version, version, PYTHONS[0], files[version]) for version in versions),
        *(Row(f"{newest}-py{python}", newest, python, files[newest]) for python in PYTHONS[1:]),
    )


def pinned(constraints: Path, package: str) -> str:
    """Return the version that a constraints file pins."""
    for line in constraints.read_text().splitlines():
        name, _, version = line.partition(" ;")[0].partition("==")
        if name == package:
            return version
    raise ValueError(f"{constraints.name} has no pin for {package}: run make constraints")


def _as_numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
