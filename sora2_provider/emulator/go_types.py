"""Types as servers read them that are written in Go: a wrong one is refused, never converted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TYPES = {str: "string", int: "int", bool: "bool", list: "[]string", dict: "map[string]interface {}"}
_KINDS = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}


def wrong_type(value: Any, field: str, kind: type) -> str | None:
    """Return what Go says where the value is not exactly of this kind, else None."""
    # Not isinstance: in Python, but not in JSON, true is an integer.
    if type(value) is kind:
        return None
    return f"{cannot_unmarshal(value)} field {field} of type {_TYPES[kind]}"


def cannot_unmarshal(value: Any) -> str:
    return f"json: cannot unmarshal {_KINDS.get(type(value), 'null')} into Go struct"


def first_wrong_type(fields: Mapping[str, Any], kinds: Mapping[str, type], struct: str) -> str | None:
    """Return what Go says of the first field of a wrong type; absent ones and null are the type's zero."""
    for name, kind in kinds.items():
        value = fields.get(name)
        if value is None:
            continue
        wrong = wrong_type(value, f"{struct}.{name}", kind)
        if wrong is None and kind is list:
            wrong = next((w for one in value if (w := wrong_type(one, f"{struct}.{name}", str))), None)
        if wrong:
            return wrong
    return None
