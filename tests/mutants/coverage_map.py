"""Which tests run which lines, and how long each takes."""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest

#: Tests by line by file, which is below the package's folder.
Lines = dict[str, dict[str, list[str]]]


@dataclass(frozen=True)
class FileOfTests:
    """What the tests of one file do on the code as it is.

    :param digest: of its text and of all that it is run with.
    :param seconds: of each test, by its node id.
    :param tests: the node ids of the tests that run a line.
    :param failed: the node ids of the tests that fail though nothing is changed.
    """

    digest: str
    seconds: dict[str, float]
    tests: Lines
    failed: list[str]


@dataclass(frozen=True)
class CoverageMap:
    """What all tests do on the code as it is, by the file of the tests."""

    files: Mapping[str, FileOfTests]

    @property
    def seconds(self) -> dict[str, float]:
        return {test: seconds for file in self.files.values() for test, seconds in file.seconds.items()}

    @property
    def failed(self) -> list[str]:
        return [test for file in self.files.values() for test in file.failed]

    def tests_of(self, file: str, lines: Sequence[int]) -> set[str]:
        """Return the tests that run one of the lines."""
        by_line = [tests.tests.get(file, {}) for tests in self.files.values()]
        return {test for tests in by_line for line in lines for test in tests.get(str(line), ())}

    def only(self, digests: Mapping[str, str]) -> CoverageMap:
        """Return what still holds: that of files whose digest is one of these."""
        return CoverageMap({name: file for name, file in self.files.items() if digests.get(name) == file.digest})

    def sound(self) -> CoverageMap:
        """Return that of the files whose tests all pass."""
        return CoverageMap({name: file for name, file in self.files.items() if not file.failed})

    def __or__(self, other: CoverageMap) -> CoverageMap:
        return CoverageMap({**self.files, **other.files})

    @staticmethod
    def read(file: Path) -> CoverageMap:
        """Return the map that a file holds; an empty one where there is none."""
        files = json.loads(file.read_text()) if file.is_file() else {}
        return CoverageMap({name: FileOfTests(**values) for name, values in files.items()})

    def write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({name: vars(values) for name, values in self.files.items()}))


def measure(
    items: Sequence[pytest.Item],
    digests: Mapping[str, str],
    passes: Callable[[pytest.Item, pytest.Item | None], bool],
    package: Path,
) -> CoverageMap:
    """Run tests, and note which of them runs which lines of the package.

    :param digests: of the files of the tests.
    :param passes: runs a test, and is told which comes next.
    """
    files = {file_of(item.nodeid): FileOfTests(digests[file_of(item.nodeid)], {}, {}, []) for item in items}
    watch = coverage.Coverage(data_file=None, source=[str(package)], messages=False)
    watch.start()
    for item, following in itertools.zip_longest(items, items[1:]):
        watch.switch_context(item.nodeid)
        started = time.monotonic()
        if not passes(item, following):
            files[file_of(item.nodeid)].failed.append(item.nodeid)
        files[file_of(item.nodeid)].seconds[item.nodeid] = time.monotonic() - started
    watch.stop()
    for measured in watch.get_data().measured_files():
        name = Path(measured).relative_to(package).as_posix()
        for line, tests in watch.get_data().contexts_by_lineno(measured).items():
            for test in filter(None, tests):
                files[file_of(test)].tests.setdefault(name, defaultdict(list))[str(line)].append(test)
    return CoverageMap(files)


def file_of(test: str) -> str:
    """Return the file of a test."""
    return test.partition("::")[0]


def digests_of(tests: Iterable[Path], package: Path) -> dict[str, str]:
    """Return, for each file of tests, what changes with its text and with that of whatever it may be run with."""
    root = package.parent
    helpers = hashlib.sha256()
    for file in sorted(file for folder in (package, root / "tests") for file in folder.rglob("*")):
        name = file.relative_to(root)
        is_helper = not file.name.startswith("test_") and name.parts[:2] != ("tests", "mutants")
        if is_helper and file.suffix in (".py", ".json", ".txt"):
            helpers.update(f"{name}\n".encode() + file.read_bytes())
    names = {file: file.relative_to(root).as_posix() for file in tests}
    return {name: hashlib.sha256(helpers.digest() + file.read_bytes()).hexdigest() for file, name in names.items()}
