"""Says which creates of a task instance may be paid for, and what became of each video; looks at it from outside only.

The rules, in plain words. Every bill needs a *leave*, and a leave is used once.

* Each create that a task's code asks for has a leave: one for each request, as often as one try asks for it. The next try
  has the same leaves, not new ones.
* A create whose request is new has the leave of what an earlier try has left open and nothing asks for any more: a video
  that was not delivered, or an outcome that is unknown. Only a clear makes another request another video, and only where the
  outcome is known. A task that is itself the create goes on with a delivered video, too: it may have been killed before
  Airflow heard of it.
* Operators with task ids of their own, task instances, and deployments have leaves of their own.
* A leave is given again where somebody asked for it: a person who cleared a task that had delivered, or that had said
  that the outcome is unknown or the video lost; the DAG's author by a policy; the gateway by ending the rendering.
* A process that was told to stop pays for nothing but for the create that is on the wire.
* No create is given the video of another request, but in a retry one that was left open; and no two of one try the same.
"""

from __future__ import annotations

from typing import Any

from tests.histories.books import ALSO_UNKNOWN, GIVEN_UP, LOST, TAKEN_UP, UNKNOWN, Books, Create, Leave, Trial
from tests.histories.paid_gateway import PaidVideo
from tests.histories.processes import Process


