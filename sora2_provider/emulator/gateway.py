"""What the gateway answers on each route. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping

from sora2_provider.emulator.answers import Answer, RefusedError, api_error, json_answer
from sora2_provider.emulator.create_request import MODELS
from sora2_provider.emulator.dialects.base import VideoSnapshot
from sora2_provider.emulator.faults import Fault
from sora2_provider.emulator.media.signed_urls import check_link
from sora2_provider.emulator.state import EmulatorState
from sora2_provider.emulator.videos import Video, VideoState

UNLIMITED_USD = 100_000_000
QUOTA_PER_USD = 500_000
"""The unit in which gateways of this family count a token's quota."""


class Gateway:
    """Answers requests from the emulator's state."""

    def __init__(self, state: EmulatorState) -> None:
        self._state = state

    def create(self, content_type: str, body: bytes, request_id: str, fault: Fault | None) -> tuple[Answer, str]:
        """Return the answer, and the id of the video where one was accepted."""
        state = self._state
        try:
            request = state.dialect.read_create(content_type, body)
        except RefusedError as refused:
            return refused.answer, ""
        video = state.accept(request, fault)
        if video is None:
            remaining = (state.settings.balance or 0) - state.used
            message = f"用户额度不足, 剩余额度: ＄{max(0.0, remaining):.6f} (request id: {request_id})"
            return api_error(403, message, code="insufficient_user_quota"), ""
        # The answer says queued even where rendering takes no time.
        snapshot = VideoSnapshot(video, VideoState("queued", 0, video.created_at), None)
        return json_answer(200, state.dialect.created(snapshot)), video.id

    def query(self, video_id: str, fault: Fault | None) -> Answer:
        link_trouble = fault.link if fault and fault.route == "query" else None
        snapshot = self._state.snapshot(video_id, link_trouble)
        if snapshot is None:
            return self._state.dialect.no_such_video(video_id)
        return json_answer(200, self._state.dialect.queried(snapshot))

    def content(self, video_id: str) -> Answer | Video:
        """Return the video whose file is the answer, or a refusal."""
        snapshot = self._state.snapshot(video_id)
        if snapshot is None:
            return self._state.dialect.no_such_video(video_id)
        if snapshot.state.status != "completed":
            return self._state.dialect.unfinished(snapshot.state)
        return snapshot.video

    def file(self, file_name: str, query: Mapping[str, str]) -> Answer | Video:
        """Return the video whose file is the answer, or a refusal."""
        video = self._state.video_of_file(file_name)
        return check_link(video, query, self._state.secret, self._state.now())

    def models(self, name: str) -> Answer:
        if not name:
            listed = [_model(model) for model in MODELS]
            return json_answer(200, {"success": True, "object": "list", "data": listed})
        if name in MODELS:
            return json_answer(200, _model(name))
        # Seen on gateways of this family: the error comes with HTTP 200.
        message = f"The model '{name}' does not exist"
        return api_error(200, message, kind="invalid_request_error", param="model", code="model_not_found")

    def billing(self, name: str) -> Answer:
        balance, used = self._state.settings.balance, self._state.used
        if name == "usage":
            return json_answer(200, {"object": "list", "total_usage": round(used * 100, 4)})
        if name == "token":
            return json_answer(200, _token(balance, used))
        limit = UNLIMITED_USD if balance is None else balance
        subscription = {
            "object": "billing_subscription",
            "has_payment_method": True,
            "soft_limit_usd": limit,
            "hard_limit_usd": limit,
            "system_hard_limit_usd": limit,
            "access_until": 0,
        }
        return json_answer(200, subscription)


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
