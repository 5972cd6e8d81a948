"""One HTTP answer: its JSON or its page, its request id, and how it becomes an error.

What an answer means for each call is decided in :mod:`~sora2_provider.gateway.parsing.videos`.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, NoReturn
from urllib.parse import urlsplit

from sora2_provider.gateway import errors
from sora2_provider.gateway.parsing import error_details as explanations
from sora2_provider.gateway.parsing import fields as shapes
from sora2_provider.gateway.parsing.error_kinds import Call, Kind, Refusal, is_transient, kind_of

_REQUEST_ID_HEADERS = ("x-request-id", "x-oneapi-request-id", "request-id", "cf-ray")
_JSON_LAYERS = 3
_JSON_SPACE = " \t\r\n"
_decode = json.JSONDecoder().raw_decode
# Bytes of an answer that may be parsed a second time, when it is not what nearly all are.
_SHORT = 16_384
_XML_CODE = re.compile(rb"<Code>([^<]{1,200})</Code>")
_XML_MESSAGE = re.compile(rb"<Message>([^<]{1,1000})</Message>")
_PAGE = re.compile(rb"<(!doctype|html|head|title|body)\b", re.I)
# No answer has a hundredth of them; to build hundreds of thousands of lists would hold up the triggerer's loop.
_MAX_BRACKETS = 50_000


class Answer:
    """One HTTP answer, parsed once, that knows how to become an error."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, call: Call) -> None:
        self.status = status
        self._headers = headers
        self.body = body
        self.call = call
        self.parsed = _parse(body)

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
    def is_html(self) -> bool:
        # The bytes tell, not the Content-Type: some proxies send their JSON, cut or whole, as text/html. A PHP warning
        # before the JSON begins with markup too, and is no page.
        return self.is_markup and _PAGE.search(self.body[:65_536]) is not None

    @property
    def is_markup(self) -> bool:
        return self.parsed is None and self.body[:65_536].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")

    @property
    def refusal(self) -> Refusal | None:
        """What the body says of the error, given that the HTTP status says it is one."""
        if self.parsed is not None:
            return explanations.refusal(self.parsed, refused=True)
        if self.is_markup:
            return _object_store_error(self.body) or Refusal(_title(self.body))
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
        # The title of a proxy's page is for people: "Access denied" stands over its 429.
        kind = kind_of(Refusal() if self.is_markup else refusal, self.status, self.call)
        self._raise(kind, refusal.message or self._unexplained(), refusal, transient=is_transient(kind))

    def unreadable(self, what: str) -> NoReturn:
        transient = self.call in (Call.QUERY, Call.CONTENT)
        self._raise(errors.UnreadableResponse, f"{what}.", None, transient=transient)

    def not_ready(self, word: str) -> NoReturn:
        message = f"There is no file yet: the gateway says that the video is {word}."
        self._raise(errors.GatewayUnavailable, message, None, transient=True)

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
    if len(body) > _MAX_BRACKETS and body.count(b"[") + body.count(b"{") > _MAX_BRACKETS:
        return None
    if len(body) <= _SHORT and (usual := _parse_object(body)) is not None:
        return usual
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


def _parse_object(body: bytes) -> dict[str, Any] | None:
    """Return what ``json.loads`` does of an object in UTF-8, which nearly all answers are, in two thirds of its time."""
    try:
        text = body.decode().strip(_JSON_SPACE)
        node, end = _decode(text)
    except (ValueError, RecursionError):
        return None
    return node if end == len(text) and isinstance(node, dict) else None


def _object_store_error(body: bytes) -> Refusal | None:
    """Return the error in an object store's XML: ``<Error><Code>ExpiredToken</Code><Message>...``."""
    code, message = (pattern.search(body[:8_192]) for pattern in (_XML_CODE, _XML_MESSAGE))
    if code is None or message is None:
        return None
    text, word = (shapes.clean(found.group(1).decode("utf-8", "replace")) for found in (message, code))
    return Refusal(text[:300], code=word[:100] or None)


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
        read = parsedate_to_datetime(value)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None
