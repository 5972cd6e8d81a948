"""What Airflow's logs must say of a task that runs again, and the table of what that has cost."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.conftest import ForPeople
from tests.faults.fault_world import Told, show_table

#: {id} is any id that the gateway has billed.
RESUMED = "Video {id} of an earlier try is taken up again; nothing is submitted."
UNKNOWN = "The outcome of the create that was sent"
UNKNOWN_BEFORE = "The outcome of that create is unknown, so nothing was submitted now."
DECIDED = "An earlier create of this task may have been paid for; as decided, another one is submitted now."
TIMED_OUT = "Video {id} was not completed after"


def count(log: str, message: str) -> int:
    """Return how often a message stands in a log."""
    return len(re.findall(re.escape(message).replace(re.escape("{id}"), r"\S+"), log))


def says(log: str, message: str) -> bool:
    """Whether it stands there at all."""
    return count(log, message) > 0


def show_reruns(for_people: ForPeople, told: Mapping[str, Told]) -> None:
    """Print what was paid for, and how it ended."""
    rows = [
        (
            name,
            len(each.billed),
            each.state,
            "yes" if says(each.log, UNKNOWN) or says(each.log, UNKNOWN_BEFORE) else "no",
        )
        for name, each in told.items()
    ]
    with for_people():
        show_table("What runs again, and is paid for", ("", "billed", "at the end", "was unknown"), rows)
