"""The wires that gateways speak: one file a dialect, found by its name. A new file here is a new dialect.

A file names its class ``DIALECT``; ``settings.DIALECTS`` lists the names.
"""

from __future__ import annotations

from importlib import import_module

from sora2_provider.emulator.dialects.base import Dialect


def dialect_class(name: str) -> type[Dialect]:
    """Return the dialect that the file of this name defines."""
    dialect: type[Dialect] = import_module(f"{__name__}.{name}").DIALECT
    return dialect
