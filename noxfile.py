"""The tests on every supported Airflow and Python: ``make test-matrix``. A session is a row of the table in docs/versions.md."""

from __future__ import annotations

import subprocess
from pathlib import Path

import nox

PROJECT = Path(__file__).parent

#: Each Airflow is tested with the first of these, the newest Airflow with all of them.
PYTHONS = ("3.11", "3.12", "3.13")
#: What runs on each of them, in one session of pytest.
SUITES = ("tests/integration", "tests/histories", "tests/emulator", "tests/unit")
HISTORIES = "500"

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True
nox.options.download_python = "never"


def add_row(name: str, constraints: Path, python: str) -> None:
    """Make a session of a file of constraints and a Python."""

    @nox.session(name=name, python=interpreter(constraints, python))
    def session(session: nox.Session) -> None:
        pins = ["--constraints", str(constraints), "--build-constraints", str(constraints)]
        session.install("--quiet", "--compile-bytecode", *pins, "--editable", ".[dev]")
        home = Path(session.virtualenv.location) / "airflow-home"
        environment = {"AIRFLOW_HOME": str(home), "SORA2_HISTORIES": HISTORIES}
        session.run("python", "-m", "pytest", "--quiet", "--numprocesses=2", *SUITES, *session.posargs, env=environment)

    session.__doc__ = f"Airflow {pinned_airflow(constraints)} on Python {python}"


def interpreter(constraints: Path, python: str) -> str:
    """Return the path of a row's Python, as the Makefile finds it; where there is none, a name that nox will miss."""
    name = f"python{python}"
    command = ["sh", str(PROJECT / "dev" / "find_python.sh"), pinned_airflow(constraints), name]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or name


def pinned_airflow(constraints: Path) -> str:
    """Return the Airflow that a file of constraints pins."""
    (pin,) = [line for line in constraints.read_text().splitlines() if line.startswith("apache-airflow==")]
    return pin.removeprefix("apache-airflow==").split()[0]


def by_version(constraints: Path) -> list[int]:
    """Return what sorts the files of constraints by their Airflow."""
    return [int(part) for part in pinned_airflow(constraints).split(".")]


add_row("lowest", PROJECT / "constraints" / "lowest.txt", PYTHONS[0])
files = sorted((PROJECT / "constraints").glob("airflow-*.txt"), key=by_version)
for file in files:
    add_row(file.stem.removeprefix("airflow-"), file, PYTHONS[0])
for python in PYTHONS[1:]:
    add_row(f"{files[-1].stem.removeprefix('airflow-')}-py{python}", files[-1], python)


@nox.session(name="install-check", venv_backend="none")
def install_check(session: nox.Session) -> None:
    """The wheel beside each Airflow release, under the constraints of that release."""
    session.run("make", "install-check", external=True)
