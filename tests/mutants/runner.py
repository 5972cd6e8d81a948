"""Runs, for each mutant, the tests that reach it, until one fails."""

from __future__ import annotations

import gc
import importlib
import itertools
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings

from tests.mutants.code_swap import LoadedFunctions
from tests.mutants.coverage_map import CoverageMap, digests_of, file_of, measure
from tests.mutants.forks import Outcome, Tell, Work, run_forked
from tests.mutants.mutations import Mutant

#: A test of a mutant runs for ever if it takes so many times as long as without it, and so many seconds more.
_TIMES, _MORE = 10, 20
_HISTORIES = "tests/histories/"


@dataclass(frozen=True)
class Verdict:
    """What the tests say of a mutant.

    :param tests: how many it was to meet.
    """

    mutant: Mutant
    tests: int
    outcome: Outcome


class MutantRunner:
    """A plugin of pytest that runs mutants instead of the tests that it has collected.

    :param histories_of: the folders whose mutants the histories are run against, too.
    :param seconds: for which the unit tests of one mutant may run, as they were measured without it.
    :param until: the time of the monotonic clock after which no other mutant is begun.
    :param kept: the file that keeps which tests run which lines.
    """

    def __init__(
        self,
        mutants: Sequence[Mutant],
        package: Path,
        histories_of: Sequence[str],
        kept: Path,
        *,
        processes: int,
        seconds: float,
        until: float,
    ) -> None:
        self._mutants = mutants
        self._package = package
        self._histories_of = tuple(histories_of)
        self._kept = kept
        self._processes = processes
        self._seconds_each = seconds
        self._until = until
        self.verdicts: list[Verdict] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self) -> None:
        settings.register_profile("mutants", database=None, derandomize=True, phases=(Phase.explicit, Phase.generate))
        settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._items = {item.nodeid: item for item in session.items}
        for file in {mutant.file for mutant in self._mutants}:
            importlib.import_module(f"{self._package.name}.{file.removesuffix('.py').replace('/', '.')}")
        for item in session.items:
            if item.nodeid.startswith(_HISTORIES):
                # The first history that fails is enough, and need not be the shortest one.
                item.module.PHASES = (Phase.generate,)
        self._functions = LoadedFunctions(self._package)
        gc.collect()
        gc.freeze()
        self._map = self._coverage_map()
        self._seconds = self._map.seconds
        if self._map.failed:
            self._map.sound().write(self._kept)
            raise pytest.UsageError("these tests fail without a mutant: " + ", ".join(self._map.failed))
        _say(f"{len(self._mutants)} mutants, {len(self._seconds)} tests")
        for (mutant, tests), outcome in run_forked(self._works(), self._processes, until=self._until):
            if not outcome.passed and not outcome.last:
                raise pytest.UsageError(f"a mutant cannot be run, {outcome.why}: {mutant}")
            self.verdicts.append(Verdict(mutant, tests, outcome))
            if len(self.verdicts) % 100 == 0:
                _say(f"{len(self.verdicts)} of {len(self._mutants)}")
            if outcome.passed:
                _say(f"survived {tests} tests: {mutant}")
        return True

    def _coverage_map(self) -> CoverageMap:
        """Measure which test runs which lines, where anything has changed since that was done."""
        kept = CoverageMap.read(self._kept)
        digests = digests_of({item.path for item in self._items.values()}, self._package)
        known = kept.only(digests)
        items = [item for item in self._items.values() if file_of(item.nodeid) not in known.files]
        if not items:
            return known

        def work(tell: Tell) -> bool:
            def passes(item: pytest.Item, following: pytest.Item | None) -> bool:
                tell(item.nodeid, _MORE * _TIMES)
                return _passes(item, following)

            (known | measure(items, digests, passes, self._package)).write(self._kept)
            return True

        _say(f"Measuring which lines {len(items)} tests run")
        ((_, outcome),) = run_forked(iter([("", work)]), 1, until=math.inf)
        if not outcome.passed:
            raise pytest.UsageError(f"the tests cannot be measured: {outcome.why} in {outcome.last}")
        return CoverageMap.read(self._kept)

    def _works(self) -> Iterator[tuple[tuple[Mutant, int], Work]]:
        for mutant in self._mutants:
            tests = self._tests_of(mutant)
            yield (mutant, len(tests)), self._work(mutant, tests)

    def _tests_of(self, mutant: Mutant) -> list[str]:
        chosen, seconds = [], 0.0
        for test in sorted(self._map.tests_of(mutant.file, mutant.lines), key=lambda test: (self._seconds[test], test)):
            if not test.startswith(_HISTORIES) and (seconds := seconds + self._seconds[test]) <= self._seconds_each:
                chosen.append(test)
        if mutant.file.startswith(self._histories_of):
            chosen += sorted(test for test in self._items if test.startswith(_HISTORIES))
        return chosen

    def _work(self, mutant: Mutant, tests: Sequence[str]) -> Work:
        def work(tell: Tell) -> bool:
            self._functions.mutate(self._package / mutant.file, mutant.source)
            items = [self._items[test] for test in tests]
            for item, following in itertools.zip_longest(items, items[1:]):
                tell(item.nodeid, _MORE + _TIMES * self._seconds[item.nodeid])
                if not _passes(item, following):
                    return False
            return True

        return work


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


def _say(text: str) -> None:
    print(text, file=sys.__stdout__, flush=True)
