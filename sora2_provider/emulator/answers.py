"""Answers as values, and the shapes in which gateways of this family refuse."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import responses
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, before it is sent."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class RefusedError(Exception):
    """The gateway refuses the request; ``answer`` says how."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body.decode(errors="replace"))
        self.answer = answer


def json_answer(status: int, body: Any, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    return Answer(status, json.dumps(body, ensure_ascii=False).encode(), headers=headers)


def task_error(status: int, code: str, message: str) -> Answer:
    """The flat shape of the task routes."""
    return json_answer(status, {"code": code, "message": message, "data": None})


def api_error(status: int, message: str, *, kind: str = "new_api_error", **more: Any) -> Answer:
    """The nested shape of the relay in front of them."""
    return json_answer(status, {"error": {"message": message, "type": kind, **more}})


def openai_error(
    status: int, message: str, param: str | None = None, code: str | None = None, *, kind: str = "invalid_request_error"
) -> Answer:
    """The shape of OpenAI's own API, whose four fields are always there."""
    return json_answer(status, {"error": {"message": message, "type": kind, "param": param, "code": code}})


def no_channel(model: str) -> RefusedError:
    """The refusal of a relay that does not have the model."""
    message = f"No available channel for model {model} under group default"
    return RefusedError(api_error(503, message, code="model_not_found"))


def wrong_key(request_id: str, *, missing: bool) -> Answer:
    text = "未提供令牌" if missing else "无效的令牌"
    return api_error(401, f"{text} (request id: {request_id})", code="")


def no_such_address(method: str, path: str) -> Answer:
    message = f"Invalid URL ({method} {path})"
    return api_error(404, message, kind="invalid_request_error", param="", code="")


def no_such_task() -> Answer:
    return task_error(400, "task_not_exist", "task_not_exist")


def html_page(status: int, host: str) -> bytes:
    """The page of a proxy's error, or with a good status the start page that a wrong base URL leads to."""
    if status < 400:
        return (
            b'<!doctype html><html lang="en"><head><meta charset="utf-8"/>'
            b"<title>AI gateway console</title></head><body><noscript>This page needs JavaScript."
            b'</noscript><div id="root"></div></body></html>'
        )
    name = responses.get(status) or _CLOUDFLARE_ERRORS.get(status, "Error")
    return (
        f'<!DOCTYPE html>\n<html lang="en-US">\n<head><title>{host} | {status}: {name}</title>'
        f'<meta charset="UTF-8"/></head>\n<body><h1>{name}</h1><p>Error code {status}. '
        "The web server did not give a complete answer. Please try again in a few minutes.</p></body>\n</html>\n"
    ).encode()


#: What Cloudflare adds to the standard's.
_CLOUDFLARE_ERRORS = {
    520: "Web server is returning an unknown error",
    522: "Connection timed out",
    524: "A timeout occurred",
}
