"""Tells DAGs that are scheduled on assets what was stored.

Airflow creates an event for each outlet of a task that succeeds. Here the events get what is known of the video, and an
alias among the outlets gets the asset that the file is: its URI is known only when the task runs.
"""

from __future__ import annotations

import posixpath
import string
from typing import Any, NamedTuple
from urllib.parse import quote

from sora2_provider.compat import Context, asset_types
from sora2_provider.reporting.video_metadata import VideoMetadata

#: One storage, one scheme: what fsspec also understands, and assets are not written with.
_SCHEMES = {"local": "file", "gcs": "gs", "s3a": "s3", "s3n": "s3"}
#: What an asset's URI may hold as it is. Airflow would cut a "#" and sort a "?"; Airflow 2 takes nothing but ASCII.
_PLAIN = "".join(set(string.printable) - set(string.whitespace) - set("#?%")) + " "


def announce(task: Any, context: Context, metadata: VideoMetadata) -> None:
    """Put a stored file into the events of a task's outlets. What goes wrong is logged: the file is there.

    :param task: the running operator.
    """
    events: Any = context.get("outlet_events")
    outlets = getattr(task, "outlets", None)
    if metadata.stored is None or events is None or not outlets:
        return
    asset_type, alias_type, other_types = asset_types()
    for outlet in outlets:
        try:
            if isinstance(outlet, alias_type):
                events[outlet].add(asset_type(asset_uri(metadata.stored.uri)), extra=event_extra(metadata))
            elif isinstance(outlet, (asset_type, *other_types)):
                events[outlet].extra.update(event_extra(metadata))
        except Exception as error:
            task.log.warning("The event of the outlet %s could not tell of %s: %s", outlet, metadata.stored.uri, error)


def asset_uri(uri: str) -> str:
    """Return the URI of a stored file as an asset has it: without a connection, and with no character that means more.

    :param uri: as ``ObjectStoragePath`` takes it: ``s3://my_conn@bucket/a cat#1.mp4``.
    """
    place = Place.of(uri)
    return f"{place.scheme}://{place.container}/{quote(place.path, safe=_PLAIN)}"


class Place(NamedTuple):
    """Where a file is, whichever connection leads there.

    :param container: the bucket; empty for a file on a disk.
    :param path: without a slash before it.
    """

    scheme: str
    container: str
    path: str

    @classmethod
    def of(cls, uri: str) -> Place:
        """Return the place of a URI that ``ObjectStoragePath`` takes."""
        scheme, _, rest = uri.partition("://")
        container, _, path = rest.partition("/")
        scheme = _SCHEMES.get(scheme, scheme)
        if scheme == "file":
            path = posixpath.normpath(f"/{path}").lstrip("/")
        return cls(scheme, container.rpartition("@")[2], path)


def event_extra(metadata: VideoMetadata) -> dict[str, Any]:
    """Return the extra of an asset event. What is not known is left out.

    ``uri`` names the connection, so ``ObjectStoragePath(extra["uri"])`` opens the file.
    """
    stored = metadata.stored
    extra = {
        "uri": stored.uri if stored else None,
        "video_id": metadata.video_id,
        "model": metadata.model,
        "seconds": metadata.seconds,
        "prompt_sha256": metadata.prompt_sha256,
        "bytes": stored.size if stored else None,
        "sha256": stored.sha256 if stored else None,
    }
    return {name: value for name, value in extra.items() if value is not None}
