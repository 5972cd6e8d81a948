"""docs/versions.md says what this Airflow can do, and its tables are what the last runs of the matrix gave."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from xml.etree import ElementTree

import pytest

from dev import matrix_page, matrix_results
from dev.matrix_results import SUITES, SuiteResult
from dev.matrix_rows import Row, rows
from sora2_provider.compat import CAPABILITIES
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator

PAGE = matrix_page.PAGE.read_text(encoding="utf-8")
AIRFLOW = tuple(int(part) for part in importlib.metadata.version("apache-airflow").split(".")[:2])


def cells_of_table(head: str) -> list[list[str]]:
    lines = PAGE.partition(head)[2].splitlines()[2:]
    table = lines[: next(index for index, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


SINCE = {what: since for what, since, _ in cells_of_table("| what | from Airflow | before that |")}


def test_the_page_has_each_capability_once():
    assert list(SINCE) == list(CAPABILITIES)


@pytest.mark.parametrize("what", SINCE)
def test_the_page_says_what_is_found_on_this_airflow(what):
    since = tuple(int(part) for part in SINCE[what].split("."))
    assert CAPABILITIES[what]() is (since <= AIRFLOW)


def test_a_try_that_can_write_its_submission_down_nowhere_says_so_once(gateway, context, logged):
    operator = Sora2CreateVideoOperator(task_id="create", prompt="a cat", wait_for_completion=True, poll_interval=0.01)
    operator.execute(context)
    assert logged().count("What this task submits is written down nowhere") == 1


def test_the_tables_are_what_the_last_runs_gave():
    with matrix_results.locked():
        page, results = matrix_page.PAGE.read_text(encoding="utf-8"), matrix_results.load()
    assert matrix_page.with_results(page, results) == page


def test_each_constraints_file_has_a_row():
    tested = {row.constraints.name for row in rows()}
    assert tested == {file.name for file in (matrix_results.PROJECT / "constraints").glob("*.txt")}
    assert len({row.python for row in rows()}) == 3


ROW = Row("3.1.8", "3.1.8", "3.11", matrix_results.PROJECT)
GOOD = SuiteResult(
    date="2026-01-02",
    python="3.11.7",
    seconds=60,
    passed=3,
    tasks={path.stem: 2 for path in matrix_results.EXAMPLES.glob("*.py")},
    versions={"apache-airflow": "3.1.8"},
    skips={"no /proc": 2},
    failures=[],
)


def test_a_row_is_good_when_every_suite_ran_tasks_on_what_it_is_for():
    assert matrix_results.problems_of(ROW, dict.fromkeys(SUITES, GOOD)) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"passed": 0}, "no test of examples passed"),
        ({"failures": ["a::b"]}, "a::b failed"),
        ({"tasks": {}}, "examples ran no task of Airflow to success"),
        ({"tasks": {**GOOD.tasks, "sora2_batch": 0}}, "no task of the example DAG sora2_batch succeeded"),
        ({"python": "3.12.1"}, "examples ran on Python 3.12.1, not on 3.11"),
        ({"versions": {"apache-airflow": "3.2.2"}}, "examples ran on Airflow 3.2.2, not on 3.1.8"),
    ],
)
def test_a_row_fails_when(change, problem):
    changed = dataclasses.replace(GOOD, **change)
    assert problem in matrix_results.problems_of(ROW, {**dict.fromkeys(SUITES, GOOD), "examples": changed})


def test_a_suite_that_has_not_run_is_named():
    assert matrix_results.problems_of(ROW, {"unit": GOOD}) == [f"{suite} has not run" for suite in list(SUITES)[1:]]


REPORT = """<testsuites><testsuite time="61.4"><properties><property name="python" value="3.11.7"/>
<property name="version of apache-airflow" value="3.1.8"/><property name="tasks succeeded in films" value="4"/></properties>
<testcase classname="tests.unit.test_a" name="good"/>
<testcase classname="tests.unit.test_a" name="late"><error message="teardown"/></testcase>
<testcase classname="tests.unit.test_a" name="bad"><failure message="no"/></testcase>
<testcase classname="tests.unit.test_a" name="left_out"><skipped message="no /proc"/></testcase>
<testcase classname="" name="tests.unit.test_b"><error message="cannot be imported"/></testcase>
</testsuite></testsuites>"""


def test_a_report_is_read(tmp_path):
    (tmp_path / "junit.xml").write_text(REPORT)
    read = matrix_results.read_report(tmp_path / "junit.xml")
    assert (read.airflow, read.python, read.seconds, read.passed) == ("3.1.8", "3.11.7", 61, 1)
    assert (read.tasks, read.skips) == ({"films": 4}, {"no /proc": 1})
    assert read.failures == [
        "tests/unit/test_a.py::late",
        "tests/unit/test_a.py::bad",
        "tests/unit/test_b.py::tests.unit.test_b",
    ]


def test_a_report_of_nothing_is_no_result(tmp_path):
    report = ElementTree.fromstring("<testsuites><testsuite time='0.1'/></testsuites>")
    ElementTree.ElementTree(report).write(tmp_path / "junit.xml")
    with pytest.raises(ValueError, match="did any test run"):
        matrix_results.read_report(tmp_path / "junit.xml")


def test_one_row_or_one_suite_can_run_again_and_the_rest_stays(tmp_path):
    file, order = tmp_path / "versions.json", ["3.1.8", "other"]
    matrix_results.keep({"unit": GOOD, "examples": GOOD}, ROW, order, file)
    matrix_results.keep({"unit": GOOD}, ROW._replace(name="other"), order, file)
    again = dataclasses.replace(GOOD, passed=9)
    matrix_results.keep({"unit": again}, ROW, order, file)
    assert matrix_results.load(file) == {"3.1.8": {"unit": again, "examples": GOOD}, "other": {"unit": GOOD}}


def test_what_ran_with_other_packages_is_forgotten(tmp_path):
    file = tmp_path / "versions.json"
    matrix_results.keep({"unit": GOOD, "examples": GOOD}, ROW, ["3.1.8"], file)
    newer = dataclasses.replace(GOOD, versions={**GOOD.versions, "aiohttp": "9"})
    assert matrix_results.keep({"unit": newer}, ROW, ["3.1.8"], file) == {"3.1.8": {"unit": newer}}


def test_the_page_names_what_failed_was_skipped_or_has_not_run():
    failed = dataclasses.replace(GOOD, failures=["tests/a.py::b"])
    page = matrix_page.render({"3.1.8": {"unit": GOOD, "examples": failed}})
    assert "| 3 passed, 2 skipped | **has not run** | **has not run** | 3 passed, **1 failed**, 2 skipped |" in page
    assert "| no /proc | 3.1.8: 4 |" in page
    assert "| 3.1.8 | `tests/a.py::b` |" in page


def test_a_row_that_has_never_run_stands_on_the_page():
    page = matrix_page.with_results(PAGE, {})
    for row in rows():
        assert f"| {row.name} |  |  | **has not run** |" in page
