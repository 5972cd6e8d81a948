"""Says for people how far a rendering is, and how long it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sora2_provider.gateway.models import VideoStatus

if TYPE_CHECKING:
    from sora2_provider.gateway.models import Video
    from sora2_provider.gateway.parsing.videos import UnfinishedVideo


class ProgressReport:
    """Decides which answers are worth a line in the log: a new status, a new word, another tenth of progress."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: tuple[str, str | None, int] | None = None

    def line(self, video: Video | UnfinishedVideo, *, elapsed: float | None) -> str | None:
        """Return a line such as ``sora-2:task_1 is in progress, 40 %, after 1 min 20 s``, or ``None``.

        :param elapsed: seconds since the wait began; ``None`` where that is not known.
        """
        word = video.status_word if video.status is VideoStatus.UNKNOWN else None
        state = (video.status._value_, word, (video.progress or 0) // 10)
        if state == self._last:
            return None
        self._last = state
        status = video.status.value.replace("_", " ")
        named = f"{status} (the gateway's word is {word!r})" if word else status
        percent = f", {video.progress} %" if video.progress is not None and not video.status.is_terminal else ""
        after = f", after {duration_text(elapsed)}" if elapsed is not None else ""
        return f"{video.id} is {named}{percent}{after}{_unclear_links(video)}"


def _unclear_links(video: Video | UnfinishedVideo) -> str:
    places = ", ".join(getattr(video, "link_places", ()))
    return f"; its answer holds several links that can be the film ({places}), so none is taken" if places else ""


def duration_text(seconds: float) -> str:
    """Return a span as people say it: ``42 s``, ``1 min 20 s``, ``2 h 5 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min" if whole % 3600 // 60 else f"{whole // 3600} h"
