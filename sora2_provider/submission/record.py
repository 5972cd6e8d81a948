"""What is written down of a task instance's submission: the record and its form on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import NoneType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sora2_provider.gateway.dialects import UNIFIED, dialect
from sora2_provider.gateway.models import VideoRequest

#: Version of the record's form. Records outlive an upgrade and a rollback: an older form stays readable, and a newer one
#: is refused. A field that an older release may pass over, and lose when it writes the record, needs no new version.
#: 1 was the form of release 0.1.0, which knew one create for each task instance, and one wire.
VERSION = 2
#: What :attr:`Record.resolution` may say.
RESOLUTIONS = ("submit",)


class UnreadableRecord(ValueError):
    """A record that is there and cannot be read: written by a newer release, or damaged."""


class RunIdentity(NamedTuple):
    """What tells a DAG run from one of the same name in another deployment, or in a database that was made anew.

    :param started: when the run started, in ISO 8601 and UTC; ``None`` where Airflow does not say. It changes when the run
        is cleared, or set to queued by a person.
    :param clears: how often it was cleared.
    :param deployment: the option ``[sora2] deployment``.
    """

    started: str | None = None
    clears: int = 0
    deployment: str = ""

    def as_fields(self) -> dict[str, Any]:
        """Return it as fields of a record."""
        return {"run_started": self.started, "run_clears": self.clears, "deployment": self.deployment}


@dataclass(frozen=True)
class Record:
    """What is known of one submission of a task instance.

    A task instance has one for each create: its own, those of operators that its code runs, the rows of a batch.

    :param digest: of the request and the connection id, see :func:`digest_of`.
    :param conn_id: the connection it was sent with.
    :param epoch: Airflow's ``max_tries`` of the task instance: set when it is made, and changed by a clear, never by a
        retry.
    :param intent_at: when the create was about to be sent, in seconds since the epoch.
    :param token: of the process that wrote the intent.
    :param request: what was sent, for the tries that take the video up.
    :param video_id: the video, once the gateway has accepted it.
    :param unknown_reported: a person was told that the outcome is unknown, or that the gateway has lost the video; the
        next clear is that person's decision to submit again.
    :param delivered_at: when the task had done all that it is for, in seconds since the epoch.
    :param try_number: Airflow's number of the try that wrote this last.
    :param noted_at: when it did, in seconds since the epoch.
    :param key: which of the task instance's creates this is: empty for the task's own; the task id of an operator that
        another task's code runs; a batch's key of the row. ``None`` in records of 0.1.0: any.
    :param dialect: the wire that the video was created on, and is asked on.
    :param run_started: see :class:`RunIdentity`: of the run, when this was written first or taken up.
    :param run_clears: the same.
    :param deployment: the same.
    :param resolution: what a person has decided about an unknown outcome, outside of a clear: ``submit`` again. A video
        that the person has found is written as ``video_id``.
    :param ended: nothing is there to be taken up: the create was refused, or the rendering failed or was cancelled.
    """

    digest: str
    conn_id: str
    epoch: int
    intent_at: float
    token: str
    request: dict[str, Any] = field(default_factory=dict, hash=False)
    video_id: str | None = None
    unknown_reported: bool = False
    delivered_at: float | None = None
    try_number: int = 0
    noted_at: float = 0.0
    key: str | None = ""
    dialect: str = UNIFIED
    run_started: str | None = None
    run_clears: int = 0
    deployment: str = ""
    resolution: str | None = None
    ended: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the record as flat JSON."""
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, value: Any) -> Record:
        """Return the record that :meth:`to_json` wrote, in this release or an earlier one.

        :raises UnreadableRecord: it is none.
        """
        version = value.get("version") if isinstance(value, Mapping) else None
        if type(version) is int and version > VERSION:
            raise UnreadableRecord(
                f"a newer release of airflow-provider-sora2 wrote it (its form is {version}, this release reads {VERSION}); "
                "install that release again"
            )
        if type(version) is not int or version < 1:
            raise UnreadableRecord(f"it is not a record of version 1 to {VERSION}: {str(value)[:200]!r}")
        absent = {**_ABSENT, "key": None} if version == 1 else _ABSENT
        read = {name: value.get(name, absent.get(name)) for name in _KINDS}
        for name, kinds in _KINDS.items():
            # A bool is an int to isinstance.
            if type(read[name]) not in kinds:
                raise UnreadableRecord(f"its field {name!r} is {read[name]!r}")
        for name, unusable in (
            ("resolution", read["resolution"] not in (None, *RESOLUTIONS)),
            ("video_id", read["video_id"] == ""),
        ):
            if unusable:
                raise UnreadableRecord(f"its field {name!r} is {read[name]!r}")
        try:
            dialect(read["dialect"])
        except ValueError as error:
            raise UnreadableRecord(f"this release does not speak the wire of its video ({error})") from None
        return cls(**read)


_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("digest", "conn_id", "token", "dialect", "deployment"), (str,)),
    **dict.fromkeys(("epoch", "try_number", "run_clears"), (int,)),
    **dict.fromkeys(("intent_at", "noted_at"), (float, int)),
    "request": (dict,),
    **dict.fromkeys(("video_id", "key", "run_started", "resolution"), (str, NoneType)),
    **dict.fromkeys(("unknown_reported", "ended"), (bool,)),
    "delivered_at": (float, int, NoneType),
}
_ABSENT: dict[str, Any] = {
    "request": {},
    "unknown_reported": False,
    "try_number": 0,
    "noted_at": 0.0,
    "key": "",
    "dialect": UNIFIED,
    "run_clears": 0,
    "deployment": "",
    "ended": False,
}


def digest_of(request: VideoRequest, conn_id: str) -> str:
    """Return what tells one submission from another: a digest of the request and the connection id.

    The query strings of image links are left out: a presigned link is another one at every rendering of a template.
    """
    body = request.to_json()
    body["images"] = [urlsplit(image)._replace(query="", fragment="").geturl() for image in body["images"]]
    text = json.dumps([body, conn_id], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
