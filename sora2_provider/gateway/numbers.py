"""Numbers in whichever form they come from DAG files, templates, XComs and tables."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from numbers import Real
from typing import Any

#: What a template makes of a number: ``15``, ``15.0`` and ``7.5``, but no ``1e1`` and no ``15s``.
_WRITTEN = r"[+-]?[0-9]{1,15}(\.[0-9]{0,20})?"


def number_of(value: Any) -> float | None:
    """Return the number that a value means, a ``timedelta`` in seconds; ``None`` where it means none. It may be infinite."""
    if isinstance(value, bool):
        return None
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str):
        text = value.strip()
        return float(text) if re.fullmatch(_WRITTEN, text) else None
    if not isinstance(value, (Real, Decimal)) and not hasattr(value, "__index__"):
        return None
    try:
        # What has only ``__index__`` is an integer, too.
        return float(value)
    except (OverflowError, TypeError, ValueError):
        return None
