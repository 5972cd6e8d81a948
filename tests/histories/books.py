"""What the judge writes down: leaves to pay, creates that a task's code asks for, and what each process has had."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from tests.histories.paid_gateway import PaidVideo
from tests.histories.processes import Process

#: What a task says of a create or a video.
UNKNOWN, ALSO_UNKNOWN = "The outcome of", "What came of an earlier create"
LOST = "If the gateway has lost it, clear the task"
TAKEN_UP, GIVEN_UP = "is taken up again", "is given up"


@dataclass(eq=False)
class Leave:
    """A leave to submit one video.

    :param why: who gave it.
    :param since: when it was begun to be used: the intent was written, or the video billed.
    :param video: the one that it was used for.
    :param taken_at: when it was given, or a try of a later epoch took its video over.
    :param told: when a person was told that what it was used for is unknown or lost.
    :param told_late: those of them by processes that nobody waited for any more.
    """

    judge: Any
    why: str
    key: str
    request: Any
    made_at: int
    since: int = 0
    video: PaidVideo | None = None
    taken_at: int = 0
    holders: list[Process] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    told_late: list[int] = field(default_factory=list)

    @property
    def is_being_used(self) -> bool:
        """Whether a process has written its intent, and has not sent, or not failed, yet."""
        return any(one.alive and one.sending is self for one in self.holders)

    @property
    def is_unknown(self) -> bool:
        """Whether no record says what it was used for."""
        return self.video is None or not self.video.stored


@dataclass(eq=False)
class Create:
    """One call of a create, by a task's code.

    :param row: which one of the code's creates; a call that is repeated is of the same row.
    """

    row: int
    key: str
    request: Any
    leave: Leave | None = None


@dataclass(eq=False)
class Trial:
    """A process, as its judge sees it.

    :param asked: the leaves that somebody has asked to be given again, before it began; and who.
    :param cleared_at: when the task was cleared last, before it began.
    :param wants: the key and the request of each of its creates.
    :param rows: of the leaves that its creates go by.
    :param given: the videos that its creates have returned, by row.
    """

    began: int
    cleared_at: int
    asked: dict[Leave, str]
    wants: list[tuple[str, Any]]
    resumed: bool = False
    create: Create | None = None
    rows: dict[Leave, int] = field(default_factory=dict)
    given: dict[int, str] = field(default_factory=dict)


class Books:
    """What the judges of all task instances know. Moments are the numbers of what they were told."""

    def __init__(self) -> None:
        self._moments = itertools.count(1)
        #: Of each intent, and the leave that it was written with.
        self.tokens: dict[str, Leave] = {}
        self.videos: dict[str, PaidVideo] = {}

    def now(self) -> int:
        return next(self._moments)
