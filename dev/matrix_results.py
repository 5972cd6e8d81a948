"""What the suites of a row of the matrix did, read from pytest's JUnit reports and kept in docs/versions.json.

Nothing here is taken on trust: a suite whose report does not name its Airflow and its Python is none, and a row counts
as a success only with every suite of it, on the Airflow and the Python that it is for, with tasks that succeeded.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from dev.matrix_rows import PROJECT, Row

RESULTS = PROJECT / "docs" / "versions.json"
EXAMPLES = PROJECT / "example_dags"
#: A person answers in this one: `make approval` does, on the newest Airflow.
ASKS_A_PERSON = "sora2_approve_then_publish"

#: What pytest runs for each suite. The last one starts whole Airflows, the others single processes of one.
SUITES: dict[str, tuple[str, ...]] = {
    "unit": ("tests/unit", "tests/emulator"),
    "histories": ("tests/histories",),
    "listing": ("tests/integration/test_provider_listing.py",),
    "examples": ("tests/integration/test_example_dags.py",),
    "integration": (
        "tests/integration",
        "--ignore=tests/integration/test_provider_listing.py",
        "--ignore=tests/integration/test_example_dags.py",
    ),
}
#: The suites in which Airflow must have run tasks.
WITH_TASKS = ("examples", "integration")

#: Names of the properties that the tests leave in a report.
TASKS_OF = "tasks succeeded in "
VERSION_OF = "version of "


@dataclass(frozen=True)
class SuiteResult:
    """One suite as it ran in one row.

    :param tasks: for each DAG how many task instances have succeeded.
    :param versions: of the packages that it ran with.
    :param skips: how many tests were skipped for which reason.
    :param failures: the tests that failed.
    """

    date: str
    python: str
    seconds: float
    passed: int
    tasks: dict[str, int]
    versions: dict[str, str]
    skips: dict[str, int]
    failures: list[str]

    @property
    def airflow(self) -> str:
        """The Airflow that it ran on."""
        return self.versions["apache-airflow"]

    def problems(self, suite: str, wanted: Row) -> list[str]:
        """Return why this is not a success; nothing means that it is one."""
        found = [f"{test} failed" for test in self.failures]
        if self.airflow != wanted.airflow:
            found.append(f"{suite} ran on Airflow {self.airflow}, not on {wanted.airflow}")
        if not self.python.startswith(f"{wanted.python}."):
            found.append(f"{suite} ran on Python {self.python}, not on {wanted.python}")
        if not self.passed:
            found.append(f"no test of {suite} passed")
        if suite in WITH_TASKS and not sum(self.tasks.values()):
            found.append(f"{suite} ran no task of Airflow to success")
        if suite == "examples":
            names = sorted(example.stem for example in EXAMPLES.glob("*.py") if example.stem != ASKS_A_PERSON)
            found += [f"no task of the example DAG {name} succeeded" for name in names if not self.tasks.get(name)]
        return found


#: The suites of a row that have run, by name.
RowResult = dict[str, SuiteResult]


def problems_of(row: Row, result: RowResult, suites: Iterable[str] = tuple(SUITES)) -> list[str]:
    """Return why a row is not a success with these suites; nothing means that it is one."""
    missing = [f"{suite} has not run" for suite in suites if suite not in result]
    return missing + [problem for suite in result for problem in result[suite].problems(suite, row)]


def read_report(report: Path) -> SuiteResult:
    """Return what a JUnit report says that pytest wrote for one suite.

    :raises ValueError: the report does not say what it ran with.
    """
    root = ElementTree.parse(report).getroot()  # noqa: S314 (written by our own pytest)
    properties = {each.attrib["name"]: each.attrib["value"] for each in root.iterfind("testsuite/properties/property")}
    versions = _with_prefix(properties, VERSION_OF)
    if "python" not in properties or "apache-airflow" not in versions:
        raise ValueError(f"{report} does not name its Python and its Airflow: did any test run?")
    cases = list(root.iter("testcase"))
    skips = Counter(_reason(skipped) for case in cases for skipped in case.iterfind("skipped"))
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return SuiteResult(
        date=datetime.now(tz=UTC).date().isoformat(),
        python=properties["python"],
        seconds=round(sum(float(suite.attrib["time"]) for suite in root.iterfind("testsuite"))),
        passed=len(cases) - sum(skips.values()) - len(failed),
        tasks={name: int(count) for name, count in _with_prefix(properties, TASKS_OF).items()},
        versions=versions,
        skips=dict(sorted(skips.items())),
        failures=[_name(case) for case in failed],
    )


@contextlib.contextmanager
def locked(file: Path = RESULTS) -> Iterator[None]:
    """Keep other rows from writing meanwhile."""
    with file.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def load(file: Path = RESULTS) -> dict[str, RowResult]:
    """Return the results that are kept, by row."""
    text = file.read_text() if file.exists() else ""
    kept = json.loads(text or "{}")
    return {row: {suite: SuiteResult(**values) for suite, values in suites.items()} for row, suites in kept.items()}


def keep(result: RowResult, row: Row, order: list[str], file: Path = RESULTS) -> dict[str, RowResult]:
    """Put suites of a row among those that are kept, and return them all; rows that are no more are dropped."""
    kept = load(file)
    # A suite that ran with other packages than these says nothing of this row any more.
    same = {suite: each for suite, each in kept.get(row.name, {}).items() if _is_beside(each, result)}
    merged = {**same, **result}
    kept[row.name] = {suite: merged[suite] for suite in SUITES if suite in merged}
    kept = {name: kept[name] for name in order if name in kept}
    plain = {name: {suite: asdict(each) for suite, each in suites.items()} for name, suites in kept.items()}
    file.write_text(json.dumps(plain, indent=1) + "\n")
    return kept


def _is_beside(earlier: SuiteResult, result: RowResult) -> bool:
    return all((earlier.python, earlier.versions) == (now.python, now.versions) for now in result.values())


def _name(case: ElementTree.Element) -> str:
    # A module that cannot be imported is a case without a class.
    module = case.attrib.get("classname") or case.attrib["name"]
    return f"{module.replace('.', '/')}.py::{case.attrib['name']}"


def _reason(skipped: ElementTree.Element) -> str:
    return re.sub(r"\s+", " ", skipped.attrib.get("message", "")).strip() or "no reason was given"


def _with_prefix(properties: dict[str, str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): value for name, value in sorted(properties.items()) if name.startswith(prefix)}
