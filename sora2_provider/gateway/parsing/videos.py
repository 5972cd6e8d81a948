"""Reads any answer of a gateway into a value, or raises a :class:`~sora2_provider.gateway.errors.GatewayError`.

Pure functions of ``(status, headers, body)``. Whatever the bytes are, the outcome is one of these two; nothing else
is ever raised. Invariants:

* a create counts as accepted when the answer names a video, and only then;
* it was refused where the answer is known to mean that: a status of 4xx, a redirect to another address of the API, a
  web site's or a firewall's page, or one of the codes and words that mean it. Any other answer may be that of a server which lost the gateway's own
  (:class:`~sora2_provider.gateway.errors.SubmissionUnknown`), and is never called transient;
* a video's status decides what it is, not the presence of a link or of an ``error`` key.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

from sora2_provider.gateway import errors
from sora2_provider.gateway.models import Video, VideoStatus
from sora2_provider.gateway.parsing import error_kinds, fields, identity, links, times
from sora2_provider.gateway.parsing.bodies import names_a_task
from sora2_provider.gateway.parsing.error_details import error_detail, failure_detail, says_error, texts
from sora2_provider.gateway.parsing.error_kinds import NO_ERROR, Call, ErrorDetail
from sora2_provider.gateway.parsing.fields import Json
from sora2_provider.gateway.parsing.link_search import Search
from sora2_provider.gateway.parsing.response import Response

_GAVE_UP = "A server on the way gave up, and the answer to the create was lost"
# To look a member up in its enum takes longer than to read a field, on Python 3.11.
_COMPLETED, _FAILED, _UNKNOWN = VideoStatus.COMPLETED, VideoStatus.FAILED, VideoStatus.UNKNOWN
_UNFINISHED = (VideoStatus.QUEUED, VideoStatus.IN_PROGRESS, _UNKNOWN)
#: What stands under "id" in some errors, beside or in place of a video's: the id of the request.
_REQUEST_ID = re.compile(r"req(uest)?[-_]", re.I)
#: What only a video has, or the task that renders it. The fields that other answers have too are not among them.
_VIDEO_FIELDS = fields.words("""
    progress progress_pct model video_url videoUrl result_url output_url thumbnail_url created_at createdAt updated_at
    updatedAt completed_at completedAt finished_at expires_at failed_at started_at submit_time submitTime start_time
    startTime finish_time finishTime status_update_time enhanced_prompt prompt seconds n_seconds remixed_from_video_id
    orientation resolution aspect_ratio task_status task_status_msg fail_reason failReason failure_reason failMsg failCode
    pending_info moderation_result generations outputs task_result
    fail_code video_result creations
