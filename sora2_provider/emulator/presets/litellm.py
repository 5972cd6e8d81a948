"""A LiteLLM proxy in front of OpenAI: the openai wire with ids, errors and headers of its own.

As versions 1.105 and 1.110 were measured: a query answers with another id than the create did, which nobody must ask for, a
file that is not there is a ``video/mp4`` with HTTP 200, and a list is of no use.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sora2_provider.emulator.answers import Answer, RefusedError, json_answer, openai_error
from sora2_provider.emulator.create_request import CreateRequest
from sora2_provider.emulator.credentials import Credentials
from sora2_provider.emulator.dialects.base import Dialect, Route
from sora2_provider.emulator.dialects.openai import SIZES, OpenAIDialect
from sora2_provider.emulator.presets.base import FILE_ROUTE, Preset
from sora2_provider.emulator.presets.openai import StrictOpenAIDialect
from sora2_provider.emulator.request_body import RequestBody, UploadedFile
from sora2_provider.emulator.videos import VideoSnapshot

_MODEL_ID = hashlib.sha256(b"emulator").hexdigest()
"""The deployment's, which a create's id names and a query's does not."""
_MANAGED_ID = re.compile(f"litellm:custom_llm_provider:openai;model_id:{_MODEL_ID};video_id:([^;]+)")
#: What it says of an object where it wants a file: it breaks as it sends, and names that an error of the server.
_NOT_SENT = (
    "litellm.InternalServerError: InternalServerError: OpenAIException - Failed to send bytes into the underlying "
    """connection: AttributeError("'dict' object has no attribute 'read'")"""
)
_NAMES = {400: "BadRequestError", 401: "AuthenticationError", 404: "NotFoundError"}


class LiteLLMDialect(StrictOpenAIDialect):
    """What the proxy makes of OpenAI's wire."""

    serves_ranges = False
    routes = tuple(
        replaced._replace(path=replaced.path.replace("/v1", "(?:/v1)?", 1))
        for replaced in OpenAIDialect.routes
        if replaced.action != "delete"
    )

    def new_id(self, model: str) -> str:
        return _managed_id(super().new_id(model), _MODEL_ID)

    def known_id(self, asked: str) -> str:
        upstream = _upstream_id(asked)
        return _managed_id(upstream, _MODEL_ID) if upstream else asked

    def read_create(self, body: RequestBody) -> CreateRequest:
        fields = _read_fields(body)
        model = fields.get("model")
        if not isinstance(model, str) or model not in SIZES:
            call = "Call `/v1/models` to view available models for your key."
            raise RefusedError(_proxy_error(400, f"/videos: Invalid model name passed in model={model}. {call}"))
        if type(fields.get("seconds")) is int:
            fields["seconds"] = str(fields["seconds"])
        if isinstance(fields.get("input_reference"), str):
            # Uploaded as a file that holds the text: no picture, and paid all the same.
            del fields["input_reference"]
        elif isinstance(fields.get("input_reference"), dict):
            raise RefusedError(_proxy_error(400, f"Invalid request format: {_NOT_SENT}{_fallback(model)}"))
        try:
            request = super().read_create(_form(fields))
        except RefusedError as refused:
            raise RefusedError(_wrapped(refused.answer, model)) from None
        return replace(request, body=body.recorded())

    def created(self, snapshot: VideoSnapshot) -> Answer:
        video, body = snapshot.video, self.video_object(snapshot)
        if video.request.remixed_from:
            body["id"] = _shown_id(video.id)
        body["usage"] = {"duration_seconds": float(video.request.duration)}
        return json_answer(200, body, (("x-litellm-response-cost", str(video.price)),))

    def queried(self, snapshot: VideoSnapshot) -> Answer:
        body = self.video_object(snapshot)
        return json_answer(200, {**body, "id": _shown_id(snapshot.video.id), "usage": None})

    def video_object(self, snapshot: VideoSnapshot) -> dict[str, Any]:
        body = super().video_object(snapshot)
        del body["prompt"]
        return body

    def too_poor(self, remaining: float, request_id: str) -> Answer:
        return _wrapped(super().too_poor(remaining, request_id), "sora-2")

    def no_such_video(self, video_id: str) -> Answer:
        upstream = _upstream_id(video_id)
        if upstream:
            return _wrapped(super().no_such_video(upstream), "")
        # An id that is not its own is asked at OpenAI's public address, with the wrong key.
        return _wrapped(openai_error(401, "Incorrect API key provided: sk-***", None, "invalid_api_key"), "")

    def unfinished(self, snapshot: VideoSnapshot) -> Answer:
        return Answer(200, super().unfinished(snapshot).body, "video/mp4")

    def variant(self, _query: Mapping[str, str]) -> str:
        return "video"

    def read_remix(self, body: RequestBody, source: VideoSnapshot) -> CreateRequest:
        upstream = replace(source.video, id=_upstream_id(source.video.id))
        try:
            return super().read_remix(body, replace(source, video=upstream))
        except RefusedError as refused:
            raise RefusedError(_wrapped(refused.answer, upstream.request.model)) from None

    def listed(self, _query: Mapping[str, str], _videos: Sequence[VideoSnapshot]) -> Answer:
        message = "litellm.BadRequestError: LLM Provider NOT provided. Pass in the LLM provider you are trying to call."
        return _proxy_error(400, message)


