"""What a task knows of its video: the one source for XComs, asset events and lineage."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sora2_provider.gateway.models import Video
    from sora2_provider.storage import StoredVideo


@dataclass(frozen=True)
class VideoMetadata:
    """What is known of a task's video; what is not known is ``None``, or empty.

    :param conn_id: the connection that it is submitted, or was had, with.
    :param request: what was sent for it.
    :param video: as ``Video.to_dict()`` gives it.
    :param stored: the file, where this task has stored one.
    :param dialect: the wire that it was created on.
    """

    conn_id: str
    video_id: str | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    video: Mapping[str, Any] = field(default_factory=dict)
    stored: StoredVideo | None = None
    dialect: str = ""

    @classmethod
    def of_given(cls, given: Any, conn_id: str) -> VideoMetadata:
        """Return what a ``video_id`` argument tells: an id, a sensor's dict, or a create task's XCom ``video``."""
        if not isinstance(given, Mapping):
            return cls(conn_id, given if isinstance(given, str) else None)
        request = given.get("request")
        return cls(conn_id, given.get("id"), request if isinstance(request, Mapping) else {}, given)

    def with_video(self, video: Video) -> VideoMetadata:
        """Return the metadata with what the gateway says now. Some gateways tell the usage only when they accept a video."""
        said = video.to_dict()
        return dataclasses.replace(self, video_id=video.id, video={**said, "usage": said["usage"] or self.usage})

    def with_file(self, stored: StoredVideo) -> VideoMetadata:
        """Return the metadata with the file that was stored."""
        return dataclasses.replace(self, stored=stored)

    @property
    def model(self) -> str | None:
        """The model that was asked for, or that the gateway names."""
        return self.request.get("model") or self.video.get("model")

    @property
    def usage(self) -> Mapping[str, Any] | None:
        """What the gateway counted, in its tokens: see :class:`~sora2_provider.gateway.models.Usage`."""
        return self.video.get("usage")

    @property
    def seconds(self) -> int | None:
        """The length that was asked for."""
        return self.request.get("duration")

    @property
    def prompt_sha256(self) -> str | None:
        """A digest (hex) of the prompt: tells equal prompts from others, and gives none away."""
        prompt = self.request.get("prompt")
        return hashlib.sha256(prompt.encode(errors="surrogatepass")).hexdigest() if isinstance(prompt, str) else None
