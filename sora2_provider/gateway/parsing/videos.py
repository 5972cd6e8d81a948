"""Reads any answer of a gateway into a value, or raises a :class:`~sora2_provider.gateway.errors.GatewayError`.

Pure functions of ``(status, headers, body)``. Whatever the bytes are, the outcome is one of these two; nothing else
is ever raised. Invariants:

* a create counts as accepted only when the answer names a video;
* a create that was refused in readable words was not accepted; one whose answer cannot be read may have been
  (:class:`~sora2_provider.gateway.errors.SubmissionUnknown`), and is never called transient;
* a video's status decides what it is, not the presence of a link or of an ``error`` key.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from sora2_provider.gateway import errors
from sora2_provider.gateway.models import Video, VideoStatus
from sora2_provider.gateway.parsing import error_details as explanations
from sora2_provider.gateway.parsing import fields as shapes
from sora2_provider.gateway.parsing import links, times
from sora2_provider.gateway.parsing.error_kinds import Call, Refusal, is_known, is_permanent_failure, kind_of
from sora2_provider.gateway.parsing.response import Answer

# Statuses of a server or proxy that gave up waiting for the one behind it: what that one did is not known.
_GAVE_UP = (408, 499)
_PROXY_GAVE_UP = (*_GAVE_UP, 502, 504, *range(520, 525))
# To look a member up in its enum takes longer than to read a field, on Python 3.11.
_COMPLETED, _FAILED, _UNKNOWN = VideoStatus.COMPLETED, VideoStatus.FAILED, VideoStatus.UNKNOWN
_GOING_ON = (VideoStatus.QUEUED, VideoStatus.IN_PROGRESS, _UNKNOWN)
_NOT_REFUSED = Refusal()
#: Bytes of an answer that are worth keeping as they are.
_MAX_KEPT = 16_384


def read_created(status: int, headers: Mapping[str, str], body: bytes) -> Video:
    """Read the answer to a create.

    :returns: the accepted video, ``queued`` where the answer names no status.
    :raises SubmissionUnknown: nobody can tell from the answer whether the video was accepted.
    :raises GatewayError: the create was refused, so nothing was accepted; ``transient`` says whether it may be sent
        again.
    """
    answer = Answer(status, headers, body, Call.CREATE)
    parsed = answer.parsed
    if answer.is_success and isinstance(parsed, dict):
        video = _video(parsed, missing=VideoStatus.QUEUED)
        refusal = explanations.refusal(parsed)
        if video.id and (refusal is None or video.status_word or not _is_refused_create(parsed, refusal)):
            return _just_accepted(video)
        if refusal is None and video.status is VideoStatus.FAILED:
            refusal = explanations.failure(parsed)
        if refusal is not None and refusal.is_readable:
            answer.refuse(refusal)
        answer.unknown("The gateway accepted the call, but its answer names no video", refusal)
    if answer.is_success:
        if answer.is_html:
            answer.not_the_api()
        answer.unknown("The answer to the create cannot be read" if body else "The answer to the create is empty")
    if answer.is_redirect:
        answer.redirected()
    refusal = answer.refusal or Refusal()
    if status >= 500 or status in _GAVE_UP or status < 200:
        lost = not refusal.is_readable or (status in _PROXY_GAVE_UP and refusal.tells_of_a_loss)
        if lost or not isinstance(parsed, (dict, list)):
            answer.unknown("A server on the way gave up, and the answer to the create was lost", refusal)
    answer.refuse(refusal)


def read_video(
    status: int, headers: Mapping[str, str], body: bytes, *, video_id: str = "", keep_raw: bool = True
) -> Video:
    """Read the answer to a query.

    :param video_id: the id that was asked for, used where the answer names none.
    :param keep_raw: ``False`` leaves ``raw`` empty, for who holds thousands of videos.
    :raises GatewayError: the answer does not describe a video; ``transient`` says whether to ask again.
    """
    answer = Answer(status, headers, body, Call.QUERY)
    parsed = answer.parsed
    if answer.is_success and isinstance(parsed, dict):
        video = _video(parsed, missing=_UNKNOWN, video_id=video_id, keep_raw=keep_raw)
        refusal = explanations.refusal(parsed)
        if refusal is None and video.status is not _FAILED:
            return video
        said = refusal or explanations.failure(parsed)
        if (refusal is None or video.status_word) and not _is_refused_question(video, parsed, said):
            return video
        answer.refuse(said)
    answer.refuse_or_unreadable()


class StillRendering:
    """A video that goes on rendering, as far as a waiter has to know it; the rest is read when somebody asks for it.

    To read the little takes half the time. What is kept of it, the garbage collector never looks at.
    """

    __slots__ = ("_body", "id", "progress", "status", "status_word")

    def __init__(
        self, video_id: str, status: VideoStatus, progress: int | None, status_word: str | None, body: bytes
    ) -> None:
        self.id = video_id
        self.status = status
        self.progress = progress
        self.status_word = status_word
        self._body = body

    def kept(self) -> tuple[str, bytes]:
        """Return what :func:`read_kept` makes a :class:`Video` of."""
        return self.id, self._body


def read_state(status: int, headers: Mapping[str, str], body: bytes, *, video_id: str) -> Video | StillRendering:
    """Read the answer to a query as ``read_video`` does, but of a video that goes on rendering only what a waiter needs.

    :param video_id: the id that was asked for, which the value carries.
    :returns: a :class:`Video`, without ``raw``, of all that have ended.
    :raises GatewayError: as ``read_video``.
    """
    if 200 <= status < 300 and len(body) <= _MAX_KEPT:
        parsed = Answer(status, headers, body, Call.QUERY).parsed
        if isinstance(parsed, dict):
            _, meaning, word = _standing(parsed, missing=_UNKNOWN)
            if meaning in _GOING_ON and explanations.refusal(parsed) is None:
                return StillRendering(video_id, meaning, shapes.progress(parsed), word, body)
    video = read_video(status, headers, body, video_id=video_id, keep_raw=False)
    return video if video.id == video_id else dataclasses.replace(video, id=video_id)


def read_kept(video_id: str, body: bytes) -> Video:
    """Return the whole of a video that goes on rendering.

    :param body: with ``video_id``, what :meth:`StillRendering.kept` gave.
    """
    return dataclasses.replace(read_video(200, {}, body, keep_raw=False), id=video_id)


def read_content(status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    """Read an answer of the content route that is not a video's bytes.

    :param body: the answer, or its first bytes where it is a video.
    :returns: the link that stands in a JSON answer; ``None`` where the body is not JSON and no markup, so may be
        the video itself.
    :raises GatewayError: refused; ``transient`` while the video is not completed yet.
    """
    answer = Answer(status, headers, body, Call.CONTENT)
    if answer.is_success and isinstance(answer.parsed, dict):
        video = _video(answer.parsed, missing=VideoStatus.COMPLETED)
        refusal = explanations.refusal(answer.parsed)
        if refusal is not None and not video.status_word:
            answer.refuse(refusal)
        if video.status is VideoStatus.FAILED:
            answer.refuse(refusal or explanations.failure(answer.parsed))
        if video.url:
            return video.url
        if video.status is not VideoStatus.COMPLETED:
            answer.not_ready(video.status_word or video.status.value)
        answer.unreadable("The gateway answered with JSON that holds no link instead of a video")
    # A JSON answer that was cut is no video: none begins with a brace.
    if answer.is_success and not answer.is_markup and answer.parsed is None and body and body[:1] not in (b"{", b"["):
        return None
    answer.refuse_or_unreadable()


def _standing(parsed: dict[str, Any], *, missing: VideoStatus) -> tuple[str, VideoStatus, str | None]:
    """Return the id or an empty string, the status, and the gateway's word for it."""
    described = shapes.levels(parsed)
    found_id = shapes.video_id(parsed, described)
    status, word = shapes.status(parsed, described, find_link=links.find_link, some_id=bool(found_id))
    return found_id, status or missing, word


