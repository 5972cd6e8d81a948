"""What one task instance has submitted, and whether it may submit again.

A create costs money and has no idempotency key, so every create has a record of its own: an *intent* before it is
sent, the video's id as soon as it is known, and a mark when the task has delivered. Invariants:

* nothing is sent before the intent is written: a store that fails means that nothing is paid;
* a record that cannot be read is never taken for "there is none";
* an intent without an id means that the outcome is unknown: only a person, or the policy that the DAG's author chose, may
  submit again;
* after a clear a video is taken up only for the request that it was made for;
* Airflow's XCom takes no part in this: it is cleared at the start of every try.

:func:`decide_among` is the whole decision, a pure function; :mod:`sora2_provider.submission.stores` has the stores, and
:mod:`sora2_provider.submission.journal` writes what happened.
"""

from __future__ import annotations

import datetime
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sora2_provider.submission.record import Record
from sora2_provider.submission.task_try import TaskTry


@dataclass(frozen=True)
class Submit:
    """Submit the request.

    :param abandoned: the id of a video of an earlier request, or of one that the gateway has lost.
    :param unknown: an earlier submission's outcome is unknown: this may be a second payment, and a person or the policy allowed it.
    """

    abandoned: str | None = None
    unknown: bool = False


@dataclass(frozen=True)
class Resume:
    """Submit nothing: the video is there, or rendering.

    :param changed: the request is another one than the video's by now.
    """

    record: Record
    changed: bool


@dataclass(frozen=True)
class RequestNeeded:
    """The answer rests on whether the request has changed, and the request is not known yet: make it, and ask again."""

    record: Record


@dataclass(frozen=True)
class OutcomeUnknown:
    """Submit nothing and fail: a create was sent, or about to be sent, and what came of it is not known."""

    record: Record


Decision = Submit | Resume | OutcomeUnknown | RequestNeeded


def decide_among(
    records: Mapping[int, Record],
    task_try: TaskTry,
    *,
    digest: str | None,
    on_clear: str = "regenerate",
    on_unknown: str = "fail",
    began: float = math.inf,
) -> tuple[int, Decision]:
    """Say which of a task instance's records a create goes by, and what the try does then.

    :param records: by number, in its order; the first is 1.
    :param digest: see :func:`decide`, like the other parameters.
    :returns: the number of the record, or one that is free; and the decision.
    """
    number = next(_records_for(records, task_try, digest, began), None)
    decision: Decision = Submit()
    if number is not None:
        record = records[number]
        policies = {"on_clear": on_clear, "on_unknown": on_unknown}
        decision = decide(record, epoch=task_try.epoch, digest=digest, began=began, **policies)
        # The video of another request may still be asked for: by a later create of this try, or after a clear.
        has_video = record.video_id is not None and not record.unknown_reported
        kept = has_video and (record.delivered_at is None or on_clear == "reuse")
        if not (isinstance(decision, Submit) and kept):
            return number, decision
    taken = {number for number, record in records.items() if not record.ended} | task_try.claims.used
    return next(number for number in itertools.count(1) if number not in taken), decision


def _records_for(records: Mapping[int, Record], task_try: TaskTry, digest: str | None, began: float) -> Iterator[int]:
    """Yield the numbers of the records that a create may go by, the best first.

    Order and requests are all that tells the creates of one task instance apart, and both may change between two tries.
    So a create goes by the record of its own request, wherever that stands; and else by one that is open, since a
    request may be another one at each try: the prompt of a language model, a time.
    """
    claims = task_try.claims
    mine = {
        number: record
        for number, record in sorted(records.items(), key=lambda one: _rank(one[1], task_try))
        if record.key in (None, task_try.key) and task_try.may_own(record) and not record.ended
    }
    current = {number: record for number, record in mine.items() if record.epoch == task_try.epoch}
    # What has failed in this try, and is called again by the task's code, is not done.
    left = [number for number in (*current, *mine) if number not in claims.done]
    yield from (number for number in left if claims.asked.get(number, mine[number].digest) == digest)
    unused = [number for number in mine if number not in claims.used]
    yield from (number for number in unused if mine[number].video_id is None)
    yield from (number for number in unused if number in current and (mine[number].delivered_at or math.inf) >= began)
    if not task_try.foreign and not claims.used:
        # The process may have ended when the task had delivered, and before Airflow heard of it.
        yield from (number for number in unused if number in current)
    yield from (number for number in unused if number not in current)


def warnings(records: Mapping[int, Record], task_try: TaskTry, digest: str | None) -> Iterator[str]:
    """Yield what a person must be told of the records that a create does not go by.

    These are creates of other requests whose outcome is unknown and that nobody was told of, which may stay alone; and
    records of another deployment where the two have no names.

    :param digest: of the create's request.
    """
    for number, record in records.items():
        told = record.video_id is not None or record.ended or record.unknown_reported
        if task_try.is_of_another_deployment(record):
            continue
        if not task_try.may_own(record):
            yield (
                f"A DAG run of this name that was started at {record.run_started} has left a record at the same place. "
                "Its video is left alone: it is another Airflow's, or the run was deleted and made again. Give each of "
                "several Airflows with one [sora2] state_path a name in the option [sora2] deployment."
            )
        elif not (told or record.digest == digest or number in task_try.claims.used):
            sent_at = datetime.datetime.fromtimestamp(record.intent_at, datetime.UTC)
            yield (
                f"What came of an earlier create of this task, for another request, at {sent_at:%Y-%m-%d %H:%M:%S} UTC with "
                f"connection {record.conn_id!r}, is unknown, too: a video may be rendering, and billed."
            )


def _rank(record: Record, task_try: TaskTry) -> tuple[bool, ...]:
    """Say which record is looked at first: of those that may be another deployment's, one that costs nothing."""
    if record.run_started == task_try.run.started:
        return ()
    is_unknown = record.video_id is None
    return is_unknown and record.unknown_reported, record.delivered_at is not None, is_unknown


def decide(
    record: Record | None,
    *,
    epoch: int,
    digest: str | None,
    on_clear: str = "regenerate",
    on_unknown: str = "fail",
    began: float = math.inf,
) -> Decision:
    """Say what a try does that goes by this record.

    :param epoch: this try's, see :class:`Record`.
    :param digest: of this try's request; ``None`` where the request is made by code of the user's that is not called
        unless it must be. A video that is taken up then counts as unchanged.
    :param on_clear: ``regenerate`` or ``reuse``: what becomes of a delivered video when a person clears the task.
    :param on_unknown: ``fail`` or ``resubmit``: what to do when the outcome of a create is unknown.
    :param began: when this try began, in seconds since the epoch. What another process has delivered or reported since
        then is not what the person knew who cleared the task.
    """
    if record is None:
        return Submit()
    cleared = record.epoch != epoch
    decided = cleared and record.unknown_reported and record.noted_at < began
    if record.video_id is None:
        decided = decided or record.resolution == "submit"
        return Submit(unknown=True) if decided or on_unknown == "resubmit" else OutcomeUnknown(record)
    if decided:
        return Submit(abandoned=record.video_id)
    changed = digest is not None and record.digest != digest
    if cleared:
        if on_clear == "regenerate" and record.delivered_at is not None and record.delivered_at < began:
            return Submit()
        if digest is None:
            return RequestNeeded(record)
        if changed:
            return Submit(abandoned=record.video_id if record.delivered_at is None else None)
    return Resume(record, changed)