class Judge:
    """Watches one task instance.

    :param policies: the operator's ``durable``, ``on_clear`` and ``on_unknown_submission``.
    :param fenced: whether the record's store refuses a process that Airflow has given up. Where it does not, what such a
        process notes after a person's clear cannot be told from what was noted before it.
    :param is_itself: whether the task itself is the create operator.
    :param creates_one: and nothing else.
    """

    def __init__(
        self, policies: dict[str, Any], books: Books, *, fenced: bool, is_itself: bool, creates_one: bool
    ) -> None:
        self._policies, self._books, self._fenced = policies, books, fenced
        self._is_itself, self._creates_one = is_itself, creates_one
        self._leaves: list[Leave] = []
        self._wanted: list[Any] = []
        self._mentioned: set[PaidVideo] = set()
        self._failures: list[str] = []
        self._given_up: set[str] = set()
        self._cleared_at = self._ended_at = self._removed_at = 0
        self._dead: set[Process] = set()
        self.billed: list[PaidVideo] = []
        self.charges: list[str] = []
        self.asked: list[str] = []

    def starts(self, process: Process, wants: list[tuple[str, Any]], *, resumed: bool) -> None:
        """Take note of a process. One that comes back from its deferral has no leave at all.

        :param wants: the keys and requests of the creates that its code is made of.
        """
        self._wanted = [request for _, request in wants]
        asked = {leave: why for leave in self._leaves if (why := self._asked(leave))}
        process.trial = Trial(self._books.now(), self._cleared_at, asked, wants, resumed)

    def begins(self, process: Process, create: Create) -> None:
        process.trial.create = create

    def bills(self, process: Process, video: PaidVideo) -> None:
        video.at, video.by = self._books.now(), process
        video.epochs.add(process.max_tries)
        self._books.videos[video.id] = video
        self.billed.append(video)
        leave = self._leave(process)
        spent = leave.video
        if process.trial.resumed:
            self.charges.append(f"{process} paid for {video.id}, after a deferral")
        elif spent is not None and not self._cannot_be_held(process, leave, spent):
            self.charges.append(f"{process} paid for {video.id}, but its leave was spent on {spent.id}")
        if process.stopped_at is not None and process.on_wire_at >= process.stopped_at:
            self.charges.append(f"{process} paid for {video.id} after it was told to stop")
        video.leave, leave.video, leave.request = leave, video, video.request
        leave.since = video.begun_at = leave.since or video.at

    def record_taken(self, process: Process, record: dict[str, Any]) -> None:
        video = self._books.videos.get(record.get("video_id") or "")
        if record.get("ended"):
            self._removed_at = self._books.now()
        elif video is not None:
            video.stored = True
            if record["epoch"] not in video.epochs:
                video.epochs.add(record["epoch"])
                video.leave.taken_at = process.trial.began
            if record.get("delivered_at") and video.delivered_at is None:
                video.delivered_at, video.delivered_unheard = self._books.now(), process in self._dead
        elif record["token"] not in self._books.tokens:
            leave = process.sending = self._leave(process)
            if leave.video is None:
                leave.since, leave.request = self._books.now(), process.trial.create.request
            self._books.tokens[record["token"]] = leave

    def record_removed(self) -> None:
        self._removed_at = self._books.now()

    def cleared(self) -> None:
        self._cleared_at = self._books.now()

    def ends(self, process: Process) -> None:
        """A process was killed, or Airflow believes so, or wants it to be: nobody waits for it any more."""
        self._ended_at = self._books.now()
        self._dead.add(process)

    def hears(self, process: Process, text: str, *, failure: bool) -> None:
        """Take what a task says, in its log or as it fails."""
        if UNKNOWN in text or LOST in text:
            now, trial = self._books.now(), process.trial
            named = self._named(process, text)
            if not any(row == trial.create.row for row in trial.rows.values()):
                trial.rows.update((leave, trial.create.row) for leave in named[:1])
            for leave in named:
                leave.told.append(now)
                if process in self._dead:
                    leave.told_late.append(now)
        if failure:
            self._failures.append(text)
        if ALSO_UNKNOWN in text:
            self._mentioned.update(one for one in self.billed if one.leave.is_unknown)
        if TAKEN_UP in text:
            for video in self._books.videos.values():
                if video.id in text:
                    process.trial.rows[video.leave] = process.trial.create.row
        if GIVEN_UP in text:
            self._given_up.update(one.id for one in self.billed if one.id in text)

    def returns(self, process: Process, create: Create, video_id: str) -> None:
        """A create has returned a video to the task's code."""
        video, trial = self._books.videos[video_id], process.trial
        trial.rows[video.leave] = create.row
        if any(given == video_id for row, given in trial.given.items() if row != create.row):
            self.charges.append(f"{process} was given {video_id} twice")
        trial.given[create.row] = video_id
        if video not in self.billed:
            self.charges.append(f"{process} was given {video_id}, which is another task's")
        elif video.request != create.request and not trial.resumed:
            done = video.delivered_at is not None and video.delivered_at < trial.began
            if process.max_tries not in video.epochs or (done and not (self._is_itself and create.row == 0)):
                self.charges.append(f"{process} was given {video_id}, which is of another request")

    def delivered(self, process: Process) -> None:
        """Airflow has heard of a task's success."""
        for video_id in process.trial.given.values():
            video = self._books.videos[video_id]
            video.noted = True
            video.delivered_at = video.delivered_at or self._books.now()

    def fate(self, video: PaidVideo, recorded: set[str]) -> str:
        """Say what became of a video that was paid for; ``""`` where it is lost.

        :param recorded: the videos that the records name, when all is over.
        """
        if video.noted:
            return "delivered"
        if video.end_told:
            return "ended without a video"
        if video.delivered_at is not None:
            return "delivered, and Airflow did not hear of it"
        if any(video.id in text for text in self._failures):
            return "named in a failure"
        if any(told > video.begun_at for told in video.leave.told):
            return "reported as unknown"
        if video in self._mentioned:
            return "mentioned as unknown, beside another request's video"
        if video.id in self._given_up:
            return "given up for a changed request"
        ended = video.by in self._dead or max(self._cleared_at, self._ended_at) > video.at
        if not self._policies["durable"] and (ended or not self._creates_one):
            return "not durable, and its process killed, the task cleared, or another create of its code failed"
        if self._policies["on_unknown_submission"] == "resubmit" and not video.stored:
            return "resubmitted by policy"
        if video.id in recorded and not (self._creates_one and video.request in self._wanted):
            return "left out by the task's code, with its record there"
        return ""

    def _leave(self, process: Process) -> Leave:
        """Return the leave of the create that a process is about to send."""
        create = process.trial.create
        if create.leave is None:
            create.leave = self._found(process, create) or self._made(process, create)
            create.leave.holders.append(process)
            process.trial.rows[create.leave] = create.row
        return create.leave

    def _made(self, process: Process, create: Create) -> Leave:
        usual = "a person, with a changed request" if self._creates_one else "another create of the task"
        why = next(iter(process.trial.asked.values()), usual) if self._leaves else "the task"
        if self._leaves:
            self.asked.append(why)
        began = process.trial.began
        leave = Leave(self, why, create.key, create.request, made_at=began, taken_at=began)
        self._leaves.append(leave)
        return leave

    def _found(self, process: Process, create: Create) -> Leave | None:
        """Return a leave that is there for a create already; ``None``: it is one that nothing was paid for yet."""
        trial = process.trial
        mine = [
            leave
            for leave in self._leaves
            if leave.key == create.key
            and (leave.video is not None or leave.is_being_used or leave.told)
            and trial.rows.get(leave, create.row) == create.row
        ]
        same = [leave for leave in mine if leave.request == create.request]
        others = [one for one in mine if (one.key, one.request) not in trial.wants and self._is_left_open(one, trial)]
        return next((leave for leave in same or others if not self._is_free(leave, process)), None)

    def _is_free(self, leave: Leave, process: Process) -> bool:
        """Whether what a leave was used for keeps nobody from paying again."""
        video = leave.video
        if leave in process.trial.asked:
            return True
        if video is None:
            return False
        # Code that calls a create again has nothing but the record.
        mine = video.by is process and (not self._policies["durable"] or bool(self._asked(leave)))
        return video.end_told or mine

    def _is_left_open(self, leave: Leave, trial: Trial) -> bool:
        """Whether a create of another request goes by a leave."""
        if leave.is_unknown:
            return True
        if trial.cleared_at > leave.taken_at or leave.video is None:
            return False
        return leave.video.delivered_at is None or (self._is_itself and trial.create.row == 0)

    def _named(self, process: Process, text: str) -> list[Leave]:
        """Return the leaves that a report is of."""
        if named := [one for one in self._leaves if one.video is not None and one.video.id in text]:
            return named
        create, rows = process.trial.create, process.trial.rows
        unknown = [
            one
            for one in self._leaves
            if one.is_unknown
            and (one.video is not None or one.is_being_used or one is create.leave)
            and one.key == create.key
            and rows.get(one, create.row) == create.row
        ]
        return [one for one in unknown if one.request == create.request] or unknown

    def _cannot_be_held(self, process: Process, leave: Leave, spent: PaidVideo) -> bool:
        """Whether nothing could keep a process from paying that Airflow believes dead, though its leave was spent.

        Only a record can. There is none where the task wants none. A storage path has none any more when a create was
        refused or a rendering has ended; and what another such process wrote there looks older than the clear.
        """
        if not self._policies["durable"]:
            # Code that goes on after a stop, and calls its create again, hides what came of the first one.
            return process in self._dead or spent.by in self._dead or spent.by.stopped_at is not None
        if self._fenced or process not in self._dead:
            return False
        late = spent.delivered_unheard or any(told > leave.since for told in leave.told_late)
        return self._removed_at > leave.made_at or (late and self._cleared_at > leave.made_at)

    def _asked(self, leave: Leave) -> str:
        """Return who has asked for another video than a leave's; ``""`` for nobody."""
        video, policies, since = leave.video, self._policies, leave.since
        asked_lately = self._cleared_at > leave.made_at
        late = asked_lately and not self._fenced
        if video is not None and video.end_told:
            return "the rendering ended"
        if policies["on_unknown_submission"] == "resubmit" and leave.is_unknown:
            return "the policy for unknown outcomes"
        if any(self._cleared_at > told > since for told in leave.told):
            return "a person, told that it is unknown or lost"
        if late and any(told > since for told in leave.told_late):
            return "a person, and a process that was believed dead reported after that"
        if not policies["durable"]:
            if not self._creates_one:
                return "not durable: nothing tells the creates of its code apart"
            killed = self._ended_at > leave.made_at
            return "not durable: a kill or a clear" if asked_lately or killed else ""
        if video is None or policies["on_clear"] != "regenerate":
            return ""
        if video.delivered_at is not None and self._cleared_at > video.delivered_at:
            return "a person, after the delivery"
        if late and video.delivered_unheard:
            return "a person, and a process that was believed dead delivered after that"
        return ""
