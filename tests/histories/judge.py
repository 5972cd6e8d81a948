"""Says who may submit a video, and what became of each one that was paid for; looks at the task from outside only.

Every bill needs a *leave*. The first one comes with the task instance. Another one is given to a try that starts after
somebody asked for it: a person who cleared the task, the DAG's author by a policy, or the gateway by ending a rendering.
A leave that is used twice is a video that was paid for twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.histories.paid_gateway import PaidVideo
from tests.histories.processes import Process

UNKNOWN, LOST = "The outcome of", "If the gateway has lost it, clear the task"


@dataclass
class Leave:
    """A leave to submit one video.

    :param why: who gave it.
    :param since: when it was begun to be used: the intent was written, or the video billed.
    :param video: the one that it was used for.
    """

    why: str
    made_at: int
    since: int = 0
    video: PaidVideo | None = None
    holders: list[Process] = field(default_factory=list)

    @property
    def is_being_used(self) -> bool:
        """Whether a process has written its intent, and has not sent, or not failed, yet."""
        return any(one.alive and one.sending for one in self.holders)


class Judge:
    """Watches one history. Moments are the numbers of what it was told.

    :param policies: the operator's ``durable``, ``on_clear`` and ``on_unknown_submission``.
    :param fenced: whether the record's store refuses a process that Airflow has given up. Where it does not, what such a
        process notes after a person's clear cannot be told from what was noted before it.
    """

    def __init__(self, policies: dict[str, Any], *, fenced: bool) -> None:
        self._fenced = fenced
        self._policies = policies
        self._moment = 0
        self._leave = Leave("the task instance", 0)
        self._tokens: set[str] = set()
        self._stored: set[str] = set()
        self._reports: list[int] = []
        self._late_reports: list[int] = []
        self._failures: list[str] = []
        self._given_up: set[str] = set()
        self._cleared_at = self._ended_at = self._removed_at = 0
        self._dead: set[Process] = set()
        self.billed: list[PaidVideo] = []
        self.charges: list[str] = []
        self.asked: list[str] = []

    def _now(self) -> int:
        self._moment += 1
        return self._moment

    def try_starts(self, process: Process, request: Any) -> None:
        """Give a try its leave: a new one where somebody asked for another video."""
        if (self._leave.video or self._leave.is_being_used) and (why := self._asked(self._leave, request)):
            self.asked.append(why)
            self._leave = Leave(why, self._now())
        process.leave = self._leave
        self._leave.holders.append(process)

    def resumes(self, process: Process) -> None:
        """A task that comes back from its deferral has no leave at all."""
        process.leave = Leave("none", 0, video=PaidVideo("no video", None, "", 0.0))

    def bills(self, process: Process, video: PaidVideo) -> None:
        video.at, video.by = self._now(), process
        self.billed.append(video)
        spent = process.leave.video
        if spent is not None and not self._cannot_be_held(process, spent):
            self.charges.append(f"{process} paid for {video.id}, but its leave was spent on {spent.id}")
        process.leave.video = video
        process.leave.since = video.begun_at = process.leave.since or video.at

    def record_taken(self, process: Process, record: dict[str, Any]) -> None:
        video = next((one for one in self.billed if one.id == record.get("video_id")), None)
        if video is not None:
            self._stored.add(video.id)
            if record.get("delivered_at") and video.delivered_at is None:
                video.delivered_at, video.delivered_unheard = self._now(), process in self._dead
        elif record["token"] not in self._tokens:
            process.sending = True
            if process.leave.video is None:
                process.leave.since = self._now()
        self._tokens.add(record["token"])

    def record_removed(self) -> None:
        self._removed_at = self._now()

    def cleared(self) -> None:
        self._cleared_at = self._now()

    def ends(self, process: Process) -> None:
        """A process was killed, or Airflow believes so, or wants it to be: nobody waits for it any more."""
        self._ended_at = self._now()
        self._dead.add(process)

    def hears(self, process: Process, text: str, *, failure: bool) -> None:
        """Take what a task says, in its log or as it fails."""
        if UNKNOWN in text or LOST in text:
            self._reports.append(self._now())
            if process in self._dead:
                self._late_reports.append(self._moment)
        if failure:
            self._failures.append(text)
        if "is given up" in text:
            self._given_up.update(one.id for one in self.billed if one.id in text)

    def delivered(self, video_id: str) -> None:
        video = next(one for one in self.billed if one.id == video_id)
        video.noted = True
        video.delivered_at = video.delivered_at or self._now()

    def fate(self, video: PaidVideo) -> str:
        """Say what became of a video that was paid for; ``""`` where it is lost."""
        if video.noted:
            return "delivered"
        if video.end_told:
            return "ended without a video"
        if video.delivered_at is not None:
            return "delivered, and the process killed before Airflow heard of it"
        if any(video.id in text for text in self._failures):
            return "named in a failure"
        if any(told > video.begun_at for told in self._reports):
            return "reported as unknown"
        if video.id in self._given_up:
            return "given up for a changed request"
        ended = video.by in self._dead or max(self._cleared_at, self._ended_at) > video.at
        if not self._policies["durable"] and ended:
            return "not durable, and its process killed or the task cleared"
        if self._policies["on_unknown_submission"] == "resubmit" and video.id not in self._stored:
            return "resubmitted by policy"
        return ""

    def _cannot_be_held(self, process: Process, spent: PaidVideo) -> bool:
        """Whether nothing could keep a process from paying that Airflow believes dead, though its leave was spent.

        Only a record can. There is none where the task wants none. A storage path has none any more when a create was
        refused or a rendering has ended; and what another such process wrote there looks older than the clear.
        """
        if not self._policies["durable"]:
            return process in self._dead or spent.by in self._dead
        if self._fenced or process not in self._dead:
            return False
        leave = process.leave
        late = spent.delivered_unheard or any(told > leave.since for told in self._late_reports)
        return self._removed_at > leave.made_at or (late and self._cleared_at > leave.made_at)

    def _asked(self, leave: Leave, request: Any) -> str:
        """Return who asked for another video than the last one; ``""`` for nobody."""
        video, policies, since = leave.video, self._policies, leave.since
        cleared, asked_lately = self._cleared_at > since, self._cleared_at > leave.made_at
        late = asked_lately and not self._fenced
        if video is not None and video.end_told:
            return "the rendering ended"
        if policies["on_unknown_submission"] == "resubmit" and (video is None or video.id not in self._stored):
            return "the policy for unknown outcomes"
        if any(self._cleared_at > told > since for told in self._reports):
            return "a person, told that it is unknown or lost"
        if late and any(told > since for told in self._late_reports):
            return "a person, and a process that was believed dead reported after that"
        if not policies["durable"]:
            killed = self._ended_at > leave.made_at
            return "not durable: a kill or a clear" if asked_lately or killed else ""
        if video is None or policies["on_clear"] != "regenerate":
            return ""
        if video.delivered_at is not None and self._cleared_at > video.delivered_at:
            return "a person, after the delivery"
        if late and video.delivered_unheard:
            return "a person, and a process that was believed dead delivered after that"
        if cleared and request != video.request:
            return "a person, with a changed request"
        return ""
