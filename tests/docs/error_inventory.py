"""Finds every error message that the package can end with, by reading its source: nothing is imported or run.

A *template* is a message as it is written, with ``…`` where a value stands. An error that is made of a text which cannot
be followed to a literal is *opaque*: it passes another message on, and the test wants to know whose.
"""

from __future__ import annotations

import ast
import builtins
import functools
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = Path(__file__).parents[2] / "sora2_provider"
#: The emulator is a tool for tests: what it refuses, it explains to a programmer on the spot.
LEFT_OUT = ("emulator",)
AIRFLOWS = ("AirflowException", "AirflowFailException", "AirflowSensorTimeout", "AirflowSkipException")
#: Calls that make an error of a text, and the place of the text among their arguments.
MAKERS = {
    "Broken": 0,
    "as_error": 0,
    "refused": 1,
    "unknown": 0,
    "unreadable": 0,
    "_failures": 0,
    "_left_rendering": 0,
    "_raise": 1,
}
#: What a name stands for: expressions, each with the names that are known where it stands.
Names = dict[str, list[tuple[ast.expr, Any]]]
_ANY = "…"
_MOST_VARIANTS = 6


class Message(NamedTuple):
    """One message.

    :param where: module and line, for people.
    :param kind: the exception's class, or the name of what makes one.
    :param text: the template; ``None`` where it is opaque.
    :param source: what stands there.
    """

    where: str
    kind: str
    text: str | None
    source: str


def messages(package: Path = PACKAGE) -> list[Message]:
    """Return all messages of a package, in the order of its files."""
    files = [file for file in sorted(package.rglob("*.py")) if file.relative_to(package).parts[0] not in LEFT_OUT]
    trees = {file: _parsed(file) for file in files}
    kinds, sayings = exceptions(trees.values()), _sayings(trees.values())
    return [
        one
        for file, tree in trees.items()
        for one in _messages(file.relative_to(package).as_posix(), tree, kinds, sayings)
    ]


def ancestors(name: str, package: Path = PACKAGE) -> set[str]:
    """Return the names of a class of the package and of all that it is made from."""
    files = sorted(package.rglob("*.py"))
    classes = [node for file in files for node in ast.walk(_parsed(file)) if isinstance(node, ast.ClassDef)]
    found = {name}
    while more := {_name(base) for one in classes if one.name in found for base in one.bases} - found:
        found |= more
    return found


@functools.cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def exceptions(trees: Iterable[ast.Module]) -> set[str]:
    """Return the names of the classes that are exceptions: Python's, Airflow's, and the package's own."""
    python = {name for name, one in vars(builtins).items() if isinstance(one, type) and issubclass(one, BaseException)}
    known = python | set(AIRFLOWS)
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    while found := {one.name for one in classes if one.name not in known and known & {_name(b) for b in one.bases}}:
        known |= found
    return known


def _sayings(trees: Iterable[ast.Module]) -> Names:
    """Return what the functions and properties return that return a text, by name."""
    found: Names = {}
    for function in (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        if function.returns is not None and ast.unparse(function.returns) == "str":
            names = _assigned(ast.walk(function))
            returned = [
                one.value for one in ast.walk(function) if isinstance(one, ast.Return) and one.value is not None
            ]
            found.setdefault(function.name, []).extend((value, names) for value in returned)
    return found


def _messages(where: str, tree: ast.Module, kinds: set[str], sayings: Names) -> Iterator[Message]:
    constants = _assigned(tree.body)
    for function, call in _calls(tree):
        if isinstance(call, ast.Return):
            yield from _verdict(where, function, call, {**sayings, **constants})
            continue
        name = _name(call.func)
        if name in kinds:
            place = 0
        elif name in MAKERS:
            place = MAKERS[name]
        else:
            continue
        text = next((word.value for word in call.keywords if word.arg == "message"), None)
        if text is None:
            if len(call.args) <= place:
                continue  # an exception without a text of its own, such as a bare ValueError that is caught at once
            text = call.args[place]
        if name in MAKERS and isinstance(text, ast.Name) and text.id in _parameters(function):
            continue  # the maker's own body, or one that hands on to another
        names = {**sayings, **constants, **(_assigned_for(call, function) if function else {})}
        line = f"{where}:{call.lineno}"
        texts = list(_texts(text, names, frozenset()))
        if texts and all(_says_something(one) for one in texts):
            yield from (Message(line, name, _clean(one), ast.unparse(text)) for one in texts)
        else:
            yield Message(line, name, None, ast.unparse(text))


def _verdict(where: str, function: ast.FunctionDef | None, node: ast.Return, names: Names) -> Iterator[Message]:
    """Yield the text of ``return False, "why not"``, which is how a connection test fails."""
    pair = node.value
    if isinstance(pair, ast.Tuple) and len(pair.elts) == 2 and ast.unparse(pair.elts[0]) == "False":
        for text in _texts(pair.elts[1], names, frozenset()):
            if _says_something(text):
                yield Message(f"{where}:{node.lineno}", "connection test", _clean(text), ast.unparse(pair))


def _calls(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef | None, ast.Call | ast.Return]]:
    """Yield each call, and each return, with the innermost function that it stands in."""

    def walk(
        node: ast.AST, function: ast.FunctionDef | None
    ) -> Iterator[tuple[ast.FunctionDef | None, ast.Call | ast.Return]]:
        inside = node if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else function
        if isinstance(node, (ast.Call, ast.Return)):
            yield function, node
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inside)  # type: ignore[arg-type]

    yield from walk(tree, None)


