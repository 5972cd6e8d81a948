"""The files of a release, the Airflows that they are for, and the constraints that each of these had when it came out."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]


def airflow_of(constraints: Path) -> str:
    return constraints.stem.removeprefix("airflow-")


#: Those of the oldest supported Airflow first.
CONSTRAINTS = sorted(
    (PROJECT / "constraints").glob("airflow-*.txt"),
    key=lambda file: [int(part) for part in airflow_of(file).split(".")],
)


@dataclass(frozen=True)
class Built:
    """The two files that a release uploads."""

    sdist: Path
    wheel: Path

    @classmethod
    def of(cls, folder: Path) -> Built:
        (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
        return cls(sdist, wheel)


#: When each release was uploaded to the package index.
RELEASED = {
    "2.11.2": date(2026, 3, 14),
    "3.0.6": date(2025, 8, 29),
    "3.1.8": date(2026, 3, 11),
    "3.2.2": date(2026, 5, 29),
    "3.3.2": date(2026, 9, 17),
}
#: The newest Airflow with the newest of all packages: what pip installs without constraints.
NEWEST = "newest"
ROWS = (*RELEASED, NEWEST)


def chosen() -> tuple[str, ...]:
    """Return the rows that the variable RELEASES names: ``all`` are all, and without it the oldest and the last release.

    :raises ValueError: it names something else.
    """
    wanted = os.environ.get("RELEASES", "").split()
    if wanted == ["all"]:
        return ROWS
    if unknown := set(wanted) - set(ROWS):
        raise ValueError(f"RELEASES may name {', '.join(ROWS)}, not {', '.join(sorted(unknown))}")
    return tuple(wanted) or (ROWS[0], ROWS[-2])


def resolve_constraints(release: str, *, run: Any, uv: str, python: Path, file: Path) -> None:
    """Write the constraints of a release into a file, as they were on the day after it came out.

    Airflow's own constraints pin every provider and its libraries. Of those this pins what the wheel asks for, so that
    a requirement that was too new for that day fails the installation.
    """
    needs = file.with_suffix(".in")
    needs.write_text("\n".join([f"apache-airflow=={release}", *_names_of_requirements()]))
    day_after = RELEASED[release] + timedelta(days=1)
    run(
        *[uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python", str(python)],
        *["--exclude-newer", day_after.isoformat(), "--output-file", str(file), str(needs)],
    )


def _names_of_requirements() -> list[str]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = [*project["dependencies"], *project["optional-dependencies"]["openlineage"]]
    return [re.split(r"[^\w.-]", requirement, maxsplit=1)[0] for requirement in requirements]
