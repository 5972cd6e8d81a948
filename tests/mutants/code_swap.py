"""Puts a mutant's code into the functions that are loaded already, so that nothing has to be imported again."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType

_Place = tuple[str, str, int]
"""A file, a function as Python calls it, the line on which it begins."""


class LoadedFunctions:
    """The functions of a package that this process has loaded."""

    def __init__(self, package: Path) -> None:
        self._functions: defaultdict[_Place, list[FunctionType]] = defaultdict(list)
        for function in gc.get_objects():
            if type(function) is FunctionType and function.__code__.co_filename.startswith(f"{package}/"):
                self._functions[_place(function.__code__)].append(function)

    def mutate(self, file: Path, source: str) -> None:
        """Give the functions of a file the code of a source that differs from it in the body of functions.

        :raises LookupError: no loaded function differs.
        """
        before, after = (_codes(text, file) for text in (file.read_text(encoding="utf-8"), source))
        changed = [place for place, code in after.items() if code != before[place]]
        functions = [(function, after[place]) for place in changed for function in self._functions[place]]
        if not functions:
            raise LookupError(f"no function of {file} that is loaded differs")
        for function, code in functions:
            function.__code__ = code


def _codes(source: str, file: Path) -> dict[_Place, CodeType]:
    module = compile(source, str(file), "exec", dont_inherit=True)
    return {_place(code): code for code in _inside(module)}


def _inside(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _inside(constant)


def _place(code: CodeType) -> _Place:
    return code.co_filename, code.co_qualname, code.co_firstlineno