class LiteLLM(Preset):
    """Videos and models, no balance."""

    routes = (Route("models", "GET", "(?:/v1)?/models(?:/(?P<item>[^/]+))?"), FILE_ROUTE)

    def dialect_classes(self) -> tuple[type[Dialect], ...]:
        return (LiteLLMDialect,)

    def no_such_address(self, _method: str, path: str) -> Answer:
        methods = self.methods_of(path)
        if methods:
            return json_answer(405, {"detail": "Method Not Allowed"}, (("Allow", ", ".join(methods)),))
        return json_answer(404, {"detail": "Not Found"})

    def refuse_key(self, credentials: Credentials, _request_id: str) -> Answer | None:
        if credentials.scheme not in ("bearer", "x-litellm-api-key") or not credentials.key:
            return _proxy_error(401, "Authentication Error, No api key passed in.", kind="auth_error", param="None")
        return None if credentials.looks_good else _proxy_error(400, "No connected db.", kind="no_db_connection")

    def headers(self, _request_id: str) -> tuple[tuple[str, str], ...]:
        return (("x-litellm-call-id", str(uuid.uuid4())), ("x-litellm-version", "1.105.7"))

    def models(self, name: str) -> Answer:
        if name and name not in SIZES:
            return json_answer(404, {"detail": f"The model `{name}` does not exist or is not accessible"})
        rows = [
            {"id": model, "object": "model", "created": 1677610602, "owned_by": "openai", "mode": "video_generation"}
            for model in SIZES
            if name in ("", model)
        ]
        return json_answer(200, rows[0] if name else {"data": rows, "object": "list"})


PRESET = LiteLLM


def _read_fields(body: RequestBody) -> dict[str, Any]:
    if body.form is not None:
        return body.fields()
    try:
        fields = body.json()
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise RefusedError(_proxy_error(400, "Invalid JSON payload", param="request_body"))
    return fields


def _form(fields: Mapping[str, Any]) -> RequestBody:
    """The form that goes upstream."""
    pairs: list[tuple[str, str | UploadedFile]] = []
    for name, value in fields.items():
        pairs += [(name, one) for one in (value if isinstance(value, list) else [value]) if one is not None]
    return RequestBody("multipart/form-data", form=tuple(pairs))


def _managed_id(upstream: str, model_id: str) -> str:
    text = f"litellm:custom_llm_provider:openai;model_id:{model_id};video_id:{upstream}"
    return f"video_{base64.b64encode(text.encode()).decode()}"


def _shown_id(video_id: str) -> str:
    """The id of answers that name no deployment: asked for, it leads to OpenAI's public address."""
    return _managed_id(_upstream_id(video_id) or video_id, "")


def _upstream_id(managed: str) -> str:
    """Return the id that OpenAI gave; empty where this is not the id of a create."""
    encoded = managed.removeprefix("video_")
    try:
        text = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    match = _MANAGED_ID.fullmatch(text)
    return match[1] if match else ""


def _proxy_error(status: int, message: str, *, kind: str = "invalid_request_error", param: str | None = None) -> Answer:
    return openai_error(status, message, param, str(status), kind=kind)


def _wrapped(answer: Answer, model: str) -> Answer:
    """The upstream's refusal as a text in the proxy's own error."""
    message = f"litellm.{_NAMES.get(answer.status, 'APIError')}: OpenAIException - {answer.body.decode()}"
    return _proxy_error(answer.status, message + _fallback(model))


def _fallback(model: str) -> str:
    return (
        f"\n\nLiteLLM: model group '{model}' failed with the error above. No fallback was attempted." if model else ""
    )
