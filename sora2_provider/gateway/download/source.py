"""Finds out where a video's bytes can be had. The key goes only to the gateway's own origin, and with no redirect."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from urllib.parse import urljoin

import requests

from sora2_provider.gateway import errors
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.models import Video, VideoStatus
from sora2_provider.gateway.parsing.links import as_link
from sora2_provider.gateway.transport.no_response import NoResponse

#: The HTTP statuses under which a file comes.
FILE_STATUSES = (200, 206)
#: Refusals that are about now and not about the link.
_TEMPORARY_STATUSES = (408, 425, 429)

_MAX_PAGE = 64 * 1024
_MAX_REDIRECTS = 5
_MAX_FRESH_LINKS = 3


@dataclass(eq=False)
class DeadLink(Exception):
    """An address that does not serve the video (any more)."""

    error: errors.GatewayError


class VideoSource:
    """Where a video's bytes can be had right now: its link, a fresh link, or the gateway's content route."""

    def __init__(self, client: Sora2Client, video: Video) -> None:
        self._client = client
        self._video_id = video.id
        self._content_route = client.settings.base_url + client.dialect.content(video.id).target
        self._renewed = 0
        self._refused_link: errors.InternalAddress | None = None
        self._require_completed(video)
        self.url = video.url or self._content_route

    @property
    def is_content_route(self) -> bool:
        return self.url == self._content_route

    def open(self, headers: dict[str, str]) -> requests.Response:
        """Return the answer behind all redirects. No redirect carries the key, and no foreign address gets it.

        :raises DeadLink: the link leads nowhere, or where it may not.
        :raises GatewayError: no answer came.
        """
        url, with_key = self.url, True
        for _ in range(_MAX_REDIRECTS + 1):
            try:
                response = self._client.open_content(url, headers, with_key=with_key)
            except (errors.InternalAddress, errors.InvalidRequest) as error:
                raise DeadLink(error) from None
            with_key = False
            location = response.headers.get("location")
            if not 300 <= response.status_code < 400 or response.status_code == 304 or not location:
                return response
            response.close()
            target = None
            with contextlib.suppress(ValueError):
                target = as_link(urljoin(response.url, location))
            if target is None:
                raise DeadLink(errors.UnreadableResponse("The link redirects to something that is no http(s) address."))
            url = target
        raise DeadLink(errors.UnreadableResponse(f"The link redirects more than {_MAX_REDIRECTS} times."))

    def follow(self, response: requests.Response, start: bytes = b"") -> None:
        """Go on with the link that a small answer names instead of being the file.

        :param start: the bytes of its body that were read already.
        :raises DeadLink: the address does not serve the video.
        :raises GatewayError: it may do so later.
        """
        status = response.status_code
        is_file = status in FILE_STATUSES
        try:
            link = self._client.dialect.read_content(status, response.headers, self._small_body(response, start))
        except errors.GatewayError as error:
            # Object stores answer 403 (Amazon, Azure), 400 (Google Cloud Storage) or 404 for a link that has expired.
            if is_file or (400 <= status < 500 and status not in _TEMPORARY_STATUSES):
                raise DeadLink(error) from None
            raise
        if link is None and is_file:
            raise DeadLink(errors.UnreadableResponse("The link serves something that is no video.", transient=True))
        if link is None:
            raise errors.UnreadableResponse(f"HTTP {status} is no answer to a download.", transient=True)
        self._count(errors.GatewayUnavailable("The content route names link after link.", transient=True))
        self.url = link

    def _small_body(self, response: requests.Response, start: bytes) -> bytes:
        body = start
        is_plain = response.headers.get("content-encoding", "identity").lower() in ("identity", "")
        # What another host has compressed is not unpacked.
        if is_plain or self._client.settings.is_own(response.url):
            with contextlib.suppress(NoResponse):
                body += self._client.transport.read(response, _MAX_PAGE)
        return self._client.settings.redact_body(body)

    def renew(self, error: errors.GatewayError) -> None:
        """Ask the gateway for a fresh link; where it gives the same one or none, go on with the content route.

        :param error: why the link is dead; raised where nothing is left to try.
        """
        refused_again = isinstance(error, errors.InternalAddress) and self._refused_link is not None
        if isinstance(error, errors.InternalAddress):
            self._refused_link = error
        if self.is_content_route:
            raise error
        self._count(error)
        if refused_again:
            self.url = self._content_route
            return
        video = self._client.get_video(self._video_id)
        self._require_completed(video)
        self.url = video.url if video.url and video.url != self.url else self._content_route

    def explained(self, error: errors.GatewayError) -> errors.GatewayError:
        """Return the error to end with: that the link was refused says more than that the content route has no file."""
        if self._refused_link is None or self._refused_link is error:
            return error
        return errors.InternalAddress(
            f"{self._refused_link.message} The gateway itself does not serve the file either: {error}",
            retry_after=error.retry_after,
            transient=error.transient,
        )

    def _count(self, error: errors.GatewayError) -> None:
        self._renewed += 1
        if self._renewed > _MAX_FRESH_LINKS:
            raise error

    def _require_completed(self, video: Video) -> None:
        if video.status is VideoStatus.COMPLETED:
            return
        if video.status in (VideoStatus.FAILED, VideoStatus.CANCELLED):
            why = f": {video.error_message}" if video.error_message else ""
            raise errors.GatewayError(
                f"There is no file: the rendering of {self._video_id} {video.status}{why}.", code=video.error_code
            )
        raise errors.GatewayUnavailable(
            f"There is no file yet: the gateway says that {self._video_id} is {video.status_word or video.status}. "
            "Put a Sora2VideoSensor before the download.",
            transient=True,
        )
