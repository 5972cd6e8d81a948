"""What the gateway answers to each action. No I/O here."""

from __future__ import annotations

from dataclasses import dataclass

from sora2_provider.emulator.answers import Answer, RefusedError
from sora2_provider.emulator.create_request import CreateRequest
from sora2_provider.emulator.dialects.base import Dialect
from sora2_provider.emulator.faults import Fault
from sora2_provider.emulator.history import Received
from sora2_provider.emulator.media.files import PICTURES
from sora2_provider.emulator.media.signed_urls import check_link
from sora2_provider.emulator.presets import account
from sora2_provider.emulator.presets.base import Address
from sora2_provider.emulator.request_body import RequestBody
from sora2_provider.emulator.state import EmulatorState
from sora2_provider.emulator.videos import Video, VideoSnapshot, VideoState


@dataclass(frozen=True)
class Call:
    """One request to a route of the gateway."""

    received: Received
    address: Address
    body: RequestBody
    request_id: str
    fault: Fault | None


class Gateway:
    """Answers requests from the emulator's state."""

    def __init__(self, state: EmulatorState) -> None:
        self._state = state

    def answer(self, call: Call) -> tuple[Answer | Video, str]:
        """Return the answer, or the video whose file it is; and the id of the video that it is about, if any."""
        address = call.address
        if address.dialect is None:
            return self._answer_for_itself(call), call.received.video_id
        try:
            if address.action in ("create", "remix"):
                return self._create(call, address.dialect)
            return self._answer_on_a_wire(address.action, call, address.dialect), call.received.video_id
        except RefusedError as refused:
            return refused.answer, "" if call.received.route == "create" else call.received.video_id

    def _create(self, call: Call, dialect: Dialect) -> tuple[Answer, str]:
        state, request = self._state, self._read_create(call, dialect)
        video = state.accept(request, dialect, call.fault)
        if video is None:
            remaining = max(0.0, (state.settings.balance or 0) - state.used)
            return dialect.too_poor(remaining, call.request_id), ""
        # The answer says queued even where rendering takes no time.
        snapshot = VideoSnapshot(video, VideoState("queued", 0, video.created_at))
        return dialect.created(snapshot), video.id

    def _read_create(self, call: Call, dialect: Dialect) -> CreateRequest:
        if call.address.action == "create":
            return dialect.read_create(call.body)
        return dialect.read_remix(call.body, self._found(call.address.item, dialect))

    def _answer_on_a_wire(self, action: str, call: Call, dialect: Dialect) -> Answer | Video:
        state, item, query = self._state, call.address.item, call.received.query
        if action == "list":
            return dialect.listed(query, state.snapshots())
        if action == "content":
            return self._content(call, dialect)
        if action == "delete":
            answer = dialect.deleted(self._found(item, dialect))
            state.delete(item)
            return answer
        link_trouble = call.fault.link if call.fault and call.received.route == "query" else None
        return dialect.queried(self._found(item, dialect, link_trouble))

    def _found(self, video_id: str, dialect: Dialect, link_trouble: str | None = None) -> VideoSnapshot:
        snapshot = self._state.snapshot(video_id, link_trouble)
        if snapshot is None:
            raise RefusedError(dialect.no_such_video(video_id))
        return snapshot

    def _content(self, call: Call, dialect: Dialect) -> Answer | Video:
        snapshot = self._state.snapshot(call.address.item)
        if snapshot is None:
            return dialect.no_such_content(call.address.item)
        variant = dialect.variant(call.received.query)
        if snapshot.state.status != "completed":
            return dialect.unfinished(snapshot)
        if variant == "video":
            return snapshot.video
        media_type, path = PICTURES[variant]
        return Answer(200, path.read_bytes(), media_type)

    def _answer_for_itself(self, call: Call) -> Answer | Video:
        state, item, received = self._state, call.address.item, call.received
        match call.address.action:
            case "file":
                return check_link(state.video_of_file(item), received.query, state.secret, state.now())
            case "models":
                return state.preset.models(item)
            case "billing":
                return state.preset.billing(item, state.used)
            case "pricing":
                return state.preset.pricing()
            case "status":
                return account.status()
        return state.preset.no_such_address(received.method, received.path)
