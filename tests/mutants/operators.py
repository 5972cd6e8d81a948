"""What is changed: comparisons, conditions, flags, returned values, and statements that are left out.

Most are operators of Cosmic Ray. Those it lacks stand here, made as it wants them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import parso
from cosmic_ray.operators.boolean_replacer import (
    ReplaceAndWithOr,
    ReplaceFalseWithTrue,
    ReplaceOrWithAnd,
    ReplaceTrueWithFalse,
)
from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.operators.provider import OperatorProvider

#: In place of each comparison: its opposite, and the one that differs only where both sides are equal.
_COMPARISONS = {
    "Lt": ("LtE", "GtE"),
    "LtE": ("Lt", "Gt"),
    "Gt": ("GtE", "LtE"),
    "GtE": ("Gt", "Lt"),
    "Eq": ("NotEq",),
    "NotEq": ("Eq",),
    "Is": ("IsNot",),
    "IsNot": ("Is",),
}
_LOG_LINE = re.compile(r"(self\.)?_?log(ger)?\.(debug|info|warning|error|exception|log)\b")
_STATEMENTS = ("expr_stmt", "atom_expr", "raise_stmt", "del_stmt", "yield_expr", "await_expr")
#: A statement under it is compiled, so that names stay what they are, and not run.
LEFT_OUT = "if False: "


class _Replacement(Operator):
    """Changes one node into another text."""

    def places(self, node: Any) -> Iterable[tuple[int, str]]:
        """Yield which children of a node are replaced, and by what."""
        raise NotImplementedError

    def mutation_positions(self, node: Any) -> Iterable[Any]:
        for child, _ in self.places(node):
            yield node.children[child].start_pos, node.children[child].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        child, text = list(self.places(node))[index]
        node.children[child] = parso.parse(node.children[child].get_first_leaf().prefix + text)
        return node


def _code(node: Any) -> str:
    return str(node.get_code(include_prefix=False))


class NegateCondition(_Replacement):
    """Takes the other branch of an ``if``, a ``while`` or a conditional expression, or the other items of a comprehension."""

    def places(self, node: Any) -> Iterable[tuple[int, str]]:
        conditions: Sequence[int] = ()
        if node.type in ("if_stmt", "while_stmt"):
            conditions = [
                at + 1
                for at, child in enumerate(node.children)
                if getattr(child, "value", "") in ("if", "elif", "while")
            ]
        elif node.type == "ternary" or (node.type == "test" and len(node.children) == 5):
            conditions = (2,)
        elif node.type in ("comp_if", "sync_comp_if"):
            conditions = (1,)
        for at in conditions:
            condition = node.children[at]
            # The others are negated by themselves.
            if condition.type not in ("comparison", "not_test"):
                yield at, f"(not ({_code(condition)}))"

    @classmethod
    def examples(cls) -> Iterable[Example]:
        return (Example("if a or b: pass", "if (not (a or b)): pass"),)


class DropOperand(_Replacement):
    """Leaves one side of ``and`` or ``or`` out."""

    def places(self, node: Any) -> Iterable[tuple[int, str]]:
        if node.type in ("and_test", "or_test"):
            neutral = "True" if node.type == "and_test" else "False"
            for at in range(0, len(node.children), 2):
                yield at, neutral

    @classmethod
    def examples(cls) -> Iterable[Example]:
        return (Example("a and b", "True and b"),)


class DropNot(_Replacement):
    """Takes ``not`` away."""

    def places(self, node: Any) -> Iterable[tuple[int, str]]:
        if node.type == "not_test":
            yield 0, "bool"

    def mutate(self, node: Any, index: int) -> Any:
        prefix = node.get_first_leaf().prefix
        return parso.parse(f"{prefix}bool({_code(node.children[1])})")

    @classmethod
    def examples(cls) -> Iterable[Example]:
        return (Example("not a", "bool(a)"),)


class NegateMembership(_Replacement):
    """Swaps ``in`` and ``not in``."""

    def places(self, node: Any) -> Iterable[tuple[int, str]]:
        if node.type == "comparison":
            for at, child in enumerate(node.children):
                if at % 2 and _code(child).split() in (["in"], ["not", "in"]):
                    yield at, "not in" if _code(child) == "in" else "in"

    @classmethod
    def examples(cls) -> Iterable[Example]:
        return (Example("a in b", "a not in b"),)


class ReturnNone(_Replacement):
    """Returns nothing."""

    def places(self, node: Any) -> Iterable[tuple[int, str]]:
        if node.type == "return_stmt" and _code(node.children[1]) not in ("None", "True", "False"):
            yield 1, "None"

    @classmethod
    def examples(cls) -> Iterable[Example]:
        return (Example("return a", "return None"),)


class LeaveOut(_Replacement):
    """Leaves a statement out; a line of the log stays."""

    def places(self, node: Any) -> Iterable[tuple[int, str]]:
        if node.type != "simple_stmt":
            return
        statement = node.children[0]
        does = statement.type in _STATEMENTS or getattr(statement, "value", "") in ("return", "continue", "break")
        if does and not self.is_declaration(statement) and not self.is_log_line(statement):
            yield 0, LEFT_OUT + _code(statement)

    @staticmethod
    def is_declaration(statement: Any) -> bool:
        """Whether it gives a name a type and nothing else."""
        annotation = statement.children[1] if statement.type == "expr_stmt" else None
        return annotation is not None and annotation.type == "annassign" and len(annotation.children) == 2

    @staticmethod
    def is_log_line(statement: Any) -> bool:
        return bool(_LOG_LINE.match(_code(statement)))

    @classmethod
    def examples(cls) -> Iterable[Example]:
        return (Example("a()\n", "if False: a()\n"),)


def operators() -> list[Operator]:
    """Return one of each."""
    provided = OperatorProvider()
    comparisons = [
        provided[f"ReplaceComparisonOperator_{before}_{after}"]
        for before, replacements in _COMPARISONS.items()
        for after in replacements
    ]
    own = (NegateCondition, DropOperand, DropNot, NegateMembership, ReturnNone, LeaveOut)
    booleans = (ReplaceAndWithOr, ReplaceOrWithAnd, ReplaceTrueWithFalse, ReplaceFalseWithTrue)
    return [operator() for operator in (*comparisons, *booleans, *own)]
