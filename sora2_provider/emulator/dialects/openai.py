"""OpenAI's wire ``/v1/videos``: JSON or a form, seconds as a text, and the bytes at ``/content``.

Strict, it takes what OpenAI's own API takes. Else it is a relay, which has other models, lengths and sizes, and passes over
fields that it does not know; types and uploaded files are read as strictly.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sora2_provider.emulator.answers import Answer, RefusedError, json_answer, no_channel, openai_error
from sora2_provider.emulator.create_request import CreateRequest, pixels_of
from sora2_provider.emulator.dialects.base import Dialect, Route
from sora2_provider.emulator.images import decode_image, read_image
from sora2_provider.emulator.models import MODELS, Model
from sora2_provider.emulator.openai_types import (
    read_choice,
    read_fields,
    read_integer,
    read_text,
    refuse_unknown,
    refused,
    wrong_type,
)
from sora2_provider.emulator.request_body import RequestBody, UploadedFile
from sora2_provider.emulator.task_objects import openai_video
from sora2_provider.emulator.videos import Video, VideoSnapshot

FIELDS = ("prompt", "model", "seconds", "size", "input_reference")
SECONDS = ("4", "8", "12", "16", "20")
_SMALL = ("720x1280", "1280x720")
SIZES = {
    "sora-2": _SMALL,
    "sora-2-pro": (*_SMALL, "1024x1792", "1792x1024", "1080x1920", "1920x1080"),
}
"""What OpenAI's own API takes, by model."""
VARIANTS = ("video", "thumbnail", "spritesheet")
_MOST_PROMPT = 32_000
_IMAGE_KINDS = "'image/jpeg', 'image/png', and 'image/webp'"


class OpenAIDialect(Dialect):
    """The whole set: create, retrieve, content, list, delete and remix."""

    name = "openai"
    endpoint_type = "openai-video"
    routes: ClassVar[tuple[Route, ...]] = (
        Route("create", "POST", "/v1/videos"),
        Route("list", "GET", "/v1/videos"),
        Route("query", "GET", "/v1/videos/(?P<item>[^/]+)"),
        Route("delete", "DELETE", "/v1/videos/(?P<item>[^/]+)"),
        Route("content", "GET", "/v1/videos/(?P<item>[^/]+)/content"),
        Route("remix", "POST", "/v1/videos/(?P<item>[^/]+)/remix"),
    )

    @property
    def strict(self) -> bool:
        return self.settings.strict

    def new_id(self, _model: str) -> str:
        return f"video_{uuid.uuid4().hex}"

    def read_create(self, body: RequestBody) -> CreateRequest:
        fields = read_fields(body)
        if self.strict:
            refuse_unknown(fields, FIELDS)
        prompt, model = _read_prompt(fields), self._read_model(fields)
        size = self._read_size(fields, model)
        pixels = pixels_of(size, str(fields.get("aspect_ratio", "")))
        duration = self._read_seconds(fields, model)
        link, file = _read_reference(fields.get("input_reference"), is_form=body.form is not None)
        if file and model.channel == "sora":
            _check_pixels(file, pixels)
        return CreateRequest(
            model=model.name,
            prompt=prompt,
            duration=duration,
            size=size,
            pixels=pixels,
            body=body.recorded(),
            images=(link,) if link else (),
            image_file=file,
        )

    def _read_model(self, fields: Mapping[str, Any]) -> Model:
        if self.strict:
            return MODELS[read_choice(fields, "model", tuple(SIZES), "sora-2")]
        name = read_text(fields, "model", "sora-2")
        if name not in MODELS:
            raise no_channel(name)
        return MODELS[name]

    def _read_seconds(self, fields: Mapping[str, Any], model: Model) -> int:
        allowed = SECONDS if self.strict else tuple(map(str, model.seconds))
        return int(read_choice(fields, "seconds", allowed, str(model.default_duration)))

    def _read_size(self, fields: Mapping[str, Any], model: Model) -> str:
        if self.strict:
            return read_choice(fields, "size", SIZES[model.name], _SMALL[0])
        return read_text(fields, "size", _SMALL[0])

    def created(self, snapshot: VideoSnapshot) -> Answer:
        return json_answer(200, self.video_object(snapshot), _poll_after(snapshot))

    def queried(self, snapshot: VideoSnapshot) -> Answer:
        return json_answer(200, self.video_object(snapshot), _poll_after(snapshot))

    def video_object(self, snapshot: VideoSnapshot) -> dict[str, Any]:
        request = snapshot.video.request
        remixed_from = request.remixed_from or None
        return {**openai_video(snapshot), "prompt": request.prompt, "remixed_from_video_id": remixed_from}

    def too_poor(self, _remaining: float, _request_id: str) -> Answer:
        message = "Billing hard limit has been reached."
        return openai_error(400, message, None, "billing_hard_limit_reached", kind="billing_limit_user_error")

    def no_such_video(self, video_id: str) -> Answer:
        return openai_error(404, f"Video with id '{video_id}' not found.", None, "video_not_found")

    def unfinished(self, _snapshot: VideoSnapshot) -> Answer:
        return openai_error(404, "Video is not ready yet, use GET /v1/videos/{video_id} to check status.")

    def variant(self, query: Mapping[str, str]) -> str:
        return read_choice(query, "variant", VARIANTS, "video")

    def read_remix(self, body: RequestBody, source: VideoSnapshot) -> CreateRequest:
        fields = read_fields(body)
        if self.strict:
            refuse_unknown(fields, ("prompt",))
        prompt, state, request = _read_prompt(fields), source.state, source.video.request
        if state.status != "completed":
            raise refused(f"Video with id '{source.video.id}' cannot be remixed while its status is '{state.status}'.")
        return CreateRequest(
            model=request.model,
            prompt=prompt,
            duration=request.duration,
            size=request.size,
            pixels=request.pixels,
            body=body.recorded(),
            remixed_from=source.video.id,
        )

    def listed(self, query: Mapping[str, str], videos: Sequence[VideoSnapshot]) -> Answer:
        limit = read_integer(query, "limit", 0, 100, 20)
        rows = list(videos) if read_choice(query, "order", ("asc", "desc"), "desc") == "asc" else list(videos)[::-1]
        after = query.get("after")
        if after is not None:
            places = [place for place, row in enumerate(rows) if row.video.id == self.known_id(after)]
            if not places:
                raise RefusedError(self.no_such_video(after))
            rows = rows[places[0] + 1 :]
        data = [self.video_object(row) for row in rows[:limit]]
        ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
        return json_answer(200, {"object": "list", "data": data, **ends, "has_more": len(rows) > limit})

    def deleted(self, snapshot: VideoSnapshot) -> Answer:
        video, state = snapshot.video, snapshot.state
        if state.status not in ("completed", "failed"):
            raise refused(f"Video with id '{video.id}' cannot be deleted while its status is '{state.status}'.")
        return json_answer(200, {"id": video.id, "object": "video.deleted", "deleted": True})


