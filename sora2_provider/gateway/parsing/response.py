"""One answer of a gateway: its JSON or its page, its request id, and the errors that it can become.

What an answer means for each call is decided in :mod:`~sora2_provider.gateway.parsing.videos` and
:mod:`~sora2_provider.gateway.parsing.account`.
"""

from __future__ import annotations

import dataclasses
import html
import math
import re
import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import NoReturn
from urllib.parse import urlsplit

from sora2_provider.gateway import errors
from sora2_provider.gateway.encodings import plain_text
from sora2_provider.gateway.parsing.bodies import names_something, parse_json, shown
from sora2_provider.gateway.parsing.error_details import error_detail, request_id
from sora2_provider.gateway.parsing.error_kinds import (
    NO_ERROR,
    TRANSIENT,
    Call,
    ErrorDetail,
    classify_error,
    is_explained,
    is_upstreams_key,
    says_no_money,
    told,
    told_of_loss,
)
from sora2_provider.gateway.parsing.error_words import Kind
from sora2_provider.gateway.parsing.fields import Json, clean
from sora2_provider.gateway.parsing.firewalls import TO_DO, Firewall, find_firewall

_REQUEST_ID_HEADERS = ("x-request-id", "x-oneapi-request-id", "request-id", "cf-ray")
_POINTERS = ("location", "operation-location", "azure-asyncoperation", "content-location")
_STATUS_TEXTS = {429: " (too many requests)", 401: " (the key was not accepted)", 402: " (no balance)"}
_XML_CODE = re.compile(rb"<Code>([^<]{1,200})</Code>")
_XML_MESSAGE = re.compile(rb"<Message>([^<]{1,1000})</Message>")
_PAGE_START = 8_192
_UNSEEN = re.compile(r"<(script|style|title)\b.*?</\1|<[^>]{0,500}>", re.I | re.S)
#: Characters of a page without a title that are its first line.
_HEADLINE = 300
_ERROR_TITLE = re.compile(
    r"(?:^|error|http|status|\|)\W{0,3}(?:408|499|5[0-3]\d)\b|bad gateway|internal server error|service (?:temporarily )?unavailable|"
    r"server ?error|(?:application|serveur|servidor) error|went wrong|serverfehler|erreur (?:du )?serveur|error (?:del|no) servidor|"
    r"(?:服务器?|伺服器|系统|系統|网关|網關).{0,4}(?:错误|錯誤|异常|異常|故障)|サーバー?.{0,4}エラー|오류|ошибка.{0,4}сервер",
    re.I,
)
#: What to do where an upstream refuses the gateway's own key.
_TELL_THE_OPERATOR = (
    "Tell the gateway's operator. Nothing is wrong with the connection's key; a later try may reach another upstream."
)
#: An address with an id in it.
_OF_A_VIDEO = re.compile(
    r"/(?:videos?|tasks?|jobs?|query|status|results?|generations?|operations?)/(?=[^/?#]*\d)(?!(?:v\d+|[45]\d\d)(?:[/?#]|\Z))"
    r"[\w:.~%=-]+/?(?:[?#]|\Z)|[?&](?:(?:task|video|job)_?)?id=[^&]",
    re.I,
)
_WORD = re.compile(r"[^\W\d_]{2}")
_PAGE = re.compile(rb"<(!doctype|html|head|title|body)\b", re.I)


