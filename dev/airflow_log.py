"""Airflow's console log, read line by line: which lines are the provider's own."""

from __future__ import annotations

import re

#: Airflow 3 pads the message and adds key=value pairs behind the logger; the harness sets the same order for 2.
_OWN_LINE = re.compile(r"^\d{4}-\S+ \[(?P<level>\w+) *\] (?P<message>.*?) +\[[\w.]*\bsora2_provider\b[\w.]*\](?: .*)?$")


def own_message(line: str) -> str | None:
    """Return the message of a line that the provider logged, with its level if that is worth a look; else None."""
    match = _OWN_LINE.match(line)
    if match is None:
        return None
    level = match["level"].lower()
    return match["message"] if level in {"info", "debug"} else f"{level}: {match['message']}"