DIALECT = OpenAIDialect


def _read_prompt(fields: Mapping[str, Any]) -> str:
    prompt = read_text(fields, "prompt")
    if len(prompt) > _MOST_PROMPT:
        message = (
            f"Invalid 'prompt': string too long. Expected a string with maximum length {_MOST_PROMPT}, "
            f"but got a string with length {len(prompt)} instead."
        )
        raise refused(message, "prompt", "string_above_max_length")
    return prompt


def _read_reference(value: Any, *, is_form: bool) -> tuple[str, bytes | None]:
    """Return the link, or the file, of a source image."""
    name = "input_reference"
    if value is None:
        return "", None
    if is_form:
        if not isinstance(value, UploadedFile):
            raise wrong_type(name, "a file", value)
        return "", _checked_image(value.data, value.media_type)
    if not isinstance(value, dict):
        raise wrong_type(name, "an object", value)
    refuse_unknown({f"{name}.{key}": one for key, one in value.items()}, (f"{name}.image_url", f"{name}.file_id"))
    if len(value) != 1:
        raise refused(f"Invalid '{name}': exactly one of 'image_url' and 'file_id' is required.", name, "invalid_value")
    if "file_id" in value:
        raise refused(f"No such File object: {read_text(value, 'file_id')}", name, status=404)
    link = read_text(value, "image_url")
    if link.lower().startswith(("http://", "https://")):
        return link, None
    file = decode_image(link) if link.startswith("data:") else None
    if file is None:
        raise refused(
            f"Invalid '{name}.image_url': expected a http or https link, or a data URL.", name, "invalid_value"
        )
    return "", _checked_image(file, link.partition(";")[0].removeprefix("data:"))


def _checked_image(data: bytes, media_type: str) -> bytes:
    if read_image(data) is None:
        message = f"Invalid file 'input_reference': unsupported mimetype ('{media_type}'). Supported file formats are {_IMAGE_KINDS}."
        raise refused(message, "input_reference", "unsupported_file_mimetype")
    return data


def _check_pixels(file: bytes, pixels: tuple[int, int]) -> None:
    image = read_image(file)
    if image and image.pixels != pixels:
        raise refused("Inpaint image must match the requested width and height")


def _poll_after(snapshot: VideoSnapshot) -> tuple[tuple[str, str], ...]:
    """Tell when to ask again: after a tenth of the rendering."""
    if snapshot.state.ended_at is not None:
        return ()
    return (("openai-poll-after-ms", str(_poll_milliseconds(snapshot.video))),)


def _poll_milliseconds(video: Video) -> int:
    return max(50, min(10_000, round(video.render_seconds * 100)))
