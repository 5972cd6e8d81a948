"""What one task instance has submitted, and whether it may submit again.

A create costs money and has no idempotency key, so every task instance keeps a record of its own: an *intent* before
the create is sent, the video's id as soon as it is known, and a mark when the task has delivered. Invariants:

* nothing is sent before the intent is written: a store that fails means that nothing is paid;
* a record that cannot be read is never taken for "there is none";
* an intent without an id means that the outcome is unknown: only a person, or the policy that the DAG's author chose, may
  submit again;
* Airflow's XCom takes no part in this: it is cleared at the start of every try.

:func:`decide` is the whole decision, a pure function; :mod:`sora2_provider.submission.stores` has the stores, and
:mod:`sora2_provider.submission.journal` writes what happened.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sora2_provider.submission.record import Record


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


def decide(
    record: Record | None,
    *,
    epoch: int,
    digest: str | None,
    on_clear: str = "regenerate",
    on_unknown: str = "fail",
    began: float = math.inf,
) -> Decision:
    """Say what a try does that finds this record.

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
        return Submit(unknown=True) if decided or on_unknown == "resubmit" else OutcomeUnknown(record)
    changed = digest is not None and record.digest != digest
    if decided:
        return Submit(abandoned=record.video_id)
    if record.delivered_at is not None and record.delivered_at >= began:
        return Resume(record, changed)
    if cleared and on_clear == "regenerate":
        if record.delivered_at is not None:
            return Submit()
        if digest is None:
            return RequestNeeded(record)
        if changed:
            return Submit(abandoned=record.video_id)
    return Resume(record, changed)
