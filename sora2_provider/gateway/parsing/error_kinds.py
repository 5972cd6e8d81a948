"""The class of a gateway's error, from its code, its words and its HTTP status, in this order of trust.

What the words mean stands in :mod:`~sora2_provider.gateway.parsing.error_words`.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from sora2_provider.gateway import errors
from sora2_provider.gateway.parsing.error_words import (
    AFTER,
    CODES,
    ECHO,
    NO_REASONS,
    NO_REFUSALS,
    OUTAGE_CODES,
    STATUS_NAMES,
    UPSTREAMS_KEY,
    WORDS,
    Kind,
)
from sora2_provider.gateway.parsing.loss_words import LOST, NOT_LOST


class Call(enum.Enum):
    """Which call was answered: the same 404 means another thing for each."""

    CREATE = "create"
    QUERY = "query"
    CONTENT = "content"
    ACCOUNT = "account"


@dataclass(frozen=True)
class ErrorDetail:
    """An error as the body tells it: the innermost text and code, and the request id kept apart.

    :param passed_on: it stood as JSON in a text, so the gateway passes on what its upstream said.
    """

    message: str = ""
    code: str | None = None
    type: str | None = None
    request_id: str | None = None
    passed_on: bool = False


NO_ERROR = ErrorDetail()

#: Statuses of a server or proxy that gave up waiting for a client, or for the one behind it.
GAVE_UP = (408, 499)
_SEARCHED = 2_000
#: A code, and one that stands in the place of a text.
_CODE = re.compile(r"[A-Za-z][\w.:-]{0,99}")
_LOOKS_LIKE_CODE = re.compile(r"[A-Za-z]\w{0,99}[_.]\w{1,99}|[A-Za-z]?[a-z]{0,99}(?:[A-Z][a-z]{1,99}){2,20}")

_BY_TYPE: tuple[tuple[Kind, str], ...] = (
    (errors.AuthenticationError, "authentication"),
    (errors.PermissionDenied, "permission"),
    (errors.RateLimited, "rate_limit"),
    (errors.InsufficientBalance, "quota"),
    (errors.InvalidRequest, "invalid_request"),
    (errors.GatewayUnavailable, "server_error"),
    (errors.GatewayUnavailable, "upstream"),
)

_BY_STATUS: dict[int, Kind] = {
    401: errors.AuthenticationError,
    402: errors.InsufficientBalance,
    403: errors.PermissionDenied,
    429: errors.RateLimited,
    451: errors.ContentRejected,
    **dict.fromkeys((408, 425, 499), errors.GatewayUnavailable),
}
ABOUT_THE_KEY = (errors.AuthenticationError, errors.PermissionDenied)

#: What words say beyond a code that is a status's name.
_SAYS_MORE = (errors.InsufficientBalance, errors.ContentRejected, errors.RateLimited, errors.GatewayUnavailable)

#: Classes of errors that go away by themselves. Unreadable answers are judged by their call.
TRANSIENT = (errors.RateLimited, errors.GatewayUnavailable)


def classify_error(detail: ErrorDetail, http_status: int | None, call: Call) -> Kind:
    """Return the class of an error.

    :param http_status: ``None`` where the error stands in the description of a failed video.
    """
    kind = _known_kind(detail, http_status, call)
    # A type is a gateway's habit ("invalid_request_error" stands in answers with 401 and 429): it counts only where
    # the HTTP status says nothing.
    if kind is None and (http_status is None or http_status < 400):
        kind = next((kind for kind, word in _BY_TYPE if word in (detail.type or "").lower()), None)
    if is_upstreams_key(detail, http_status, call):
        return errors.GatewayUnavailable
    return kind or _by_status(http_status, call)


def is_upstreams_key(detail: ErrorDetail, http_status: int | None, call: Call) -> bool:
    """Whether the gateway tells that its upstream has refused the gateway's own key."""
    kind = _known_kind(detail, http_status, call)
    if kind in (None, *ABOUT_THE_KEY) and UPSTREAMS_KEY.search(detail.message[:_SEARCHED]):
        return True
    if kind not in ABOUT_THE_KEY or http_status is None:
        return False
    code = detail.code or ""
    is_server_error = http_status >= 500 or (http_status < 400 and _is_http_status(code) and code[0] == "5")
    is_passed_on = detail.passed_on and http_status not in (401, 403)
    return is_server_error or is_passed_on or "upstream" in (detail.type or "").lower()


def is_explained(detail: ErrorDetail) -> bool:
    """Whether the code or the words of an error say anything but that access is denied."""
    return _told_kind(detail, None) not in (None, *ABOUT_THE_KEY)


def says_no_money(detail: ErrorDetail) -> bool:
    """Whether the code or the words of an error say that the account is empty."""
    return _told_kind(detail, None) is errors.InsufficientBalance


