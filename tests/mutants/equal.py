"""The mutants that no test can tell from the code, with the reason of each."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutations import Mutant

LIST = Path(__file__).with_name("equal.toml")


@dataclass(frozen=True)
class EqualMutant:
    """An entry of the list. A mutant is found again by its text, and not by its line."""

    file: str
    function: str
    before: str
    after: str
    reason: str
    occurrence: int = 1

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        return self.file, self.function, self.before, self.after, self.occurrence


def equal_mutants() -> list[EqualMutant]:
    """Return the list.

    :raises TypeError: an entry lacks a field, or has one that means nothing.
    """
    return [EqualMutant(**entry) for entry in tomllib.loads(LIST.read_text(encoding="utf-8")).get("mutant", [])]


def split(
    mutants: Sequence[Mutant], entries: Sequence[EqualMutant]
) -> tuple[list[Mutant], list[Mutant], list[EqualMutant]]:
    """Return the mutants that must be killed, those in the list, and the entries that match none."""
    keys = {entry.key for entry in entries}
    found = {mutant.key for mutant in mutants}
    to_kill = [mutant for mutant in mutants if mutant.key not in keys]
    equal = [mutant for mutant in mutants if mutant.key in keys]
    return to_kill, equal, [entry for entry in entries if entry.key not in found]
