"""Reads any answer of a gateway into a value, or raises a :class:`~sora2_provider.gateway.errors.GatewayError`.

Pure functions of ``(status, headers, body)``. Whatever the bytes are, the outcome is one of these two; nothing else
is ever raised. Invariants:

* a create counts as accepted only when the answer names a video;
* a create that was refused in readable words was not accepted; one whose answer cannot be read may have been
  (:class:`~sora2_provider.gateway.errors.SubmissionUnknown`), and is never called transient;
* a video's status decides what it is, not the presence of a link or of an ``error`` key.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn
from urllib.parse import urlsplit

from sora2_provider.gateway import errors, explanations, links, shapes, times
from sora2_provider.gateway.failures import Call, Kind, Refusal, is_permanent_failure, is_transient, kind_of
from sora2_provider.gateway.models import Balance, Video, VideoStatus

_REQUEST_ID_HEADERS = ("x-request-id", "x-oneapi-request-id", "request-id", "cf-ray")
_JSON_LAYERS = 3
# Statuses of a server or proxy that gave up waiting for the one behind it: what that one did is not known.
_GAVE_UP = (408, 499)
_UNLIMITED_USD = 100_000_000


def read_created(status: int, headers: Mapping[str, str], body: bytes) -> Video:
    """Read the answer to a create.

    :returns: the accepted video, ``queued`` where the answer names no status.
    :raises SubmissionUnknown: nobody can tell from the answer whether the video was accepted.
    :raises GatewayError: the create was refused, so nothing was accepted; ``transient`` says whether it may be sent
        again.
    """
    answer = _Answer(status, headers, body, Call.CREATE)
    parsed = answer.parsed
    if answer.is_success and isinstance(parsed, dict):
        video = _video(parsed, missing=VideoStatus.QUEUED)
        refusal = explanations.refusal(parsed)
        if video.id and (refusal is None or video.status_word):
            return video
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
    refusal = answer.refusal
    if status >= 500 or status in _GAVE_UP or status < 200:
        if answer.is_html or not isinstance(parsed, (dict, list)) or not (refusal and refusal.is_readable):
            answer.unknown("A server on the way gave up, and the answer to the create was lost", refusal)
    answer.refuse(refusal or Refusal())


def read_video(status: int, headers: Mapping[str, str], body: bytes, *, video_id: str = "") -> Video:
    """Read the answer to a query.

    :param video_id: the id that was asked for, used where the answer names none.
    :raises GatewayError: the answer does not describe a video; ``transient`` says whether to ask again.
    """
    answer = _Answer(status, headers, body, Call.QUERY)
    parsed = answer.parsed
    if answer.is_success and isinstance(parsed, dict):
        video = _video(parsed, missing=VideoStatus.UNKNOWN, video_id=video_id)
        refusal = explanations.refusal(parsed)
        if refusal is None or (video.status_word and not _is_refused_question(video, parsed, refusal)):
            return video
        answer.refuse(refusal)
    answer.refuse_or_unreadable()


def read_models(status: int, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
    """Read the list of models, or one model, into their names.

    :raises GatewayError: refused, or not the answer of a gateway.
    """
    answer = _Answer(status, headers, body, Call.ACCOUNT)
    parsed = answer.account()
    listed = parsed.get("data", parsed.get("models"))
    if isinstance(listed, list):
        names = [one if isinstance(one, str) else shapes.at(one, "id") for one in listed]
        return tuple(dict.fromkeys(shapes.clean(name) for name in names if isinstance(name, str) and name.strip()))
    if isinstance(parsed.get("id"), str) and parsed["id"].strip():
        return (shapes.clean(parsed["id"]),)
    answer.unreadable("The answer holds no list of models")


def read_balance(status: int, headers: Mapping[str, str], body: bytes) -> Balance:
    """Read one answer about money: a subscription (what was granted), its usage (what was spent), or a key's quota.

    :raises GatewayError: refused, or none of the three.
    """
    answer = _Answer(status, headers, body, Call.ACCOUNT)
    parsed = answer.account()
    if (limit := _number(parsed.get("hard_limit_usd"))) is not None:
        return Balance(granted=limit, unlimited=limit >= _UNLIMITED_USD)
    if (used := _number(parsed.get("total_usage"))) is not None:
        return Balance(used=used / 100)
    counts = parsed.get("data") if isinstance(parsed.get("data"), dict) else parsed
    names = ("total_granted", "total_used", "total_available")
    granted, used, remaining = (_number(shapes.at(counts, name)) for name in names)
    unlimited = shapes.at(counts, "unlimited_quota") is True
    if remaining is None and granted is None and not unlimited:
        answer.unreadable("The answer holds no balance")
    return Balance(granted, used, remaining, unlimited, unit="quota")


def read_content(status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    """Read an answer of the content route that is not a video's bytes.

    :param body: the answer, or its first bytes where it is a video.
    :returns: the link that stands in a JSON answer; ``None`` where the body is not JSON and not HTML, so may be
        the video itself.
    :raises GatewayError: refused; ``transient`` while the video is not completed yet.
    """
    answer = _Answer(status, headers, body, Call.CONTENT)
    if answer.is_success and isinstance(answer.parsed, dict):
        link = links.find_link(answer.parsed)
        refusal = explanations.refusal(answer.parsed)
        if link and refusal is None:
            return link
        if refusal is not None:
            answer.refuse(refusal)
        answer.unreadable("The gateway answered with JSON that holds no link instead of a video")
    if answer.is_success and not answer.is_html and answer.parsed is None and body:
        return None
    answer.refuse_or_unreadable()


def _video(parsed: dict[str, Any], *, missing: VideoStatus, video_id: str = "") -> Video:
    link = links.find_link(parsed)
    status, word = shapes.status(parsed, link=link)
    status = status or missing
    url = link if status is VideoStatus.COMPLETED else None
    failed = status is VideoStatus.FAILED
    why = explanations.failure(parsed) if failed else Refusal()
    return Video(
        id=shapes.video_id(parsed) or video_id,
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
        raw=parsed,
    )


def _is_refused_question(video: Video, parsed: dict[str, Any], refusal: Refusal) -> bool:
    """Whether "error" speaks of the question and not of the video: no video is named, and the words say why."""
    if video.status is not VideoStatus.FAILED or shapes.video_id(parsed):
        return False
    kind = kind_of(refusal, None, Call.QUERY)
    says_so = kind is not errors.GatewayUnavailable or _is_busy(refusal)
    about_the_call = (
        errors.AuthenticationError,
        errors.PermissionDenied,
        errors.InsufficientBalance,
        errors.RateLimited,
        errors.GatewayUnavailable,
    )
    return says_so and kind in about_the_call


def _is_busy(refusal: Refusal) -> bool:
    # A text that no table knows is "unavailable" by default; with 403 it would be another class.
    return kind_of(refusal, 403, Call.QUERY) is errors.GatewayUnavailable


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e18:
        return None
    return float(value) if math.isfinite(value) else None


class _Answer:
    """One HTTP answer, parsed once, that knows how to become an error."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, call: Call) -> None:
        self.status = status
        self.headers = {str(name).lower(): str(value) for name, value in headers.items()}
        self.body = body
        self.call = call
        self.parsed = _parse(body)

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_redirect(self) -> bool:
        return 300 <= self.status < 400

    @property
    def is_html(self) -> bool:
        if self.parsed is not None:
            return False
        start = self.body[:512].removeprefix(b"\xef\xbb\xbf").lstrip()
        return start.startswith(b"<") or (bool(start) and "html" in self.headers.get("content-type", "").lower())

    @property
    def refusal(self) -> Refusal | None:
        """What the body says of the error, given that the HTTP status says it is one."""
        if self.parsed is not None:
            return explanations.refusal(self.parsed, refused=True)
        if self.is_html:
            return Refusal(_title(self.body))
        text = shapes.clean(self.body[:2_000].decode("utf-8", "replace"))
        return Refusal(text[:300]) if text and "\ufffd" not in text else None

    def account(self) -> dict[str, Any]:
        """Return the JSON object of an answer about the account, or raise what it is instead."""
        if self.is_success and isinstance(self.parsed, dict):
            refusal = explanations.refusal(self.parsed)
            if refusal is None:
                return self.parsed
            self.refuse(refusal)
        self.refuse_or_unreadable()

    def refuse_or_unreadable(self) -> NoReturn:
        if self.is_redirect:
            self.redirected()
        if self.is_success and self.is_html:
            self.not_the_api()
        if self.is_success and isinstance(self.parsed, (str, list)) and self.parsed:
            self.refuse(explanations.refusal(self.parsed, refused=True) or Refusal())
        if self.is_success:
            self.unreadable("The gateway's answer cannot be read" if self.body else "The gateway's answer is empty")
        self.refuse(self.refusal or Refusal())

    def refuse(self, refusal: Refusal) -> NoReturn:
        kind = kind_of(refusal, self.status, self.call)
        self._raise(kind, refusal.message or self._unexplained(), refusal, transient=is_transient(kind))

    def unreadable(self, what: str) -> NoReturn:
        transient = self.call in (Call.QUERY, Call.CONTENT)
        self._raise(errors.UnreadableResponse, f"{what}.", None, transient=transient)

    def not_the_api(self) -> NoReturn:
        title = _title(self.body)
        named = f' "{title}"' if title else ""
        message = (
            f"The address answers with a web page{named}, not with the gateway's API. "
            "The connection's base URL is probably wrong."
        )
        transient = self.call in (Call.QUERY, Call.CONTENT)
        self._raise(errors.UnreadableResponse, message, None, transient=transient)

    def redirected(self) -> NoReturn:
        # Only the target's origin: its query may hold a token.
        try:
            parts = urlsplit(self.headers.get("location", ""))
            target = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else "another path"
        except ValueError:
            target = "another address"
        message = (
            f"The gateway redirects to {shapes.clean(target)[:300]}. Redirects are not followed, because the API key "
            "would go with them: put the final address into the connection's base URL."
        )
        self._raise(errors.UnreadableResponse, message, None, transient=False)

    def unknown(self, what: str, refusal: Refusal | None = None) -> NoReturn:
        said = (refusal.message if refusal else "") or (_title(self.body) if self.is_html else "")
        message = f'{what} ("{said}")' if said else what
        self._raise(
            errors.SubmissionUnknown,
            f"{message}: a video may be rendering, and billed.",
            refusal,
            transient=False,
        )

    def _unexplained(self) -> str:
        reason = {429: "too many requests", 401: "the key was not accepted", 402: "no balance"}.get(self.status)
        return f"The gateway refused the call without a word of why{f' ({reason})' if reason else ''}."

    def _raise(self, kind: Kind, message: str, refusal: Refusal | None, *, transient: bool) -> NoReturn:
        request_id = (refusal.request_id if refusal else None) or explanations.request_id(self.parsed)
        for name in _REQUEST_ID_HEADERS:
            request_id = request_id or shapes.clean(self.headers.get(name))[:200] or None
        raise kind(
            message,
            code=refusal.code if refusal else None,
            http_status=self.status,
            request_id=request_id,
            retry_after=_retry_after(self.headers),
            transient=transient,
        )


