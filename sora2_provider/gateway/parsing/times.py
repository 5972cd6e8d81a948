"""Times in answers: seconds, milliseconds or ISO 8601, told apart by their size and form."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pendulum

from sora2_provider.gateway.parsing.fields import Json

_DateTime, _UTC = pendulum.DateTime, pendulum.UTC


def moment(body: Json, *keys: str) -> pendulum.DateTime | None:
    """Return the first time (UTC) under one of the keys, in the body or its data: seconds, milliseconds, ISO 8601."""
    for root in (body, body.get("data")):
        if isinstance(root, dict):
            for key in keys:
                if key in root and (found := as_moment(root[key])) is not None:
                    return found
    return None


def as_moment(value: Any) -> pendulum.DateTime | None:
    """Return a time in UTC. Numbers above 1e11 are milliseconds (seen on two gateways), above 1e14 microseconds."""
    if isinstance(value, str):
        text = value.strip()[:40]
        try:
            value = float(text)
        except ValueError:
            return _iso(text)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e17:
        return None
    seconds = value / 1e6 if value > 1e14 else value / 1e3 if value > 1e11 else float(value)
    try:
        return _in_utc(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _iso(text: str) -> pendulum.DateTime | None:
    try:
        read = datetime.fromisoformat(text)
        return _in_utc(read.astimezone(UTC) if read.tzinfo else read)
    except (ValueError, OverflowError):
        return None


def _in_utc(moment: datetime) -> pendulum.DateTime:
    """Return what ``pendulum.instance`` makes of a time in UTC, in a tenth of its time."""
    date = (moment.year, moment.month, moment.day)
    return _DateTime(*date, moment.hour, moment.minute, moment.second, moment.microsecond, _UTC)
