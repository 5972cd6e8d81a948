"""Where a video stands, apart from the other values: a DAG file needs this one, and must not pay for the rest."""

from __future__ import annotations

import enum


class VideoStatus(enum.StrEnum):
    """Where a video stands. A word that no gateway is known to use is ``unknown``, which is not an end."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen to the video."""
        return self in _TERMINAL


_TERMINAL = (VideoStatus.COMPLETED, VideoStatus.FAILED, VideoStatus.CANCELLED)