""")
#: Bytes of an answer that are worth keeping as they are.
_MAX_KEPT = 16_384


Answered = TypeVar("Answered", bound="Video | UnfinishedVideo")


def read_created(status: int, headers: Mapping[str, str], body: bytes) -> Video:
    """Read the answer to a create.

    :returns: the accepted video, ``queued`` where the answer names no status.
    :raises SubmissionUnknown: the answer does not tell whether the video was accepted.
    :raises GatewayError: the create was refused, so nothing was accepted; ``transient`` says whether it may be sent
        again.
    """
    response = Response(status, headers, body, Call.CREATE)
    if 300 <= status < 500 and isinstance(response.parsed, dict) and _is_of_a_live_video(response.parsed):
        return _accepted(response, response.parsed)
    if response.is_redirect and not response.may_redirect_to_a_video:
        response.raise_redirected()
    if 400 <= status < 500 and status not in error_kinds.GAVE_UP:
        detail = response.error_detail
        if response.parsed is not None and names_a_task(body) and response.may_be_sent_again(detail):
            response.raise_outcome_unknown("The answer to the create names a task beside an error", detail)
        response.raise_refused(detail)
    if isinstance(response.parsed, dict):
        return _accepted(response, response.parsed)
    if response.parsed is None and response.firewall is not None:
        response.raise_refused(response.error_detail)
    if response.is_success:
        if response.is_html and not response.may_be_the_gateways:
            response.raise_not_the_api()
        state = "cannot be read" if body else "is empty"
        response.raise_outcome_unknown(f"The answer to the create {state}")
    if isinstance(response.parsed, list):
        _raise_refused_or_unknown(response, response.error_detail)
    what = "The create was answered with a redirect to another page" if response.is_redirect else _GAVE_UP
    response.raise_outcome_unknown(what, response.error_detail)


def read_video(
    status: int, headers: Mapping[str, str], body: bytes, *, video_id: str = "", base_url: str = ""
) -> Video:
    """Read the answer to a query.

    :param video_id: the id that was asked for, used where the answer names none.
    :param base_url: the gateway's address, to which a link can be relative.
    :returns: the video under the id that the answer names: see :func:`as_asked`.
    :raises GatewayError: the answer does not describe a video; ``transient`` says whether to ask again.
    """
    return _queried(Response(status, headers, body, Call.QUERY), video_id, base_url)


def as_asked(video: Answered, video_id: str) -> Answered:
    """Return the video that was asked for, under the id that it was asked for with.

    :param video: as ``read_video`` or ``read_state`` gave it for the same id.
    :raises UnreadableResponse: the answer is about another video.
    """
    if video.id == video_id:
        return video
    if not identity.same_video(video_id, video.id) and not identity.says_nothing(video.id):
        message = f"The gateway answers about video {video.id!r} where it was asked for {video_id!r}."
        raise errors.UnreadableResponse(message, http_status=200, transient=True)
    return dataclasses.replace(video, id=video_id)


@dataclasses.dataclass(slots=True, eq=False)
class UnfinishedVideo:
    """What a waiter needs to know of a video that goes on rendering. To read only this takes half the time.

    :param body: the answer's bytes, of which :func:`read_unfinished` makes a :class:`Video`. A waiter keeps these, because
        the garbage collector does not look at bytes.
    """

    id: str
    status: VideoStatus
    progress: int | None
    status_word: str | None
    body: bytes


def read_state(
    status: int, headers: Mapping[str, str], body: bytes, *, video_id: str, base_url: str = ""
) -> Video | UnfinishedVideo:
    """Read the answer to a query as ``read_video`` does, but of a video that goes on rendering only what a waiter needs.

    :returns: a :class:`Video`, without ``raw``, of all that have ended.
    :raises GatewayError: as ``read_video``.
    """
    response = Response(status, headers, body, Call.QUERY)
    if response.object is not None and len(body) <= _MAX_KEPT:
        parsed = _about(response, response.object, video_id)
        found_id, meaning, word = _standing(parsed, missing=_UNKNOWN)
        if meaning in _UNFINISHED and error_detail(parsed) is None:
            named = _named_id(parsed, found_id, video_id)
            return UnfinishedVideo(named, meaning, fields.progress(parsed), word, body)
    return _queried(response, video_id, base_url, keep_raw=False)


def read_unfinished(video_id: str, body: bytes) -> Video:
    """Return the whole of a video that goes on rendering, from the id and the body of an :class:`UnfinishedVideo`."""
    video = _queried(Response(200, {}, body, Call.QUERY), video_id, keep_raw=False)
    return dataclasses.replace(video, id=video_id)


def read_content(status: int, headers: Mapping[str, str], body: bytes, *, base_url: str = "") -> str | None:
    """Read an answer of the content route that is not a video's bytes.

    :param body: the answer, or its first bytes where it is a video.
    :param base_url: the address that a link can be relative to.
    :returns: the link that stands in a JSON answer; ``None`` where the body is not JSON and no markup, so may be
        the video itself.
    :raises GatewayError: refused; ``transient`` while the video is not completed yet.
    """
    response = Response(status, headers, body, Call.CONTENT)
    if response.object is not None:
        return _content_link(response, response.object, base_url)
    # A JSON answer that was cut is no video: none begins with a brace.
    is_text = response.is_markup or response.parsed is not None or body[:1] in (b"", b"{", b"[")
    if response.is_success and not is_text:
        return None
    response.raise_refused_or_unreadable()


def _is_of_a_live_video(parsed: Json) -> bool:
    """Whether one level of an answer names both a video and a state that only an accepted one has."""
    found_id, status, _ = _standing(parsed, missing=_UNKNOWN)
    together = any(word is not None and found == found_id for word, found in fields.levels(parsed))
    return bool(found_id) and together and status in (VideoStatus.QUEUED, VideoStatus.IN_PROGRESS, _COMPLETED)


def _accepted(response: Response, parsed: Json) -> Video:
    video = _video(parsed, missing=VideoStatus.QUEUED)
    detail = error_detail(parsed) if response.is_success else response.error_detail
    if video.id and (detail is None or video.status_word or not _is_no_video(video.id, parsed, detail)):
        # Just accepted and without a link it is not completed: "success" speaks of the call.
        is_early = video.status is _COMPLETED and video.url is None
        return dataclasses.replace(video, status=VideoStatus.QUEUED) if is_early else video
    if detail is None and video.status is _FAILED:
        detail = failure_detail(parsed)
    _raise_refused_or_unknown(response, detail or NO_ERROR)


def _is_no_video(found_id: str, parsed: Json, detail: ErrorDetail) -> bool:
    """Whether what stands beside an error in the place of a video's id is something else."""
    if error_kinds.is_code(found_id):
        return True
    is_named = any(name for _, name in fields.levels(parsed))
    is_doubtful = not is_named or _REQUEST_ID.match(found_id) is not None
    return is_doubtful and (says_error(parsed) or error_kinds.is_refusal(detail))


def _raise_refused_or_unknown(response: Response, detail: ErrorDetail) -> NoReturn:
    if (lost := error_kinds.told_of_loss(texts(response.parsed))) is not None:
        if not error_kinds.told_of_loss([detail.message]):
            detail = dataclasses.replace(detail, message=fields.clean(lost)[:300])
        response.raise_outcome_unknown("The gateway says that it lost the answer to the create", detail)
    if error_kinds.is_refusal(detail):
        if response.may_be_sent_again(detail) and names_a_task(response.body):
            response.raise_outcome_unknown("The answer to the create names a task beside an error", detail)
        response.raise_refused(detail)
    if response.is_success:
        response.raise_outcome_unknown("The answer to the create names no video", detail)
    response.raise_outcome_unknown(_GAVE_UP, detail)


