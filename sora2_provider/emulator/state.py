"""Everything the emulator knows, behind one lock: tests read and change it from their threads while the server runs.

Invariants: a create is billed in the same locked step that makes the video; the time never goes back, not even when the
machine's clock is set.
"""

from __future__ import annotations

import math
import secrets
import threading
import time
from dataclasses import replace
from typing import Any

from sora2_provider.emulator.create_request import CreateRequest
from sora2_provider.emulator.dialects.base import Dialect
from sora2_provider.emulator.fault_queue import FaultQueue
from sora2_provider.emulator.faults import Fault
from sora2_provider.emulator.history import Billed, Received, VideoView, view
from sora2_provider.emulator.media.signed_urls import link_url
from sora2_provider.emulator.presets import load_preset
from sora2_provider.emulator.settings import Settings
from sora2_provider.emulator.videos import (
    LINK_TROUBLES,
    Outcome,
    Video,
    VideoSnapshot,
    state_at,
    with_expired_links,
    with_link,
)

MOST_REQUESTS = 50_000
"""How many requests are remembered; the oldest are forgotten first. Bills are never forgotten."""


class EmulatorState:
    """The gateway's account, videos, records and faults."""

    def __init__(self, settings: Settings, host: str, port: int) -> None:
        self._time_offset = time.time() - time.monotonic()
        self.host = host
        self.port = port
        self.secret = secrets.token_bytes(16)
        self._first_settings = settings
        self._use(settings)
        self._lock = threading.RLock()
        self._clear()

    def _use(self, settings: Settings) -> None:
        self.settings = settings
        self.preset = load_preset(settings)

    def _clear(self) -> None:
        self._videos: dict[str, Video] = {}
        self._ids_by_file: dict[str, str] = {}
        self._billed: list[Billed] = []
        #: What was spent, in USD.
        self.used = 0.0
        self._received: dict[int, Received] = {}
        self._count = 0
        self.faults = FaultQueue(self.settings.seed)

    def now(self) -> float:
        """Return the emulator's time, in seconds since 1970."""
        return time.monotonic() + self._time_offset

    def advance(self, seconds: float) -> None:
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(f"the time only moves forward: seconds must be 0 or more, not {seconds!r}")
        self._time_offset += seconds

    def reset(self) -> None:
        """Forget everything and return to the first settings; the time goes on."""
        with self._lock:
            self._use(self._first_settings)
            self._clear()

    def change_settings(self, changes: dict[str, Any]) -> Settings:
        with self._lock:
            self._use(self.settings.changed(changes))
            if "seed" in changes:
                self.faults.seed(self.settings.seed)
            return self.settings

    def receive(self, request: Received) -> tuple[Received, Fault | None]:
        """Record a request; return it with its number, and the fault that it meets."""
        with self._lock:
            self._count += 1
            numbered = replace(request, number=self._count, at=self.now())
            prompt = ""
            if numbered.route == "create" and isinstance(numbered.body, dict):
                prompt = str(numbered.body.get("prompt", ""))
            elif numbered.video_id in self._videos:
                prompt = self._videos[numbered.video_id].request.prompt
            fault = self.faults.take(numbered.route, numbered.video_id, prompt, now=numbered.at)
            fault = fault or self.faults.draw(numbered.route, self.settings.fault_rate)
            if fault:
                numbered = replace(numbered, fault=fault.to_json())
            self._received[numbered.number] = numbered
            if len(self._received) > MOST_REQUESTS:
                del self._received[next(iter(self._received))]
            return numbered, fault

    def answered(self, request: Received, status: int | None) -> Received:
        with self._lock:
            done = replace(request, status=status)
            kept = self._received.get(request.number)
            # The state may have been reset since, and another request may have this number.
            if kept and kept.at == request.at:
                self._received[request.number] = done
            return done

    @property
    def received(self) -> tuple[Received, ...]:
        with self._lock:
            return tuple(self._received.values())

    @property
    def billed(self) -> tuple[Billed, ...]:
        with self._lock:
            return tuple(self._billed)

    def accept(self, request: CreateRequest, dialect: Dialect, fault: Fault | None) -> Video | None:
        """Make and bill a video; return None where the balance is too low."""
        with self._lock:
            # Whole milliseconds, never in the future: times in answers then differ by exactly what a test moved.
            settings, now = self.settings, math.floor(self.now() * 1000) / 1000
            price = round(settings.price * math.prod(dialect.ratios(request).values()), 6)
            if settings.balance is not None and self.used + price > settings.balance + 1e-9:
                return None
            video = Video(
                id=dialect.new_id(request.model),
                number=len(self._billed) + 1,
                file_name=f"{secrets.token_hex(8)}.mp4",
                request=request,
                created_at=now,
                render_seconds=settings.render_seconds,
                wire=dialect.name,
                price=price,
                link_trouble=(fault.link or "") if fault else "",
            )
            if fault and fault.rendering:
                ending = Outcome(fault.rendering, video.rendered_at, fault.error_code, fault.error_message)
                video = replace(video, outcome=ending)
            self._videos[video.id] = video
            self._ids_by_file[video.file_name] = video.id
            self.used = round(self.used + price, 6)
            self._billed.append(Billed(video.number, video.id, now, request.body, price, wire=video.wire))
            return video

    def lose_answer(self, video_id: str) -> None:
        """Record that the client could not read the answer to an accepted create."""
        with self._lock:
            video = self._videos.get(video_id)
            if video:
                index = video.number - 1
                self._billed[index] = replace(self._billed[index], answer_lost=True)

    def video_of_file(self, file_name: str) -> Video | None:
        with self._lock:
            video = self._videos.get(self._ids_by_file.get(file_name, ""))
            return video if video and not video.deleted else None

    def snapshot(self, video_id: str, link_trouble: str | None = None) -> VideoSnapshot | None:
        """Return the video as an answer shows it now; a completed one gets a fresh link where it has no valid one.

        ``link_trouble`` is that of this answer alone.
        """
        with self._lock:
            video, now = self._videos.get(video_id), self.now()
            if video is None or video.deleted:
                return None
            state, own_url = state_at(video, now), f"http://{self.host}:{self.port}"
            if state.status != "completed" or "missing" in (link_trouble, video.link_trouble):
                return VideoSnapshot(video, state, base_url=own_url)
            if link_trouble:
                video = replace(with_expired_links(video, now), link_trouble=link_trouble)
            video = with_link(video, now, self.settings.link_seconds)
            if link_trouble == "dead":
                video = replace(video, link_trouble="")
            self._videos[video.id] = video
            base = f"http://{self.settings.link_host or self.host}:{self.port}"
            url = link_url(base, video, video.links[-1], self.secret)
            return VideoSnapshot(video, state, url, video.links[-1].expires_at, own_url)

    def snapshots(self) -> list[VideoSnapshot]:
        """Return all videos as a list shows them, the oldest first."""
        with self._lock:
            return [shown for video_id in self._videos if (shown := self.snapshot(video_id))]

    def wire_of(self, video_id: str) -> str:
        """Return the wire on which a video was made, deleted ones included; empty where there is none."""
        with self._lock:
            video = self._videos.get(video_id)
            return video.wire if video else ""

    def delete(self, video_id: str) -> None:
        with self._lock:
            self._videos[video_id] = replace(self._known(video_id), deleted=True)

    def views(self) -> tuple[VideoView, ...]:
        with self._lock:
            return tuple(self.view(video_id) for video_id in self._videos)

    def view(self, video_id: str) -> VideoView:
        with self._lock:
            video = self._known(video_id)
            return view(video, state_at(video, self.now()))

    def end(self, video_id: str, status: str, error_code: str = "", error_message: str = "") -> VideoView:
        if not status:
            raise ValueError("status must be completed, failed, cancelled, stuck or another word")
        with self._lock:
            outcome = Outcome(status, self.now(), error_code, error_message)
            self._videos[video_id] = replace(self._known(video_id), outcome=outcome)
            return self.view(video_id)

    def trouble_link(self, video_id: str, trouble: str) -> VideoView:
        """Give a video's links one of LINK_TROUBLES, or mend them with ``ok``."""
        with self._lock:
            video = self._known(video_id)
            if trouble == "expired":
                video = with_expired_links(video, self.now())
            elif trouble == "ok":
                video = replace(with_expired_links(video, self.now()), link_trouble="")
            elif trouble in LINK_TROUBLES:
                links = tuple(replace(link, dead=trouble == "dead") for link in video.links)
                video = replace(video, link_trouble=trouble, links=links)
            else:
                raise ValueError(f"link must be one of ok, {', '.join(LINK_TROUBLES)}, not {trouble!r}")
            self._videos[video_id] = video
            return self.view(video_id)

    def expire_links(self) -> None:
        with self._lock:
            for video_id in self._videos:
                self.trouble_link(video_id, "expired")

    def _known(self, video_id: str) -> Video:
        if video_id not in self._videos:
            raise KeyError(f"the emulator knows no video {video_id!r}")
        return self._videos[video_id]
