"""What the tests of this folder look at: the files of a release, and the Airflows that they are for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def airflow_of(constraints: Path) -> str:
    """Return the version of Airflow that a file of constraints is for."""
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
        """Return the two files of a folder that has these two."""
        (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
        return cls(sdist, wheel)
