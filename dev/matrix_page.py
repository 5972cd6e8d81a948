"""Writes what ran where into docs/versions.md, between two marks. The rest of the page is written by hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dev.matrix_results import SUITES, RowResult, SuiteResult
from dev.matrix_rows import PROJECT, rows

PAGE = PROJECT / "docs" / "versions.md"
BEGIN = "<!-- Made by `make test-matrix` from docs/versions.json: do not edit. -->"
END = "<!-- Here ends what is made. -->"

_PACKAGES = {
    "apache-airflow-providers-common-compat": "common-compat",
    "aiohttp": "aiohttp",
    "requests": "requests",
    "pendulum": "pendulum",
    "pydantic": "pydantic",
    "sqlalchemy": "sqlalchemy",
    "fastapi": "fastapi",
    "universal-pathlib": "universal-pathlib",
}


def write(results: dict[str, RowResult], page: Path = PAGE) -> None:
    """Replace the part of the page that is made."""
    page.write_text(with_results(page.read_text(), results))


def with_results(text: str, results: dict[str, RowResult]) -> str:
    """Return a page with these results in place of those that it has.

    :raises ValueError: the page has no place for them.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"docs/versions.md needs the lines {BEGIN!r} and {END!r}")
    # A row that has never run stands there too, and says so.
    every_row = {row.name: results.get(row.name, {}) for row in rows()}
    return f"{before}{begin}\n\n{render(every_row)}\n\n{end}{after}"


def render(results: dict[str, RowResult]) -> str:
    """Return the tables: what ran, with which packages, and what was skipped or failed."""
    ran = [_ran(row, suites) for row, suites in results.items()]
    packages = [_packages(row, next(iter(suites.values()))) for row, suites in results.items() if suites]
    return "\n".join(
        [
            *_table(["row", "Airflow", "Python", *SUITES, "tasks that succeeded", "minutes", "date"], ran),
            "",
            "With these packages:",
            "",
            *_table(["row", *_PACKAGES.values()], packages),
            "",
            "Skipped:",
            "",
            *_table(["reason", "tests"], _skips(results) or [["nothing was skipped", ""]]),
            "",
            "Failed:",
            "",
            *_table(["row", "test"], _failures(results) or [["none", ""]]),
        ]
    )


def _ran(row: str, suites: RowResult) -> list[str]:
    one = next(iter(suites.values()), None)
    tasks = sum(sum(each.tasks.values()) for each in suites.values())
    dags = {dag_id for each in suites.values() for dag_id in each.tasks}
    minutes = sum(each.seconds for each in suites.values()) / 60
    dates = sorted({each.date for each in suites.values()})
    return [
        *([row, one.airflow, one.python] if one else [row, "", ""]),
        *(_numbers(suites[suite]) if suite in suites else "**has not run**" for suite in SUITES),
        *[f"{tasks} in {len(dags)} DAGs", f"{minutes:.0f}", " to ".join(dict.fromkeys(dates[:1] + dates[-1:]))],
    ]


def _numbers(result: SuiteResult) -> str:
    more = [f"**{len(result.failures)} failed**"] if result.failures else []
    more += [f"{sum(result.skips.values())} skipped"] if result.skips else []
    return f"{result.passed} passed" if not more else f"{result.passed} passed, {', '.join(more)}"


def _packages(row: str, result: SuiteResult) -> list[str]:
    return [row, *(result.versions.get(name, "none") for name in _PACKAGES)]


def _skips(results: dict[str, RowResult]) -> list[list[str]]:
    counts: dict[str, dict[str, int]] = {}
    for row, suites in results.items():
        for result in suites.values():
            for reason, count in result.skips.items():
                of_reason = counts.setdefault(reason, {})
                of_reason[row] = of_reason.get(row, 0) + count
    return [
        [reason, ", ".join(f"{row}: {count}" for row, count in rows.items())] for reason, rows in sorted(counts.items())
    ]


def _failures(results: dict[str, RowResult]) -> list[list[str]]:
    return [
        [row, f"`{test}`"] for row, suites in results.items() for result in suites.values() for test in result.failures
    ]


def _table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines]