def _video(parsed: dict[str, Any], *, missing: VideoStatus, video_id: str = "", keep_raw: bool = True) -> Video:
    found_id, status, word = _standing(parsed, missing=missing)
    url = links.find_link(parsed) if status is _COMPLETED else None
    failed = status is _FAILED
    why = explanations.failure(parsed) if failed else _NOT_REFUSED
    return Video(
        id=found_id or video_id,
        status=status,
        progress=shapes.progress(parsed),
        url=url,
        error_code=why.code,
        error_message=why.message or None,
        failure_permanent=failed and is_permanent_failure(why),
        model=shapes.model(parsed),
        created_at=times.moment(parsed, "created_at", "created", "submit_time"),
        updated_at=times.moment(parsed, "status_update_time", "updated_at"),
        completed_at=times.moment(parsed, "completed_at", "finish_time"),
        expires_at=times.moment(parsed, "expires_at") or links.link_expiry(url),
        usage=shapes.usage(parsed),
        status_word=word,
        raw=parsed if keep_raw else {},
    )


def _is_refused_create(parsed: dict[str, Any], refusal: Refusal) -> bool:
    """Whether an answer that names an id, but no status, refuses all the same.

    It must call itself an error, or carry an error's code: an odd code or a remark ("detail": "ask again later")
    beside an id is an acceptance, and to send that create again would be to pay twice.
    """
    return explanations.says_error(parsed) or is_known(Refusal(code=refusal.code), Call.CREATE)


def _just_accepted(video: Video) -> Video:
    """A video that has just been accepted and has no link is not completed: "success" speaks of the call."""
    if video.status is VideoStatus.COMPLETED and video.url is None:
        return dataclasses.replace(video, status=VideoStatus.QUEUED)
    return video


def _is_refused_question(video: Video, parsed: dict[str, Any], refusal: Refusal) -> bool:
    """Whether "error" speaks of the question and not of the video: no video is named, and the words say why."""
    if video.status is not _FAILED or shapes.video_id(parsed, shapes.levels(parsed)):
        return False
    about_the_call = (
        errors.AuthenticationError,
        errors.PermissionDenied,
        errors.InsufficientBalance,
        errors.VideoNotFound,
        errors.RateLimited,
        errors.GatewayUnavailable,
    )
    return is_known(refusal, Call.QUERY) and kind_of(refusal, None, Call.QUERY) in about_the_call
