"""The class of a gateway's error, from its code, its words and its HTTP status, in this order of trust.

The tables are read top to bottom and the first hit wins. They hold what the gateways of the family were seen
to say, as patterns: more words than these exist, and they follow the same habits.
"""

from __future__ import annotations

import enum
import re

from sora2_provider.gateway import errors
from sora2_provider.gateway.parsing.error_details import ErrorDetail


class Call(enum.Enum):
    """Which call was answered: the same 404 means another thing for each."""

    CREATE = "create"
    QUERY = "query"
    CONTENT = "content"
    ACCOUNT = "account"


_SEARCHED = 2_000

_ONLY_A_STATUS = re.compile(
    r"(?:(?:bad |upstream |error |invalid |unexpected )*(?:response )?(?:http )?(?:status )?(?:code)?[ :=]*\d{3}[ :,-]*)?"
    r"(?:internal server error|bad gateway|service (?:temporarily )?unavailable|gateway time-?out|openai_error)?\.?",
    re.I,
)
_LOST = re.compile(
    r"tim(ed?|ing)[ _-]?out|deadline exceeded|connection .{0,20}(reset|closed|aborted|terminated|lost)|"
    r"reset by peer|broken pipe|\beof\b|bad[ _]gateway|invalid response|no response|超时",
    re.I,
)

Kind = type[errors.GatewayError]

# "model_not_found" stands in no table: with 503 it is "no channel now", and otherwise "no such model".
_BY_CODE: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (errors.RateLimited, r"rate_?limit|too_many|throttl|concurren|resource_exhausted|requests_limit"),
        (errors.InsufficientBalance, r"quota|balance|billing|credit|arrear|insufficient_fund|payment"),
        (errors.ContentRejected, r"moderation|content_(policy|filter|violation|rejected|blocked)|policy_violation"),
        (errors.ContentRejected, r"sentinel|(prompt|input|output|image|request|video)_blocked|data_?inspection|safety"),
        (errors.ContentRejected, r"sensitive|prohibited|inappropriate|guardrail|copyright|real_person|nsfw"),
        (errors.AuthenticationError, r"api_?key|invalid_(access_)?token|token_(expired|invalid|disabled)"),
        (errors.AuthenticationError, r"unauthori[sz]ed|authentication|invalid_authorization"),
        (errors.VideoNotFound, r"(task|video|generation|job|record)_?(id_)?(not_?(exist|found)|does_not_exist)"),
        (errors.VideoNotFound, r"(task|video|generation|job|record)_?(id_)?missing|task_expired"),
        (errors.PermissionDenied, r"permission|forbidden|access_denied|not_allowed|model_(access|denied)"),
        (errors.GatewayUnavailable, r"saturat|overload|unavailable|channel|do_request_failed|capacity|busy"),
        (errors.GatewayUnavailable, r"timeout|timed_out|internal_(server_)?error|not_completed|not_ready"),
        (errors.GatewayUnavailable, r"no_available|upstream_error|bad_gateway"),
        (errors.InvalidRequest, r"^(?!.*(_error$|response|status))(invalid|missing|unsupported|unknown|illegal|bad)_"),
        (errors.InvalidRequest, r"parameter|validation|bad_request|too_(long|large|short|small)"),
    )
)
_BY_TEXT: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.I))
    for kind, pattern in (
        (errors.InsufficientBalance, r"额度不足|余额不足|欠费|quota (is )?not enough|exceeded your current quota"),
        (errors.InsufficientBalance, r"insufficient (user |account )?(quota|balance|credit|fund)"),
        (errors.InsufficientBalance, r"not enough (quota|balance|credit)"),
        (errors.ContentRejected, r"moderation|审核|违规|敏感|真人|content (policy|safety|filter)|nsfw|sexual|violence"),
        (errors.ContentRejected, r"safety (review|system|policy|filter)|prohibited|guardrail|violat|inappropriate"),
        (errors.ContentRejected, r"copyright|similarity to third|(in|out)put_blocked|sentinel_block|request blocked"),
        (errors.ContentRejected, r"didn't look right with your request"),
        (errors.GatewayUnavailable, r"饱和|稍后|no available (channel|token|account)|无可用(渠道|账号|令牌)"),
        (errors.GatewayUnavailable, r"try again later|temporarily|service unavailable|server is busy|繁忙"),
        (errors.GatewayUnavailable, r"overloaded|not completed yet|请求上游地址失败"),
        (errors.RateLimited, r"rate limit|too many requests|请求过于频繁|频率"),
        (errors.AuthenticationError, r"(invalid|incorrect|wrong|expired|missing) (api[ _-]?)?(key|token)"),
        (
            errors.AuthenticationError,
            r"unauthori[sz]ed|无效的(令牌|密钥)|令牌(已过期|已禁用|无效)|未提供令牌|not logged in",
        ),
        (errors.PermissionDenied, r"无权|没有权限|not allowed to|permission denied|no permission|access denied"),
        (errors.InvalidRequest, r"invalid url"),
        (errors.VideoNotFound, r"(task|video)[ _](was )?(is )?not[ _](exist|found)|任务不存在"),
        (errors.VideoNotFound, r"(no such|unknown) (task|video)|(task|video) .{0,80}does not exist"),
        (errors.InvalidRequest, r"参数|is required|模型不存在|must be (one of|a |an )|too (long|large)"),
        (errors.InvalidRequest, r"(invalid|unsupported) (parameter|argument|image|prompt|size|duration|model|value)"),
        (errors.InvalidRequest, r"model .{0,80}(does not exist|not found)"),
    )
)

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
    **dict.fromkeys((408, 425, 499), errors.GatewayUnavailable),
}

