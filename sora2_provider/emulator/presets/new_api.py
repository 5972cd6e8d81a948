"""new-api as its source has it: one create at two addresses, tasks in an envelope, and a web page for what it does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sora2_provider.emulator.answers import Answer, RefusedError, api_error, html_page, json_answer, task_error
from sora2_provider.emulator.create_request import CreateRequest
from sora2_provider.emulator.dialects.base import Dialect, Route
from sora2_provider.emulator.dialects.generations import GenerationsDialect, film_url, task_video
from sora2_provider.emulator.models import MODELS
from sora2_provider.emulator.presets.base import Preset
from sora2_provider.emulator.presets.openai import StrictOpenAIDialect
from sora2_provider.emulator.request_body import RequestBody
from sora2_provider.emulator.task_objects import openai_video
from sora2_provider.emulator.videos import VideoSnapshot

_ENDPOINT_TYPES = {"sora": ["openai-video"], "gemini": ["gemini", "openai"]}
_PATHS = {
    "openai": "/v1/chat/completions",
    "gemini": "/v1beta/models/{model}:generateContent",
    "openai-video": "/v1/videos",
}


class NewApiGenerationsDialect(GenerationsDialect):
    """Its sora channel passes a body on as it came, so a strict upstream refuses what it does not know."""

    def read_create(self, body: RequestBody) -> CreateRequest:
        request = super().read_create(body)
        if self.settings.strict and MODELS[request.model].channel == "sora":
            try:
                return StrictOpenAIDialect(self.settings).read_create(body)
            except RefusedError as refused:
                answer = refused.answer
                raise RefusedError(task_error(answer.status, "fail_to_fetch_task", answer.body.decode())) from None
        return request


class NewApiVideosDialect(NewApiGenerationsDialect):
    """The same tasks at OpenAI's addresses, as OpenAI's object where the channel has a converter."""

    name = "openai"
    serves_ranges = False
    routes = (
        Route("create", "POST", "/v1/videos"),
        Route("query", "GET", "/v1/videos/(?P<item>[^/]+)"),
        Route("content", "GET", "/v1/videos/(?P<item>[^/]+)/content"),
        Route("remix", "POST", "/v1/videos/(?P<item>[^/]+)/remix"),
    )

    def queried(self, snapshot: VideoSnapshot) -> Answer:
        channel = MODELS[snapshot.video.request.model].channel
        if channel == "xai":
            return _not_implemented(channel)
        body = openai_video(snapshot) if channel == "sora" else task_video(snapshot)
        if channel != "sora":
            body["metadata"] = {"url": film_url(snapshot) or snapshot.state.error_message}
            # Set while it renders, too.
            body["completed_at"] = int(snapshot.state.changed_at)
        return json_answer(200, body)

    def no_such_content(self, _video_id: str) -> Answer:
        return api_error(404, "Task not found", kind="invalid_request_error")

    def read_remix(self, body: RequestBody, source: VideoSnapshot) -> CreateRequest:
        request = source.video.request
        channel = MODELS[request.model].channel
        if channel != "sora":
            raise RefusedError(_not_implemented(channel))
        try:
            fields: Any = body.fields() if body.form is not None else body.json()
        except ValueError:
            fields = None
        prompt = fields.get("prompt") if isinstance(fields, Mapping) else None
        if not isinstance(prompt, str) or not prompt.strip():
            raise RefusedError(task_error(400, "invalid_request", "prompt is required"))
        return CreateRequest(
            model=request.model,
            prompt=prompt,
            duration=request.duration,
            size=request.size,
            pixels=request.pixels,
            body=body.recorded(),
            remixed_from=source.video.id,
        )


class NewApi(Preset):
    """The openai and the generations wire; relays that have the unified one run forks."""

    def dialect_classes(self) -> tuple[type[Dialect], ...]:
        return (NewApiVideosDialect, NewApiGenerationsDialect)

    def no_such_address(self, method: str, path: str) -> Answer:
        if path.startswith(("/v1", "/api")):
            return super().no_such_address(method, path)
        return Answer(200, html_page(200, "new-api"), "text/html; charset=utf-8")

    def endpoint_types(self, model: str) -> list[str]:
        return _ENDPOINT_TYPES.get(MODELS[model].channel, ["openai"])

    def create_paths(self) -> dict[str, str]:
        return _PATHS


PRESET = NewApi


def _not_implemented(channel: str) -> Answer:
    return task_error(501, "not_implemented", f"not_implemented:{channel}")
