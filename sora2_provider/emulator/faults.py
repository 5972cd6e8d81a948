"""Faults: what shall go wrong, with which requests, and how often.

Invariants: one request meets at most one fault, the first that matches in the order of adding; a fault that could
not do anything, or whose parts contradict each other, is refused when made, so that no test passes because its
fault never happened.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from sora2_provider.emulator.answers import Answer, html_page
from sora2_provider.emulator.videos import LINK_TROUBLES

ROUTES = ("create", "query", "models", "billing", "content", "file", "any")
_DOWNLOADS = ("content", "file")


@dataclass(frozen=True)
class Fault:
    """One scripted fault. Every field but ``route`` is optional; contradictions raise ValueError."""

    route: str = "any"
    """create, query, models, billing, content, file or any."""
    video_id: str | None = None
    """Only requests for this video."""
    prompt_contains: str | None = None
    """Only requests for, or creates of, a video whose prompt holds this text."""
    times: int | None = 1
    """How many requests meet it; None is every one."""
    lasts: float | None = None
    """Seconds from the first request that meets it; later ones pass. None is for ever."""
    skip: int = 0
    """How many matching requests pass first."""
    delay: float = 0.0
    """Seconds before the answer (or the reset). A create is accepted before the delay."""
    status: int | None = None
    """Answer with this status; alone, with an empty body."""
    headers: Mapping[str, str] | None = None
    """More headers for the answer, the gateway's own answer included."""
    body: Any = None
    """Answer with this body: a text as it is, anything else as JSON."""
    content_type: str | None = None
    """The answer's content type, the gateway's own answer included."""
    html: bool = False
    """Answer with a page: a proxy's error page, or with a status below 400 (the default) a start page."""
    redirect: str | None = None
    """Answer with a redirect to this address (302, or ``status``)."""
    accept: bool = False
    """A create that is answered with the above is accepted and billed all the same."""
    reset: str | None = None
    """before: reset the connection, nothing was accepted; after: accept and bill, then reset."""
    truncate: int | None = None
    """Announce the whole body, send this many bytes of it and close. A create is accepted."""
    bytes_per_second: float | None = None
    """A slow download."""
    cut_after: int | None = None
    """Close the connection after this many bytes of a download."""
    rendering: str | None = None
    """How the created video ends: failed, cancelled, stuck, completed, or any other status word."""
    error_code: str = ""
    error_message: str = ""
    """What a failed rendering says."""
    link: str | None = None
    """The video's link: expired (the next one is born expired), missing, or dead (404)."""

    def __post_init__(self) -> None:
        for name, value in ((field.name, getattr(self, field.name)) for field in fields(self)):
            _check_type(name, value)
        if self.route not in ROUTES:
            raise ValueError(f"route must be one of {', '.join(ROUTES)}, not {self.route!r}")
        _check_combination(self)

    @classmethod
    def from_json(cls, data: Any) -> Fault:
        """Return the fault in a JSON object; ValueError says what is allowed."""
        names = [field.name for field in fields(cls)]
        if not isinstance(data, dict):
            raise ValueError(f"a fault must be a JSON object with any of: {', '.join(names)}")
        unknown = [name for name in data if name not in names]
        if unknown:
            raise ValueError(f"unknown field {unknown[0]!r} of a fault; allowed: {', '.join(names)}")
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        """What was set, without the defaults."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name in ("route", "times") or getattr(self, field.name) != field.default
        }

    @property
    def replaces(self) -> bool:
        """Whether the client gets another answer than the gateway's own."""
        return self.status is not None or self.body is not None or self.html or self.redirect is not None

    @property
    def loses_answer(self) -> bool:
        return self.replaces or self.reset is not None or self.truncate is not None

    def answer(self, host: str) -> Answer:
        """The answer in place of the gateway's own."""
        if self.redirect is not None:
            return Answer(self.status or 302, b"", headers=(("Location", self.redirect),))
        status = self.status or 200
        if self.html:
            return Answer(status, html_page(status, host), "text/html; charset=utf-8")
        if self.body is None:
            return Answer(status)
        text = self.body if isinstance(self.body, str) else json.dumps(self.body, ensure_ascii=False)
        return Answer(status, text.encode())

    def dress(self, answer: Answer) -> Answer:
        """The answer with this fault's headers and content type."""
        headers = answer.headers + tuple((self.headers or {}).items())
        return replace(answer, headers=headers, content_type=self.content_type or answer.content_type)