#: Classes of errors that go away by themselves. Unreadable answers are judged by their call.
TRANSIENT = (errors.RateLimited, errors.GatewayUnavailable)


def classify_error(detail: ErrorDetail, http_status: int | None, call: Call) -> Kind:
    """Return the class of an error.

    :param http_status: ``None`` where the error stands in the description of a failed video.
    """
    if kind := _known_kind(detail, http_status, call):
        return kind
    # A type is a gateway's habit ("invalid_request_error" stands in answers with 401 and 429): it counts only where
    # the HTTP status says nothing.
    if http_status is None or http_status < 400:
        for kind, word in _BY_TYPE:
            if word in (detail.type or "").lower():
                return kind
    return _by_status(http_status, call)


def is_known(detail: ErrorDetail, call: Call) -> bool:
    """Whether the code or the words alone tell the class of an error."""
    return _known_kind(detail, None, call) is not None


def is_readable(detail: ErrorDetail) -> bool:
    """Whether an error says why. A bare "bad response status code 524" only repeats that an answer was lost."""
    if detail.message and not _ONLY_A_STATUS.fullmatch(detail.message):
        return True
    code = (detail.code or "").lower()
    return _by_code(code) is not None or (_is_http_status(code) and code.startswith("4"))


def says_answer_was_lost(detail: ErrorDetail) -> bool:
    """Whether an error only says that a server on the way stopped waiting, or lost the connection. The code goes first."""
    code = (detail.code or "").lower()
    return bool(_LOST.search(code if _by_code(code) else detail.message[:_SEARCHED]))


def is_permanent_failure(detail: ErrorDetail) -> bool:
    """Whether a rendering that failed with these words would fail again for the same request."""
    return classify_error(detail, None, Call.QUERY) in (errors.ContentRejected, errors.InvalidRequest)


def _known_kind(detail: ErrorDetail, http_status: int | None, call: Call) -> Kind | None:
    code = (detail.code or "").lower()
    if code == "model_not_found":
        return errors.GatewayUnavailable if http_status == 503 else errors.InvalidRequest
    if kind := _by_code(code):
        return kind
    text = detail.message[:_SEARCHED]
    for kind, pattern in _BY_TEXT:
        if pattern.search(text):
            busy = kind is errors.GatewayUnavailable and http_status == 429
            return errors.RateLimited if busy else kind
    if call is Call.QUERY and "fail_to_fetch_task" in (code, text):
        return errors.GatewayUnavailable
    return _by_status(int(code), call) if _is_http_status(code) else None


def _by_code(code: str) -> Kind | None:
    return next((kind for kind, pattern in _BY_CODE if pattern.search(code)), None)


def _is_http_status(code: str) -> bool:
    return code.isascii() and code.isdigit() and len(code) == 3 and code[0] in "45"


def _by_status(http_status: int | None, call: Call) -> Kind:
    if http_status is None or http_status < 400 or http_status >= 500:
        return errors.GatewayUnavailable
    if http_status == 404:
        return errors.VideoNotFound if call in (Call.QUERY, Call.CONTENT) else errors.InvalidRequest
    return _BY_STATUS.get(http_status, errors.InvalidRequest)
