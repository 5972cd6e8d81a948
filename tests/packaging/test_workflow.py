"""The workflow of the forge: it runs what the Makefile has, with no more rights than it needs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.check_tag import problems_of
from tests.packaging.releases import CONSTRAINTS, PROJECT, airflow_of

WORKFLOWS = sorted(PROJECT.glob(".github/workflows/*.yml"))
ACTIONS = sorted(PROJECT.glob(".github/actions/*/action.yml"))
#: Where targets of the Makefile are named for people and machines.
NAMING = [*WORKFLOWS, PROJECT / ".ci" / "run", *PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md")]


def read(file: Path) -> Any:
    # YAML 1.1, which this parser reads, takes the key "on" for true.
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def jobs() -> dict[str, Any]:
    return {name: job for file in WORKFLOWS for name, job in read(file)["jobs"].items()}


def targets() -> set[str]:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize("file", NAMING, ids=lambda file: file.name)
def test_every_target_that_is_named_is_in_the_makefile(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    # Prose says "make sure"; a target is a command of its own, or stands in backticks or a table.
    named = set(re.findall(r"(?:^|[`|:\[,-]|run:|stage)\s*make ([a-z][a-z-]*)", text, re.MULTILINE))
    assert named <= targets(), named - targets()


def test_the_workflow_runs_what_must_hold_before_a_release() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in WORKFLOWS)
    ran = set(re.findall(r"make ([a-z-]+)", text))
    assert {"lint", "typecheck", "test", "test-matrix", "system", "faults", "upgrade", "dist", "demo"} <= ran
    others = jobs().keys() - {"release", "nightly"}
    assert set(jobs()["release"]["needs"]) == others


def test_every_supported_airflow_is_a_row_of_the_matrix() -> None:
    rows = jobs()["test-matrix"]["strategy"]["matrix"]["row"]
    assert {airflow_of(file) for file in CONSTRAINTS} <= set(rows)
    both_ends = [airflow_of(CONSTRAINTS[0]), airflow_of(CONSTRAINTS[-1])]
    assert sorted(jobs()["upgrade"]["strategy"]["matrix"]["airflow"]) == both_ends
    assert sorted(each["airflow"] for each in jobs()["test"]["strategy"]["matrix"]["include"]) == both_ends


@pytest.mark.parametrize("file", [*WORKFLOWS, *ACTIONS], ids=lambda file: file.name)
def test_actions_are_pinned_to_a_commit_beside_the_name_of_its_release(file: Path) -> None:
    """A tag can be moved to another commit, which would then run beside the token that publishes."""
    used = re.findall(r"uses: (.+)", file.read_text(encoding="utf-8"))
    assert used
    for action in used:
        pinned = r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+"
        assert re.fullmatch(rf"\./\.github/actions/\w+|{pinned}", action), action


def test_only_the_release_may_do_more_than_read() -> None:
    for file in WORKFLOWS:
        assert read(file)["permissions"] == {"contents": "read"}
    more = {name: job["permissions"] for name, job in jobs().items() if "permissions" in job}
    assert more == {"release": {"contents": "read", "id-token": "write"}}
    assert jobs()["release"]["environment"] == "release"
    assert "secrets." not in "".join(file.read_text(encoding="utf-8") for file in WORKFLOWS)


@pytest.mark.parametrize("is_on_main", [True, False])
def test_a_tag_is_released_only_from_main(tmp_path: Path, is_on_main: bool) -> None:
    """Runs the release's own steps in a checkout of a tag, up to the one that publishes."""
    steps = jobs()["release"]["steps"]
    checkout, publishing = (
        next(number for number, step in enumerate(steps) if action in step.get("uses", ""))
        for action in ("actions/checkout@", "gh-action-pypi-publish@")
    )
    # All branches: the tag's commit alone says nothing of main.
    assert steps[checkout]["with"]["fetch-depth"] == 0
    scripts = [step["run"] for step in steps[checkout:publishing] if "run" in step]
    assert not any("continue-on-error" in step or "if" in step for step in steps)

    def git(*words: str, at: Path) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *who, *words], cwd=at, check=True, capture_output=True)

    origin, clone = tmp_path / "origin", tmp_path / "clone"
    git("init", "--initial-branch", "main", str(origin), at=tmp_path)
    git("commit", "--allow-empty", "-m", "first", at=origin)
    git("checkout", "-b", "side", at=origin)
    git("commit", "--allow-empty", "-m", "second", at=origin)
    git("tag", "-a", "v1.0.0", "-m", "v1.0.0", at=origin)
    if is_on_main:
        git("checkout", "main", at=origin)
        git("merge", "--ff-only", "side", at=origin)
        git("commit", "--allow-empty", "-m", "third", at=origin)
    git("clone", str(origin), str(clone), at=tmp_path)
    git("checkout", "--detach", "v1.0.0", at=clone)
    ended = [subprocess.run(["bash", "-e", "-c", script], cwd=clone, check=False).returncode for script in scripts]
    assert any(ended) is not is_on_main


def test_every_job_ends() -> None:
    assert all(job["timeout-minutes"] <= 180 for job in jobs().values())


def test_what_a_person_may_name_reaches_the_shell_as_a_variable_only() -> None:
    for name, job in jobs().items():
        for step in job["steps"]:
            assert not re.search(r"\{\{\s*(github|inputs|env)\b", step.get("run", "")), name


@pytest.mark.wheel
def test_the_forge_takes_the_workflow(run: Any, release_tools: Path) -> None:
    for schema, files in (("vendor.github-workflows", WORKFLOWS), ("vendor.github-actions", ACTIONS)):
        run(str(release_tools / "check-jsonschema"), "--builtin-schema", schema, *(str(file) for file in files))


DATED = "# Changelog\n\n## 1.2.0 (2027-01-02)\n\n## 1.1.0 (2026-12-01)\n"


@pytest.mark.parametrize(
    ("tag", "version", "changelog", "problems"),
    [
        ("v1.2.0", "1.2.0", DATED, 0),
        ("1.2.0", "1.2.0", DATED, 1),
        ("v1.2.1", "1.2.0", DATED, 1),
        ("v1.1.0", "1.1.0", DATED, 1),
        ("v1.2.0", "1.2.0", DATED.replace(" (2027-01-02)", ""), 1),
        ("v1.3.0", "1.2.1", DATED, 2),
    ],
)
def test_a_tag_that_is_not_this_version_with_its_date_is_not_released(
    tag: str, version: str, changelog: str, problems: int
) -> None:
    assert len(problems_of(tag, version=version, changelog=changelog)) == problems
