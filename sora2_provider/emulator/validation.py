"""Checks the fields of a frozen dataclass against their annotations: a wrong type is refused, never converted.

Not pydantic, because Airflow 2.11 can be installed without it, and the canned emulator must run without extras.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

_Kind = TypeVar("_Kind")


@dataclass(frozen=True)
class Within:
    """The bounds of a number, both included: ``Annotated[int, Within(1)]``."""

    low: float
    high: float = math.inf

    def __str__(self) -> str:
        return f"{self.low} or more" if self.high == math.inf else f"{self.low} to {self.high}"


_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", NoneType: "null"}

_hints: Callable[..., dict[str, Any]] = cache(get_type_hints)


def check_fields(value: Any) -> None:
    """Raise ValueError for the first field whose value does not fit its annotation."""
    for name, hint in _hints(type(value), include_extras=True).items():
        content = getattr(value, name)
        if not _fits(content, hint):
            raise ValueError(f"{name} must be {_describe(hint)}, not {content!r}")


def read_fields(kind: type[_Kind], data: Any) -> _Kind:
    """Return the dataclass that a JSON object describes; ValueError says what is allowed."""
    parameters = inspect.signature(kind).parameters
    if not isinstance(data, dict):
        raise ValueError(f"give a JSON object with any of: {', '.join(parameters)}")
    check_names(data, parameters, "field")
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in data:
            raise ValueError(f"{name} is required")
    return kind(**data)


def check_names(names: Iterable[str], allowed: Collection[str], noun: str) -> None:
    for name in names:
        if name not in allowed:
            raise ValueError(f"unknown {noun} {name!r}; allowed: {', '.join(allowed)}")


def _fits(value: Any, hint: Any) -> bool:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is Annotated:
        return _fits(value, parts[0]) and parts[1].low <= value <= parts[1].high
    if origin is Literal:
        return isinstance(value, str) and value in parts
    if origin is Mapping:
        return isinstance(value, Mapping) and all(isinstance(text, str) for pair in value.items() for text in pair)
    if hint is float:
        return _fits(value, int) or (isinstance(value, float) and math.isfinite(value))
    return hint is Any or (isinstance(value, hint) and (hint is bool or not isinstance(value, bool)))


def _describe(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(map(_describe, parts))
    if origin is Annotated:
        return f"{_describe(parts[0])}, {parts[1]}"
    if origin is Literal:
        return f"one of {', '.join(parts)}"
    return "an object of texts" if origin is Mapping else _WORDS[hint]
