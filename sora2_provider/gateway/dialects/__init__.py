"""The wires that gateways speak: one file each, and one line here."""

from __future__ import annotations

from sora2_provider.gateway.dialects.base import Dialect
from sora2_provider.gateway.dialects.unified import UnifiedDialect

_DIALECTS: dict[str, Dialect] = {"unified": UnifiedDialect()}


def dialect(name: str) -> Dialect:
    """Return the dialect of a name.

    :raises ValueError: there is none; says which there are.
    """
    if name not in _DIALECTS:
        raise ValueError(f"dialect={name!r}: it must be one of {', '.join(_DIALECTS)}.")
    return _DIALECTS[name]
