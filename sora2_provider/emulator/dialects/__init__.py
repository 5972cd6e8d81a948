"""How each kind of gateway speaks: one file a dialect, found by its name. A new file here is a new dialect."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from sora2_provider.emulator.dialects.base import Dialect


@cache
def load_dialect(name: str) -> Dialect:
    """Return the dialect that the file of this name defines; ``settings.DIALECTS`` lists the names."""
    dialect: Dialect = import_module(f"{__name__}.{name}").DIALECT
    return dialect
