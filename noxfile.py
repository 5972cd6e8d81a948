"""The tests on every supported Airflow and Python: ``make test-matrix``.

nox, not tox: a row decides in Python what it installs and when it counts as a success, and its report becomes a table.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nox

PROJECT = Path(__file__).parent
sys.path.insert(0, str(PROJECT))

from dev import matrix_page, matrix_results  # noqa: E402
from dev.matrix_rows import Row, rows  # noqa: E402

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True
nox.options.download_python = "never"


def interpreter(row: Row) -> str:
    """Return the path of a row's Python, as the Makefile finds it; where there is none, a name that nox will miss."""
    name = f"python{row.python}"
    script = PROJECT / "dev" / "find_python.sh"
    found = subprocess.run(["sh", str(script), row.airflow, name], capture_output=True, text=True, check=False)
    return found.stdout.strip() or name


def run_row(session: nox.Session, row: Row) -> None:
    """Install a row, run its suites, or those that MATRIX_SUITES names, and keep what came of it for docs/versions.md."""
    suites = os.environ.get("MATRIX_SUITES", "").split() or list(matrix_results.SUITES)
    if unknown := set(suites) - set(matrix_results.SUITES):
        session.error(
            f"There is no suite {', '.join(unknown)}: MATRIX_SUITES may name {', '.join(matrix_results.SUITES)}"
        )
    constraints = str(row.constraints)
    session.install(
        *["--quiet", "--compile-bytecode", "--constraints", constraints, "--build-constraints", constraints],
        *["--editable", ".[dev]"],
    )
    result = {}
    for suite in suites:
        result[suite] = run_suite(session, suite)
        if not session.posargs:
            keep(row, suite, result[suite])
    if session.posargs:
        session.log("docs/versions.md is left alone: pytest was given options, so these may be fewer tests")
    if problems := matrix_results.problems_of(row, result, suites):
        session.error("; ".join(problems))
    tasks = sum(sum(each.tasks.values()) for each in result.values())
    session.log(f"{tasks} task instances succeeded on Airflow {row.airflow}")


def keep(row: Row, suite: str, result: matrix_results.SuiteResult) -> None:
    """Write a suite into docs/versions.json and the page as soon as it has run."""
    # Rows may run side by side.
    with matrix_results.locked():
        kept = matrix_results.keep({suite: result}, row, order=[each.name for each in rows()])
        matrix_page.write(kept)


def run_suite(session: nox.Session, suite: str) -> matrix_results.SuiteResult:
    """Run one suite; a suite that ends without a report fails the row."""
    folder = Path(session.virtualenv.location)
    report = folder / f"{suite}.xml"
    report.unlink(missing_ok=True)
    session.run(
        *["python", "-m", "pytest", "--quiet", *matrix_results.SUITES[suite], f"--junitxml={report}"],
        *session.posargs,
        env={"AIRFLOW_HOME": str(folder / f"airflow-home-{suite}"), "SORA2_HISTORIES": "500"},
        # 1: some tests failed. The report says which, and the row fails with their names.
        success_codes=[0, 1],
    )
    return matrix_results.read_report(report)


def add(row: Row) -> None:
    """Make a session of a row."""

    @nox.session(name=row.name, python=interpreter(row))
    def session(session: nox.Session) -> None:
        run_row(session, row)

    session.__doc__ = f"Airflow {row.airflow} on Python {row.python}"


for each in rows():
    add(each)


@nox.session(name="install-check", venv_backend="none")
def install_check(session: nox.Session) -> None:
    """The wheel beside each Airflow release, under the constraints of that release."""
    session.run("make", "install-check", external=True)