def _parse(body: bytes) -> Any:
    """Return the JSON of a body, through up to three layers of JSON in a string; ``None`` for anything else."""
    node: Any = body
    for _ in range(_JSON_LAYERS + 1):
        try:
            node = json.loads(node)
        except (ValueError, RecursionError):
            return node if isinstance(node, str) else None
        if isinstance(node, list) and len(node) == 1 and isinstance(node[0], dict):
            return node[0]
        if not isinstance(node, str):
            break
    return node


def _title(body: bytes) -> str:
    text = body[:65_536].decode("utf-8", "replace")
    lowered = text.lower()
    start = lowered.find("<title")
    end = lowered.find("</title", start) if start >= 0 else -1
    opened = text.find(">", start, end) if end >= 0 else -1
    return shapes.clean(" ".join(text[opened + 1 : end].split()))[:200] if opened >= 0 else ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After header, given in seconds or as a date; at most a day."""
    value = headers.get("retry-after", "").strip()[:64]
    try:
        seconds = float(value)
    except ValueError:
        until, now = _http_date(value), _http_date(headers.get("date", "")[:64])
        if until is None:
            return None
        seconds = until - (now if now is not None else time.time())
    return min(86_400.0, max(0.0, seconds)) if math.isfinite(seconds) else None


def _http_date(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None