def _texts(node: ast.expr, names: Names, seen: frozenset[str]) -> Iterator[str]:
    """Yield the templates that an expression can be."""
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.JoinedStr):
        choices = [list(_parts(part, names, seen)) for part in node.values]
        yield from ("".join(parts) for parts in itertools.product(*choices))
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        for left, right in itertools.product(_texts(node.left, names, seen), _texts(node.right, names, seen)):
            yield left + right
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body, names, seen)
        yield from _texts(node.orelse, names, seen)
    elif isinstance(node, ast.BoolOp):
        said = [text for value in node.values for text in _texts(value, names, seen)]
        yield from [text for text in said if _says_something(text)] or said
    elif (name := _name(node.func if isinstance(node, ast.Call) else node)) in names and name not in seen:
        for value, inner in names[name]:
            yield from _texts(value, {**names, **inner}, seen | {name})
    else:
        yield _ANY


def _parts(part: ast.expr, names: Names, seen: frozenset[str]) -> Iterator[str]:
    if not isinstance(part, ast.FormattedValue):
        yield from _texts(part, names, seen)
        return
    if isinstance(part.value, (ast.Name, ast.Call)):
        # A sentence that was begun before, and not a value: "{said} It goes on rendering."
        found = list(_texts(part.value, names, seen))
        if len(found) <= _MOST_VARIANTS and all(_is_sentence(one) for one in found):
            yield from found
            return
    yield _ANY


def _is_sentence(text: str) -> bool:
    return len(re.findall(r"[^\W\d_]{2,}", text)) >= 3 and text[:1] != " "


def _says_something(text: str) -> bool:
    return len(re.findall(r"[^\W\d_]{2,}", text)) >= 2


def _clean(text: str) -> str:
    text = " ".join(text.split())
    return re.sub(r"…(\s?…)+", _ANY, text)


def _assigned(nodes: Iterable[ast.AST]) -> Names:
    found: Names = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append((node.value, {}))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found.setdefault(node.target.id, []).append((node.value, {}))
    return found


def _assigned_for(call: ast.Call, function: ast.FunctionDef) -> Names:
    """Return what is assigned in a function, but for what leaves it before the call: `if late: said = ...; return ...`."""
    left = [
        (block[0].lineno, block[-1].end_lineno or block[-1].lineno)
        for node in ast.walk(function)
        if node is not function and isinstance(block := getattr(node, "body", None), list) and block
        if isinstance(block[-1], (ast.Return, ast.Raise))
    ]

    def counts(value: ast.expr) -> bool:
        gone = any(begin <= value.lineno <= end and not begin <= call.lineno <= end for begin, end in left)
        return value.lineno <= (call.end_lineno or call.lineno) and not gone

    found = _assigned(ast.walk(function))
    return {name: [one for one in values if counts(one[0])] or values for name, values in found.items()}


def _parameters(function: ast.FunctionDef | None) -> set[str]:
    if function is None:
        return set()
    return {one.arg for one in (*function.args.args, *function.args.kwonlyargs)}


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
