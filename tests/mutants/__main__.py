"""Breaks the code in one place at a time, and looks whether a test notices. Usage: python -m tests.mutants [OPTIONS].

A mutant that no test notices survives. One in what spends money ends the run with 1.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from dev.harness.processes import stop_cleanly_on_signals
from tests.mutants.equal import EqualMutant, equal_mutants, split
from tests.mutants.mutations import Mutant, mutants_of
from tests.mutants.runner import MutantRunner, Verdict

PACKAGE = Path("sora2_provider").resolve()
PARTS = {
    "submission": "submission/",
    "spending": "spending/",
    "parsing": "gateway/parsing/",
    "polling": "gateway/polling/",
    "download": "gateway/download/",
}
#: In these no mutant may survive, neither the unit tests nor the histories.
MONEY = ("submission", "spending")
_LOG = Path("build/mutants.txt")


def main() -> int:
    """Run, print a table, and return the exit code."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)}; without one, all")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="mutants whose file, line, function or text holds this"
    )
    parser.add_argument("--sample", type=int, metavar="NUMBER", help="as many of them, by chance")
    parser.add_argument("--quick", action="store_true", help="without the histories")
    parser.add_argument("--list", action="store_true", help="print them, and run nothing")
    parser.add_argument("--processes", type=int, default=2, help="mutants at a time (%(default)s)")
    parser.add_argument("--seconds", type=float, default=30, help="of unit tests for each mutant (%(default)s)")
    parser.add_argument("--minutes", type=float, default=90, help="after which no other mutant is begun (%(default)s)")
    options = parser.parse_args()
    parts = options.parts or list(PARTS)
    if unknown := sorted(set(parts) - set(PARTS)):
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    stop_cleanly_on_signals()
    until = time.monotonic() + options.minutes * 60
    mutants = [mutant for part in parts for mutant in _mutants_in(PARTS[part])]
    entries = [entry for entry in equal_mutants() if entry.file.startswith(tuple(PARTS[part] for part in parts))]
    to_kill, equal, stale = split(mutants, entries)
    chosen = [mutant for mutant in to_kill if options.only in str(mutant)]
    if options.sample is not None:
        chosen = sorted(random.Random(1).sample(chosen, min(options.sample, len(chosen))), key=to_kill.index)
    if options.list:
        print(*chosen, sep="\n")
        return 0
    verdicts = _run(chosen, options, until) if chosen else []
    return _report(parts, verdicts, equal, stale, not_run=len(chosen) - len(verdicts))


def _mutants_in(folder: str) -> Iterable[Mutant]:
    for file in sorted((PACKAGE / folder).glob("*.py")):
        yield from mutants_of(PACKAGE, file.relative_to(PACKAGE).as_posix())


def _run(mutants: Sequence[Mutant], options: argparse.Namespace, until: float) -> list[Verdict]:
    os.environ["SORA2_HISTORIES"], os.environ["SORA2_HISTORIES_SEED"] = "300", "1"
    tests = ["tests/unit", "tests/histories"]
    folders = [] if options.quick else [PARTS[part] for part in MONEY]
    kept = Path(os.environ["AIRFLOW_HOME"]).with_name("mutants.json")
    runner = MutantRunner(
        mutants, PACKAGE, folders, kept, processes=options.processes, seconds=options.seconds, until=until
    )
    quiet = ("-q", "-s", "--no-header", "--no-summary", *("-p", "no:cacheprovider"), *("-p", "no:xdist"))
    code = pytest.main([*quiet, *tests], plugins=[runner])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        sys.exit(f"pytest ended with {code!r}")
    return runner.verdicts


def _report(
    parts: Sequence[str],
    verdicts: Sequence[Verdict],
    equal: Sequence[Mutant],
    stale: Sequence[EqualMutant],
    *,
    not_run: int,
) -> int:
    _LOG.parent.mkdir(exist_ok=True)
    _LOG.write_text("".join(f"{_said_of(verdict)}: {verdict.mutant}\n" for verdict in verdicts), encoding="utf-8")
    print(f"\n{'part':12} {'mutants':>8} {'killed':>8} {'by time':>8} {'equal':>8} {'survivors':>10}")
    fails = bool(stale or not_run)
    for part in parts:
        own = [verdict for verdict in verdicts if verdict.mutant.file.startswith(PARTS[part])]
        survivors = sum(verdict.outcome.passed for verdict in own)
        by_time = sum(verdict.outcome.why == "time" for verdict in own)
        equals = sum(mutant.file.startswith(PARTS[part]) for mutant in equal)
        print(f"{part:12} {len(own) + equals:8} {len(own) - survivors:8} {by_time:8} {equals:8} {survivors:10}")
        fails = fails or (part in MONEY and survivors > 0)
    for entry in stale:
        print(f"equal.toml: nothing matches the entry {entry.key}")
    if not_run:
        print(f"{not_run} mutants were not run: the time was over")
    print(f"{_LOG} says what killed each")
    return int(fails)


def _said_of(verdict: Verdict) -> str:
    outcome = verdict.outcome
    if outcome.passed:
        return f"survived {verdict.tests} tests"
    return f"killed by {outcome.last or 'no test'} ({outcome.why})"


if __name__ == "__main__":
    sys.exit(main())
