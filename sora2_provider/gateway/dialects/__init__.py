"""The wires that gateways speak: one file a dialect, found by its name. A new file here is a new dialect."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sora2_provider.gateway.dialects.base import Dialect

#: The wire that a gateway is taken to speak where nothing says otherwise.
UNIFIED = "unified"
OPENAI, GENERATIONS, V2 = "openai", "generations", "v2"


@cache
def dialect(name: str) -> Dialect:
    """Return the dialect that the file of this name defines.

    :raises ValueError: there is no such file; says which there are.
    """
    if name not in (known := dialect_names()):
        raise ValueError(f"dialect={name!r}: it must be one of {', '.join(known)}.")
    found: Dialect = import_module(f"{__name__}.{name}").DIALECT
    return found


def dialect_names() -> list[str]:
    """Return the names of the dialects that are known here."""
    return [module.name for module in pkgutil.iter_modules(__path__) if module.name != "base"]
