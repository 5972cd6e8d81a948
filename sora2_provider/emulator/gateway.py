"""What the gateway answers to each route. Knows the rules, and nothing of sockets."""

from __future__ import annotations

import time
from collections.abc import Mapping

from sora2_provider.emulator import answers
from sora2_provider.emulator.answers import Answer, RefusedError, json_answer
from sora2_provider.emulator.dialects import DIALECTS
from sora2_provider.emulator.dialects.base import Shown
from sora2_provider.emulator.dialects.requests import MODELS, read_order
from sora2_provider.emulator.dialects.tasks import task_word
from sora2_provider.emulator.faults import Fault
from sora2_provider.emulator.media.signed_urls import check_link
from sora2_provider.emulator.state import World
from sora2_provider.emulator.videos import State, Video

UNLIMITED_USD = 100_000_000
QUOTA_PER_USD = 500_000
"""The unit in which gateways of this family count a token's quota."""


class Gateway:
    """Answers calls from a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def create(
        self, headers: Mapping[str, str], body: bytes, request_id: str, fault: Fault | None
    ) -> tuple[Answer, str]:
        """Return the answer, and the id of the video where one was accepted."""
        world = self._world
        try:
            order = read_order(headers.get("content-type", ""), body)
        except RefusedError as refused:
            return refused.answer, ""
        video = world.accept(order, fault)
        if video is None:
            remaining = (world.settings.balance or 0) - world.used
            return answers.no_balance(max(0.0, remaining), request_id), ""
        # A create is told as queued even where rendering takes no time.
        shown = Shown(video, State("queued", 0, video.created_at), None)
        return json_answer(200, DIALECTS[world.settings.dialect].created(shown)), video.id

    def query(self, video_id: str, fault: Fault | None) -> Answer:
        trouble = fault.link if fault and fault.route == "query" else None
        shown = self._world.show(video_id, trouble)
        if shown is None:
            return answers.no_such_task()
        return json_answer(200, DIALECTS[self._world.settings.dialect].queried(shown))

    def content(self, video_id: str) -> Answer | Video:
        """Return the video whose file is the answer, or a refusal."""
        shown = self._world.show(video_id)
        if shown is None:
            return answers.no_such_task()
        if shown.state.status != "completed":
            return answers.not_completed(task_word(shown.state))
        return shown.video

    def file(self, file_name: str, query: Mapping[str, str]) -> Answer | Video:
        """Return the video whose file is the answer, or a refusal."""
        video = self._world.video_of_file(file_name)
        refusal = check_link(video, query, self._world.secret, self._world.clock.now())
        if refusal or video is None:
            return refusal or answers.no_such_task()
        return video

    def models(self, name: str) -> Answer:
        if not name:
            listed = [_model(model) for model in MODELS]
            return json_answer(200, {"success": True, "object": "list", "data": listed})
        if name in MODELS:
            return json_answer(200, _model(name))
        # Seen on gateways of this family: the error comes with HTTP 200.
        message = f"The model '{name}' does not exist"
        return answers.api_error(200, message, kind="invalid_request_error", param="model", code="model_not_found")

    def billing(self, name: str) -> Answer:
        balance, used = self._world.settings.balance, self._world.used
        if name == "usage":
            return json_answer(200, {"object": "list", "total_usage": round(used * 100, 4)})
        if name == "token":
            return json_answer(200, _token(balance, used))
        limit = UNLIMITED_USD if balance is None else balance
        body = {
            "object": "billing_subscription",
            "has_payment_method": True,
            "soft_limit_usd": limit,
            "hard_limit_usd": limit,
            "system_hard_limit_usd": limit,
            "access_until": 0,
        }
        return json_answer(200, body)


def new_request_id(number: int) -> str:
    return f"{time.strftime('%Y%m%d%H%M%S', time.gmtime())}{number:09d}"


def _model(name: str) -> dict[str, object]:
    return {
        "id": name,
        "object": "model",
        "created": 1626777600,
        "owned_by": "custom",
        "supported_endpoint_types": ["openai-video"],
    }


def _token(balance: float | None, used: float) -> dict[str, object]:
    granted = 0 if balance is None else round(balance * QUOTA_PER_USD)
    spent = round(used * QUOTA_PER_USD)
    data = {
        "object": "token_usage",
        "name": "emulator",
        "total_granted": granted,
        "total_used": spent,
        "total_available": 0 if balance is None else max(0, granted - spent),
        "unlimited_quota": balance is None,
        "model_limits": {},
        "model_limits_enabled": False,
        "expires_at": 0,
    }
    return {"code": True, "message": "ok", "data": data}
