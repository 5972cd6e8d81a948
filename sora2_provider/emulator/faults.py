"""Faults: what goes wrong, with which requests, and how often.

Invariants: a request meets at most one fault, the first that matches; a fault that could not do anything, or contradicts
itself, is refused when it is made, so that no test passes because its fault never happened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal

from sora2_provider.emulator.answers import Answer, html_page
from sora2_provider.emulator.validation import Within, check_fields, read_fields
from sora2_provider.emulator.videos import LinkTrouble


@dataclass(frozen=True)
class Fault:
    """One scripted fault. Every field but ``route`` is optional; contradictions raise ValueError."""

    route: Literal[
        "create", "query", "content", "file", "list", "delete", "models", "billing", "pricing", "status", "any"
    ] = "any"
    """create is a remix, too; content is the file through the gateway, file is the link."""
    video_id: str | None = None
    """Only requests for this video."""
    prompt_contains: str | None = None
    """Only requests for, or creates of, a video whose prompt holds this text."""
    times: Annotated[int, Within(1)] | None = 1
    """How many requests meet it; None is every one."""
    lasts: Annotated[float, Within(0)] | None = None
    """Seconds from the first request that meets it; later ones pass. None is for ever."""
    skip: Annotated[int, Within(0)] = 0
    """How many matching requests pass first."""
    delay: Annotated[float, Within(0)] = 0.0
    """Seconds before the answer (or the reset). A create is accepted before the delay."""
    status: Annotated[int, Within(200, 599)] | None = None
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
    reset: Literal["before", "after"] | None = None
    """before: reset the connection, nothing was accepted; after: accept and bill, then reset."""
    truncate: Annotated[int, Within(0)] | None = None
    """Announce the whole body, send this many bytes of it and close. A create is accepted."""
    bytes_per_second: Annotated[float, Within(1)] | None = None
    """A slow download."""
    cut_after: Annotated[int, Within(0)] | None = None
    """Close the connection after this many bytes of a download."""
    rendering: str | None = None
    """How the created video ends: failed, cancelled, stuck, completed, or any other status word."""
    error_code: str = ""
    error_message: str = ""
    """What a failed rendering says."""
    link: LinkTrouble | None = None
    """The video's link: expired (and the next query gives a good one), missing, or dead (404)."""

    def __post_init__(self) -> None:
        check_fields(self)
        json.dumps(self.body)
        _check_combination(self)

    @classmethod
    def from_json(cls, data: Any) -> Fault:
        """Return the fault in a JSON object; ValueError says what is allowed."""
        return read_fields(cls, data)

    def to_json(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults, and route and times."""
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
        """Whether the client cannot read that its create was accepted."""
        return self.replaces or self.reset is not None or self.truncate is not None

    def replacement(self, host: str) -> Answer:
        """Return the answer in place of the gateway's own."""
        if self.redirect is not None:
            return Answer(self.status or 302, b"", headers=(("Location", self.redirect),))
        status = self.status or 200
        if self.html:
            return Answer(status, html_page(status, host), "text/html; charset=utf-8")
        if self.body is None:
            return Answer(status)
        text = self.body if isinstance(self.body, str) else json.dumps(self.body, ensure_ascii=False)
        return Answer(status, text.encode())

    def decorate(self, answer: Answer) -> Answer:
        """Return the answer with this fault's headers and content type."""
        headers = answer.headers + tuple((self.headers or {}).items())
        return replace(answer, headers=headers, content_type=self.content_type or answer.content_type)


def _check_combination(fault: Fault) -> None:
    decorates = bool(fault.headers) or fault.content_type is not None
    ends = (fault.reset is not None) + (fault.truncate is not None) + (fault.cut_after is not None)
    download = fault.bytes_per_second is not None or fault.cut_after is not None
    changes_video = fault.rendering is not None or fault.link is not None
    acts = fault.replaces or decorates or ends or download or changes_video or fault.delay
    header_texts = [text for pair in (fault.headers or {}).items() for text in pair]
    rules = (
        (any("\r" in text or "\n" in text for text in header_texts), "headers must be texts on one line"),
        (not acts, "the fault does nothing: say status, body, delay, reset, truncate, rendering, link or another"),
        (ends > 1, "use one of reset, truncate and cut_after"),
        (fault.reset is not None and (fault.replaces or decorates), "a reset connection carries no answer"),
        (fault.reset == "before" and changes_video, "reset before accepts nothing, so no video can have this ending"),
        (fault.html and fault.body is not None, "use one of html and body"),
        (fault.redirect is not None and (fault.html or fault.body is not None), "a redirect has no body here"),
        (fault.lasts is not None and fault.times == 1, "a fault that lasts is met again and again: add times=None"),
        (fault.accept and fault.route != "create", "accept is about creates: add route='create'"),
        (fault.accept and not fault.replaces, "accept needs another answer: status, body, html or redirect"),
        (changes_video and fault.replaces and not fault.accept, "the create is refused: add accept=True, or no answer"),
        (download and fault.route not in ("content", "file"), "slow and cut downloads are for the routes content and file"),
        (download and fault.replaces, "a replaced answer is no download: use truncate"),
        (fault.rendering is not None and fault.route != "create", "rendering needs route='create'"),
        (fault.rendering == "", "rendering must be a status word"),
        (fault.link is not None and fault.route not in ("create", "query"), "link needs route create or query"),
        (bool(fault.error_code or fault.error_message) and fault.rendering != "failed",
         "error_code and error_message need rendering='failed'"),
        (fault.route == "create" and fault.video_id is not None, "a create has no id yet: use prompt_contains"),
    )  # fmt: skip
    for broken, message in rules:
        if broken:
            raise ValueError(message)