class Response:
    """One HTTP answer to one call, parsed once. A poll makes one of these: what costs time is left to who asks for it.

    :param body: without the key.
    :ivar parsed: the JSON of the body; ``None`` where it holds none.
    :ivar object: the JSON object of a successful answer; ``None`` for any other.

    The ``raise_...`` methods raise what the answer is where it is not what was asked for.
    """

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, call: Call) -> None:
        self.status = status
        self._headers = headers
        self.body = body = plain_text(body)
        self.call = call
        self.parsed = parsed = parse_json(body)
        self.object: Json | None = parsed if 200 <= status < 300 and isinstance(parsed, dict) else None

    @cached_property
    def headers(self) -> dict[str, str]:
        return {str(name).lower(): str(value) for name, value in self._headers.items()}

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_redirect(self) -> bool:
        return 300 <= self.status < 400

    @property
    def may_redirect_to_a_video(self) -> bool:
        """Whether a redirect of a create may lead to what the create has made: web frameworks answer a form that they took so."""
        target = self.headers.get("location", "")
        return self.status == 303 or (self.status in (301, 302) and _OF_A_VIDEO.search(target[:2_000]) is not None)

    @property
    def is_list_of_one(self) -> bool:
        """Whether the object stood alone in a list."""
        return self.object is not None and self.body[:64].lstrip()[:1] == b"["

    @property
    def is_html(self) -> bool:
        # The bytes tell, not the Content-Type: some proxies send their JSON, cut or whole, as text/html. A PHP warning
        # before the JSON begins with markup too, and is no page.
        return self.is_markup and _PAGE.search(self.body[:65_536]) is not None

    @property
    def is_markup(self) -> bool:
        return self.parsed is None and self.body[:65_536].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")

    @property
    def may_be_the_gateways(self) -> bool:
        """Whether a page is no web site's: a proxy's for a server that it has lost, or JSON that was made a page of."""
        headline = _title(self.body) or self.text_of_page[:_HEADLINE]
        is_of_loss = _ERROR_TITLE.search(headline) is not None or told_of_loss([headline]) is not None
        return is_of_loss or names_something(self.text_of_page)

    @cached_property
    def text_of_page(self) -> str:
        """What a reader sees of a page."""
        text = _UNSEEN.sub(" ", self.body[:_PAGE_START].decode("utf-8", "replace"))
        return f"{_title(self.body)} {' '.join(html.unescape(text).split())}".strip()

    @property
    def error_detail(self) -> ErrorDetail:
        """What the body says of the error, given that the HTTP status says that it is one."""
        if self.parsed is not None:
            return error_detail(self.parsed, is_error=True) or NO_ERROR
        if self.is_markup:
            return _object_store_error(self.body) or ErrorDetail(_title(self.body))
        text = clean(self.body[:2_000].decode("utf-8", "replace"))
        return ErrorDetail("" if "\ufffd" in text else text[:300])

    def raise_refused_or_unreadable(self) -> NoReturn:
        """Raise the error of an answer that holds no JSON object, or whose HTTP status is an error."""
        if self.is_redirect:
            self.raise_redirected()
        if not self.is_success:
            self.raise_refused(self.error_detail)
        if self.parsed is None and self.firewall is not None:
            self.raise_refused(self.error_detail)
        if self.is_html:
            self.raise_not_the_api()
        if isinstance(self.parsed, (str, list)) and self.parsed:
            self.raise_refused(self.error_detail)
        self.raise_unreadable("The gateway's answer cannot be read" if self.body else "The gateway's answer is empty")

    @property
    def firewall(self) -> Firewall | None:
        """The firewall in front of the gateway that has answered in its place."""
        detail, is_page = self.error_detail, self.parsed is None
        # The title of a page is for people: "Access denied" stands over a proxy's 429. An object store's XML has a code.
        if (detail.code or self._tells_of_no_money) if self.is_markup else is_explained(detail):
            return None
        text = self.text_of_page if is_page else told(detail)
        said = detail.message if _WORD.search(detail.message) else text[:_HEADLINE]
        return find_firewall(
            self.status, self.headers, text, page=is_page, said=clean(said), code=detail.code, body=self.body
        )

    def raise_refused(self, detail: ErrorDetail) -> NoReturn:
        if (wall := self.firewall) is not None:
            named = dataclasses.replace(detail, request_id=detail.request_id or wall.reference)
            self._raise(errors.GatewayUnavailable, wall.message("the gateway"), named, transient=True, to_do=TO_DO)
        kind = self._kind_of_page(detail) if self.is_markup else classify_error(detail, self.status, self.call)
        said = detail.message or (
            f"The gateway refused the call and gave no reason{_STATUS_TEXTS.get(self.status, '')}."
        )
        if self.parsed is not None and is_upstreams_key(detail, self.status, self.call):
            said = f"The gateway's upstream refuses the gateway's own key, and not yours: \"{said}\""
            self._raise(kind, said, detail, transient=True, to_do=_TELL_THE_OPERATOR)
        self._raise(kind, said, detail, transient=kind in TRANSIENT)

    @property
    def _tells_of_no_money(self) -> bool:
        return says_no_money(ErrorDetail(self.text_of_page[:_HEADLINE]))

    def _kind_of_page(self, detail: ErrorDetail) -> Kind:
        if self._tells_of_no_money:
            return errors.InsufficientBalance
        # An object store refuses a link, and no key.
        is_stores = detail.code is not None and self.status == 403
        return errors.GatewayUnavailable if is_stores else classify_error(NO_ERROR, self.status, self.call)

    def may_be_sent_again(self, detail: ErrorDetail) -> bool:
        """Whether a create would be sent again after this refusal."""
        return self.firewall is not None or classify_error(detail, self.status, self.call) in TRANSIENT

    def raise_unreadable(self, what: str) -> NoReturn:
        self._raise(errors.UnreadableResponse, f"{what}.", transient=self.call in (Call.QUERY, Call.CONTENT))

    def raise_not_ready(self, word: str) -> NoReturn:
        message = f"There is no file yet: the gateway says that the video is {word}."
        self._raise(errors.GatewayUnavailable, message, transient=True)

    def raise_not_the_api(self) -> NoReturn:
        title = _title(self.body)
        named = f' "{title}"' if title else ""
        self.raise_unreadable(
            f"The address answers with a web page{named}, not with the gateway's API. "
            "The connection's base URL is probably wrong"
        )

    def raise_redirected(self) -> NoReturn:
        # Only the target's origin: its query may hold a token.
        try:
            parts = urlsplit(self.headers.get("location", ""))
            target = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else "another path"
        except ValueError:
            target = "another address"
        message = (
            f"The gateway redirects to {clean(target)[:300]}{self._points_to}. Redirects are not followed, because the API key "
            "would go with them: put the final address into the connection's base URL."
        )
        self._raise(errors.UnreadableResponse, message, transient=False)

    def raise_outcome_unknown(self, what: str, detail: ErrorDetail = NO_ERROR) -> NoReturn:
        words = detail.message or (_title(self.body) if self.is_html else "")
        said = f' ("{words}")' if words else ""
        text = self.text_of_page if self.is_html else self.body.decode("utf-8", "replace")
        if text and (not words or names_something(text)):
            said += f". Its answer: {shown(text)}"
        self._raise(
            errors.SubmissionUnknown, f"{what}{said}{self._points_to}: a video may be rendering, and billed.", detail
        )

    @property
    def _points_to(self) -> str:
        """Where a video may be found: only a path, because a query may hold a token."""
        named = next((self.headers[name] for name in _POINTERS if self.headers.get(name)), "")
        try:
            path = clean(urlsplit(named).path)[:200]
        except ValueError:
            return ""
        return f". It points to {path}" if path else ""

    def _raise(
        self,
        kind: Kind,
        message: str,
        detail: ErrorDetail = NO_ERROR,
        *,
        transient: bool = False,
        to_do: str = "",
    ) -> NoReturn:
        in_headers = (clean(self.headers.get(name))[:200] for name in _REQUEST_ID_HEADERS)
        raise kind(
            message,
            code=detail.code,
            http_status=self.status,
            request_id=detail.request_id or request_id(self.parsed) or next(filter(None, in_headers), None),
            retry_after=_retry_after(self.headers),
            transient=transient,
            to_do=to_do,
        )


def _object_store_error(body: bytes) -> ErrorDetail | None:
    """Return the error in an object store's XML: ``<Error><Code>ExpiredToken</Code><Message>...``."""
    code, message = (pattern.search(body[:8_192]) for pattern in (_XML_CODE, _XML_MESSAGE))
    if code is None or message is None:
        return None
    text, word = (clean(found.group(1).decode("utf-8", "replace")) for found in (message, code))
    return ErrorDetail(text[:300], code=word[:100] or None)


def _title(body: bytes) -> str:
    text = body[:65_536].decode("utf-8", "replace")
    lowered = text.lower()
    start = lowered.find("<title")
    end = lowered.find("</title", start) if start >= 0 else -1
    opened = text.find(">", start, end) if end >= 0 else -1
    return clean(" ".join(text[opened + 1 : end].split()))[:200] if opened >= 0 else ""


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
        read = parsedate_to_datetime(value)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None