_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "route": ((str,), "a text"),
    "video_id": ((str, type(None)), "a text"),
    "prompt_contains": ((str, type(None)), "a text"),
    "times": ((int, type(None)), "a whole number or null"),
    "lasts": ((int, float, type(None)), "a number of seconds or null"),
    "skip": ((int,), "a whole number"),
    "delay": ((int, float), "a number of seconds"),
    "status": ((int, type(None)), "an HTTP status"),
    "headers": ((Mapping, type(None)), "an object of texts"),
    "content_type": ((str, type(None)), "a text"),
    "html": ((bool,), "true or false"),
    "redirect": ((str, type(None)), "an address"),
    "accept": ((bool,), "true or false"),
    "reset": ((str, type(None)), "before or after"),
    "truncate": ((int, type(None)), "a number of bytes"),
    "bytes_per_second": ((int, float, type(None)), "a number"),
    "cut_after": ((int, type(None)), "a number of bytes"),
    "rendering": ((str, type(None)), "a status word"),
    "error_code": ((str,), "a text"),
    "error_message": ((str,), "a text"),
    "link": ((str, type(None)), f"one of {', '.join(LINK_TROUBLES)}"),
}
_LOWEST: dict[str, float] = {
    "times": 1,
    "lasts": 0,
    "skip": 0,
    "delay": 0,
    "status": 200,
    "truncate": 0,
    "bytes_per_second": 1,
    "cut_after": 0,
}


def _check_type(name: str, value: Any) -> None:
    if name not in _TYPES:  # body: anything that JSON can say
        json.dumps(value)
        return
    types, words = _TYPES[name]
    fits = isinstance(value, types) and (type(value) is bool) == (bool in types)
    if not fits:
        raise ValueError(f"{name} must be {words}, not {value!r}")
    if value is None:
        return
    if name in _LOWEST and not (math.isfinite(value) and value >= _LOWEST[name]):
        raise ValueError(f"{name} must be {_LOWEST[name]:g} or more, not {value!r}")
    if name == "status" and value > 599:
        raise ValueError(f"status must be at most 599, not {value!r}")
    if name == "headers":
        for text in (*value.keys(), *value.values()):
            if not isinstance(text, str) or "\n" in text or "\r" in text:
                raise ValueError(f"headers must be an object of texts on one line, not {value!r}")


def _check_combination(fault: Fault) -> None:
    dressed = bool(fault.headers) or fault.content_type is not None
    ends = (fault.reset is not None) + (fault.truncate is not None) + (fault.cut_after is not None)
    download = fault.bytes_per_second is not None or fault.cut_after is not None
    born = fault.rendering is not None or fault.link is not None
    does = fault.replaces or dressed or ends or download or born or fault.delay
    rules = (
        (not does, "the fault does nothing: say status, body, delay, reset, truncate, rendering, link or another"),
        (fault.reset not in (None, "before", "after"), f"reset must be before or after, not {fault.reset!r}"),
        (ends > 1, "use one of reset, truncate and cut_after"),
        (fault.reset is not None and (fault.replaces or dressed), "a reset connection carries no answer"),
        (fault.reset == "before" and born, "reset before accepts nothing, so no video can have this ending"),
        (fault.html and fault.body is not None, "use one of html and body"),
        (fault.redirect is not None and (fault.html or fault.body is not None), "a redirect has no body here"),
        (fault.lasts is not None and fault.times == 1, "a fault that lasts is met again and again: add times=None"),
        (fault.accept and fault.route != "create", "accept is about creates: add route='create'"),
        (fault.accept and not fault.replaces, "accept needs another answer: status, body, html or redirect"),
        (born and fault.replaces and not fault.accept, "the create is refused: add accept=True, or no answer"),
        (download and fault.route not in _DOWNLOADS, "slow and cut downloads are for the routes content and file"),
        (download and fault.replaces, "a replaced answer is no download: use truncate"),
        (fault.rendering is not None and fault.route != "create", "rendering needs route='create'"),
        (fault.rendering == "", "rendering must be a status word"),
        (fault.link is not None and fault.route not in ("create", "query"), "link needs route create or query"),
        (fault.link not in (None, *LINK_TROUBLES), f"link must be one of {', '.join(LINK_TROUBLES)}"),
        (bool(fault.error_code or fault.error_message) and fault.rendering != "failed",
         "error_code and error_message need rendering='failed'"),
        (fault.route == "create" and fault.video_id is not None, "a create has no id yet: use prompt_contains"),
    )  # fmt: skip
    for broken, message in rules:
        if broken:
            raise ValueError(message)
