"""Finds the mutants of a file."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.operators.operator import Operator

from tests.mutants.operators import LEFT_OUT, LeaveOut, NegateCondition, operators

#: A mutant inside one of these is none: its text is read by people, or it is run once, when the file is imported.
_NEVER_INSIDE = ("fstring", "annassign", "tfpdef", "param", "decorator", "assert_stmt")


@dataclass(frozen=True)
class Mutant:
    """A file with one change in it.

    :param file: below the package's folder.
    :param function: in which the change is, as Python calls it.
    :param lines: the line on which its statement begins, and those that it is on.
    :param occurrence: 1 for the first change of this text in the function, 2 for the next one.
    :param source: of the whole file.
    """

    file: str
    function: str
    lines: tuple[int, ...]
    before: str
    after: str
    occurrence: int
    source: str

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        """What stays the same when the lines above it change."""
        return self.file, self.function, self.before, self.after, self.occurrence

    def __str__(self) -> str:
        more = f"  (number {self.occurrence})" if self.occurrence > 1 else ""
        return f"{self.file}:{self.lines[-1]} {self.function}{more}\n    - {self.before}\n    + {self.after}"


def mutants_of(package: Path, file: str) -> Iterator[Mutant]:
    """Yield the mutants of a file, in the order of its lines."""
    source = (package / file).read_text(encoding="utf-8")
    seen: Counter[tuple[str, str, str]] = Counter()
    sources = {source}
    for lines, function, mutated in sorted(_mutations(source), key=lambda found: found[0][-1]):
        if mutated in sources:
            continue
        sources.add(mutated)
        before, after = _difference(source, mutated)
        seen[function, before, after] += 1
        yield Mutant(file, function, lines, before, after, seen[function, before, after], mutated)


def _mutations(source: str) -> Iterator[tuple[tuple[int, ...], str, str]]:
    starts = list(itertools.accumulate((len(line) for line in source.splitlines(keepends=True)), initial=0))
    for node, operator in itertools.product(ast_nodes(get_ast(source)), operators()):
        for index, ((first, _), (last, _)) in enumerate(operator.mutation_positions(node)):
            function = _function_around(node, isinstance(operator, (LeaveOut, NegateCondition)))
            if function:
                begin, end = (
                    starts[line - 1] + column for line, column in (node.get_start_pos_of_prefix(), node.end_pos)
                )
                mutated = source[:begin] + _mutated(operator, node, index) + source[end:]
                yield (_statement_around(node), *range(last, first - 1, -1)), function, mutated


def _mutated(operator: Operator, node: Any, index: int) -> str:
    """Return the text of a mutated node, and leave the node as it was."""
    before = {name: getattr(node, name) for name in ("children", "value") if hasattr(node, name)}
    if "children" in before:
        node.children = list(before["children"])
    try:
        return str(operator.mutate(node, index).get_code())
    finally:
        for name, value in before.items():
            setattr(node, name, value)


def _function_around(node: Any, is_statement: bool) -> str:
    """Return the name of the function that a node is in; ``""`` for one that is not changed."""
    names: list[str] = []
    inside = False
    while node is not None:
        if node.type in _NEVER_INSIDE or (node.type == "simple_stmt" and not is_statement and _is_log_line(node)):
            return ""
        if node.type in ("funcdef", "classdef"):
            names.append(node.name.value)
        inside = inside or node.type in ("funcdef", "lambdef")
        node = node.parent
    return ".".join(reversed(names)) or "lambda" if inside else ""


def _statement_around(node: Any) -> int:
    """Return the line on which the statement begins that a node is in."""
    while node.parent.type not in ("suite", "file_input"):
        node = node.parent
    return int(node.start_pos[0])


def _is_log_line(node: Any) -> bool:
    return LeaveOut.is_log_line(node.children[0])


def _difference(source: str, mutated: str) -> tuple[str, str]:
    """Return the lines that differ, in one line each."""
    before, after = source.splitlines(), mutated.splitlines()
    while before and after and before[0] == after[0]:
        del before[0], after[0]
    while before and after and before[-1] == after[-1]:
        del before[-1], after[-1]
    old, new = (" ".join(line.strip() for line in lines) for lines in (before, after))
    return old, "(left out)" if new == LEFT_OUT + old else new