def is_refusal(detail: ErrorDetail) -> bool:
    """Whether the code or the words say that a create was refused, so that nothing was accepted."""
    code = (detail.code or "").lower()
    if code == "model_not_found" or (_is_http_status(code) and code[0] == "4" and int(code) not in GAVE_UP):
        return True
    said = [*_words_of(detail), (detail.type or "").lower()]
    if any(kind is not errors.VideoNotFound for kind in map(_by_code, said) if kind):
        return True
    text = _reasons_in(detail)
    return any(pattern not in NO_REFUSALS for _, pattern in _hits(text)) or UPSTREAMS_KEY.search(text) is not None


def is_code(word: str) -> bool:
    """Whether a word is the code of an error, such as "service_unavailable"."""
    return word.replace("_", "").isalpha() and (_by_code(word) is not None or OUTAGE_CODES.search(word) is not None)


def told_of_loss(texts: Iterable[str]) -> str | None:
    """Return the text that says that a create's own answer was lost on the way, or that the work goes on."""
    return next((text for text in texts if LOST.search(NOT_LOST.sub(" ", text))), None)


def is_permanent_failure(detail: ErrorDetail) -> bool:
    """Whether a rendering that failed with these words would fail again for the same request."""
    return classify_error(detail, None, Call.QUERY) in (errors.ContentRejected, errors.InvalidRequest)


def most_telling(details: list[ErrorDetail]) -> ErrorDetail:
    """Return the reason among what an answer says in several places: "Create Video failed" may stand beside it."""
    with_text = next((one for one in details if one.message), None) or next(iter(details), NO_ERROR)
    rejected = (one for one in details if _known_kind(one, None, Call.QUERY) is errors.ContentRejected)
    reason = next(rejected, None) or next(filter(is_refusal, details), with_text)
    if reason is not with_text and not reason.code and _CODE.fullmatch(reason.message):
        # A code in the place of a text: "input_moderation".
        return dataclasses.replace(with_text, code=reason.message)
    return reason


def _known_kind(detail: ErrorDetail, http_status: int | None, call: Call) -> Kind | None:
    if (kind := _told_kind(detail, http_status)) is not None:
        return kind
    code = (detail.code or "").lower()
    if call is Call.QUERY and "fail_to_fetch_task" in (code, detail.message):
        return errors.GatewayUnavailable
    return _by_status(int(code), call) if _is_http_status(code) else None


# An answer's reason is asked for several times: by who reads a create, by who looks for a firewall, by who raises the error.
@lru_cache(maxsize=64)
def _told_kind(detail: ErrorDetail, http_status: int | None) -> Kind | None:
    """Return the class that a code or words tell, and not a number."""
    code = (detail.code or "").lower()
    if code == "model_not_found":
        return errors.GatewayUnavailable if http_status == 503 else errors.InvalidRequest
    by_code = next(filter(None, map(_by_code, _words_of(detail))), None)
    if by_code is not None and not STATUS_NAMES.fullmatch(code):
        return by_code
    kind = next((kind for kind, _ in _hits(_reasons_in(detail))), None)
    if OUTAGE_CODES.search(code) and kind in (None, errors.VideoNotFound):
        return errors.GatewayUnavailable
    if by_code is not None and kind not in _SAYS_MORE:
        return by_code
    return errors.RateLimited if kind is errors.GatewayUnavailable and http_status == 429 else kind


def _hits(text: str) -> Iterator[tuple[Kind, re.Pattern[str]]]:
    """Yield the rows of words that a text means, in their order."""
    for kind, pattern in WORDS:
        found = pattern.search(text)
        if found and not any(one.search(text, 0, found.start()) for one in AFTER.get(pattern, ())):
            yield kind, pattern


def _words_of(detail: ErrorDetail) -> list[str]:
    """Return the code, and a message that is a code."""
    is_code = _LOOKS_LIKE_CODE.fullmatch(detail.message[:_SEARCHED])
    return [(detail.code or "").lower(), *([detail.message.lower()] if is_code else [])]


def _by_code(code: str) -> Kind | None:
    code = NO_REASONS.sub(" ", code) if code else ""
    return next((kind for kind, pattern in CODES if pattern.search(code)), None)


def told(detail: ErrorDetail) -> str:
    """Return what an error says, without a prompt that it repeats."""
    message = detail.message[:_SEARCHED]
    rest = ECHO.sub(lambda found: found["said"] or found["label"] or " ", message)
    return f"{rest if rest.strip() else message}\n{(detail.code or '').replace('_', ' ')}"


def _reasons_in(detail: ErrorDetail) -> str:
    return NO_REASONS.sub(" ", told(detail))


def _is_http_status(code: str) -> bool:
    return code.isascii() and code.isdigit() and len(code) == 3 and code[0] in "45"


def _by_status(http_status: int | None, call: Call) -> Kind:
    if http_status is None or http_status < 400 or http_status >= 500:
        return errors.GatewayUnavailable
    if http_status == 404:
        return errors.VideoNotFound if call in (Call.QUERY, Call.CONTENT) else errors.InvalidRequest
    return _BY_STATUS.get(http_status, errors.InvalidRequest)
