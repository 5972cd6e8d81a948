"""What comes of each outcome in each mode, as the table in docs/waiting.md says it: the one source for all tests of it.

A cell of the table is one of

    returns the id                      an operator succeeds
    returns the video                   a sensor succeeds
    `Exception`: no retry               the task fails; behind it there may be a reason
    `Exception`: a retry waits again    ... for the same video, which is paid for once
    `Exception`: a retry submits the request again
    waits                               the row "completed" holds
    waits until the timeout             the row "timeout" holds, and what this row says of every message
    the same                            as in the cell to the left

and “what is quoted”, there or in the last column, stands in the message. Anything else is refused, so that no word of
the table goes unread.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "waiting.md"

OPERATORS = ("in the operator", "deferred operator")
SENSORS = ("poke", "reschedule", "deferred sensor")
MODES = OPERATORS + SENSORS

_HEAD = (
    "outcome",
    "create operator, waiting or deferred",
    "sensor: poke, deferred",
    "sensor: reschedule",
    "every message says",
)
_COLUMNS = {"in the operator": 1, "deferred operator": 1, "poke": 2, "deferred sensor": 2, "reschedule": 3}


class Retry(enum.Enum):
    """What Airflow's next try does."""

    NONE = "no retry"
    WAITS = "a retry waits again"
    SUBMITS = "a retry submits the request again"


_REFERENCES = {"waits": "completed", "waits until the timeout": "timeout"}
_FAILURE = re.compile(
    rf"`(?P<exception>\w+)`(?: \([^)]*\))?: (?P<retry>{'|'.join(one.value for one in Retry)})(?:$|[,;] )"
)
_QUOTED = re.compile("“([^”]+)”")


@dataclass(frozen=True)
class Told:
    """What the page says of one outcome in one mode."""

    row: str
    """The outcome whose row says it: another one where the table refers to that."""
    exception: str | None
    """The name of what is raised; None where the task succeeds."""
    retry: Retry
    message: tuple[str, ...]
    """What the message holds, beside the video's id and the gateway's own words."""

    @property
    def tries(self) -> int:
        """How many tries a task with one retry makes of it."""
        return 1 if self.retry is Retry.NONE else 2

    @property
    def submits(self) -> int:
        """How many videos such a task pays for, if it creates them."""
        return 2 if self.retry is Retry.SUBMITS else 1


def read_table(text: str) -> dict[str, dict[str, Told]]:
    """Return what a page says, by outcome and mode; ValueError says what cannot be read."""
    rows = _rows(text)
    return {outcome: {mode: _told(rows, outcome, column) for mode, column in _COLUMNS.items()} for outcome in rows}


def _rows(text: str) -> dict[str, list[str]]:
    lines = text.splitlines()
    head = f"| {' | '.join(_HEAD)} |"
    if head not in lines:
        raise ValueError(f"there is no table that begins with {head}")
    rows: dict[str, list[str]] = {}
    for line in takewhile(lambda line: line.startswith("|"), lines[lines.index(head) + 2 :]):
        cells = [cell.strip() for cell in line.removeprefix("|").rstrip().removesuffix("|").split("|")]
        if len(cells) != len(_HEAD) or cells[0] in rows:
            raise ValueError(f"the row {cells[0]!r} has {len(cells)} cells, or is there twice")
        rows[cells[0]] = cells
    return rows


def _told(rows: dict[str, list[str]], outcome: str, column: int) -> Told:
    cells = rows[outcome]
    cell = cells[column]
    if cell == "the same":
        return _told(rows, outcome, column - 1)
    in_every_message = tuple(_QUOTED.findall(cells[-1]))
    if cell in _REFERENCES:
        told = _told(rows, _REFERENCES[cell], column)
        return replace(told, message=told.message + in_every_message)
    if cell == ("returns the id" if column == _COLUMNS["in the operator"] else "returns the video"):
        return Told(outcome, None, Retry.NONE, ())
    failure = _FAILURE.match(cell)
    if failure is None:
        raise ValueError(f"in the row {outcome!r}, {cell!r} cannot be read: {__name__} says what a cell may be")
    return Told(outcome, failure["exception"], Retry(failure["retry"]), (*_QUOTED.findall(cell), *in_every_message))


TABLE = read_table(PAGE.read_text(encoding="utf-8"))