def _queried(response: Response, video_id: str, base_url: str = "", *, keep_raw: bool = True) -> Video:
    whole = response.object if response.object is not None or not response.is_success else response.parsed
    if not isinstance(whole, dict) and not (isinstance(whole, list) and any(isinstance(one, dict) for one in whole)):
        response.raise_refused_or_unreadable()
    parsed = _about(response, whole, video_id)
    video = _video(parsed, missing=_UNKNOWN, video_id=video_id, base_url=base_url, keep_raw=keep_raw)
    detail = error_detail(parsed)
    reason = detail or (failure_detail(parsed) if video.status is _FAILED else NO_ERROR)
    if video.status.is_terminal and not _speaks_of_the_video(video, parsed, reason):
        if reason.message or reason.code:
            response.raise_refused(reason)
        response.raise_unreadable(f'The gateway\'s answer says "{video.status_word}", and nothing of the video')
    if detail is None or video.status_word:
        return video
    response.raise_refused(detail)


def _about(response: Response, parsed: Json | list[Any], video_id: str) -> Json:
    """Return what a query's answer says of the video, where it is a list also of others."""
    if isinstance(parsed, dict) and "id" in parsed and parsed.get("object") != "list" and response.body[:1] != b"[":
        return parsed
    entry = identity.entry_of([parsed] if response.is_list_of_one else parsed, video_id)
    if isinstance(entry, dict):
        return entry
    response.raise_unreadable(f"The gateway answers with a list that does not hold video {video_id or '(no id)'!r}")


def _content_link(response: Response, parsed: Json, base_url: str) -> str:
    video = _video(parsed, missing=_COMPLETED, base_url=base_url)
    detail = error_detail(parsed)
    if detail is not None and not video.status_word:
        response.raise_refused(detail)
    if video.status is _FAILED:
        response.raise_refused(detail or failure_detail(parsed))
    if video.url:
        return video.url
    if video.status is not _COMPLETED:
        response.raise_not_ready(video.status_word or video.status.value)
    response.raise_unreadable("The gateway answered with JSON that holds no link instead of a video")


def _standing(parsed: Json, *, missing: VideoStatus) -> tuple[str, VideoStatus, str | None]:
    """Return the id or an empty string, the status, and the gateway's word for it."""
    described = fields.levels(parsed)
    found_id = fields.video_id(parsed, described)
    status, word = fields.status(parsed, described, find_link=links.find_link, some_id=bool(found_id))
    return found_id, status or missing, word


def _named_id(parsed: Json, found_id: str, video_id: str) -> str:
    """Return the id that a query's answer names, which is the one that was asked for wherever it stands."""
    if not found_id or not video_id or found_id == video_id:
        return found_id or video_id
    return identity.another_named(parsed, video_id) or video_id


def _video(
    parsed: Json, *, missing: VideoStatus, video_id: str = "", base_url: str = "", keep_raw: bool = True
) -> Video:
    found_id, status, word = _standing(parsed, missing=missing)
    searched = links.find(parsed) if status is _COMPLETED else Search()
    url = links.complete(searched.link, base_url)
    why = failure_detail(parsed) if status is _FAILED else NO_ERROR
    return Video(
        id=_named_id(parsed, found_id, video_id),
        status=status,
        progress=fields.progress(parsed),
        url=url,
        error_code=why.code,
        error_message=why.message or None,
        failure_permanent=status is _FAILED and error_kinds.is_permanent_failure(why),
        model=fields.model(parsed),
        created_at=times.moment(parsed, "created_at", "created", "submit_time"),
        updated_at=times.moment(parsed, "status_update_time", "updated_at"),
        completed_at=times.moment(parsed, "completed_at", "finish_time"),
        expires_at=times.moment(parsed, "expires_at") or links.link_expiry(url),
        usage=fields.usage(parsed),
        status_word=word,
        raw=parsed if keep_raw else {},
        link_places=searched.places,
    )


def _speaks_of_the_video(video: Video, parsed: Json, reason: ErrorDetail) -> bool:
    """Whether an answer that tells of an end speaks of the video, and not of the question.

    It does where it names a video, or holds what only a video has. Nobody's question is refused for its content.
    """
    levels = [level for _, level in fields.envelopes(parsed)]
    has_film = video.status is _COMPLETED and links.find(parsed).link
    if has_film or fields.video_id(parsed, fields.levels(parsed)) or any(map(_has_video_fields, (parsed, *levels))):
        return True
    return error_kinds.classify_error(reason, None, Call.QUERY) is errors.ContentRejected


def _has_video_fields(level: Json) -> bool:
    return any(level.get(key) not in (None, "", [], {}) for key in _VIDEO_FIELDS.intersection(level)) or str(
        level.get("object")
    ).startswith("video")
