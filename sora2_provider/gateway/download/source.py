"""Finds out where a video's bytes can be had. The key goes only to the gateway's own origin, and with no redirect."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import requests

from sora2_provider.gateway import errors
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.compression import is_gzip
from sora2_provider.gateway.download.media_types import is_packed, no_video_said
from sora2_provider.gateway.models import Video, VideoStatus
from sora2_provider.gateway.parsing.error_kinds import Call
from sora2_provider.gateway.parsing.links import mended_link
from sora2_provider.gateway.parsing.response import Response
from sora2_provider.gateway.transport.no_response import NoResponse

#: The HTTP statuses under which a file comes.
FILE_STATUSES = (200, 206)
#: Refusals that are about now and not about the link.
_TEMPORARY_STATUSES = (408, 425, 429)
#: Refusals under which a link that has expired comes, mostly without a word.
_EXPIRED_STATUSES = (401, 403, 404, 410)
#: Errors after which a link is not tried again.
_FOR_GOOD = (errors.InternalAddress, errors.PermissionDenied, errors.AuthenticationError, errors.InvalidRequest)
#: What the gateway answers about a file that it does not have yet, in the second in which the video is completed.
_NOT_THERE_YET = (errors.VideoNotFound, errors.InvalidRequest, errors.UnreadableResponse)

_MAX_PAGE = 64 * 1024
_MAX_REDIRECTS = 5
_MAX_FRESH_LINKS = 3


@dataclass(eq=False)
class DeadLink(Exception):
    """An address that does not serve the video (any more)."""

    error: errors.GatewayError


class VideoSource:
    """Where a video's bytes can be had right now: its link, a fresh link, the gateway's content route, or its answer itself.

    Each is tried once, in this order, and that is a round. Who comes to the end of one pauses, and begins another.
    """

    def __init__(self, client: Sora2Client, video: Video) -> None:
        self._client = client
        self._video_id = video.id
        settings = client.settings
        self._content_route = settings.url_of(client.dialect.content(video.id).target)
        self._answer = settings.url_of(client.query_of(video.id).target)
        self._renewed = self._named = 0
        self._refused_link = False
        self._for_good: set[str] = set()
        # The first thing that went wrong says more than that the content route has no file either.
        self._first_cause: errors.GatewayError | None = None
        self._last_cause: errors.GatewayError | None = None
        self._require_completed(video)
        self._link = video.url
        self._go_to(video.url or self._content_route)

    def _go_to(self, url: str, *, with_key: bool = True) -> None:
        self.url = url
        # Whether the gateway itself named the address; and whether the last answer was its own.
        self._with_key = self._is_trusted = with_key

    @property
    def is_link(self) -> bool:
        return self.url not in (self._content_route, self._answer)

    @property
    def is_answer(self) -> bool:
        """Whether the gateway's answer about the video is looked at, which may hold the film."""
        return self.url == self._answer

    def open(self, headers: dict[str, str]) -> requests.Response:
        """Return the answer behind all redirects. No redirect carries the key, and no foreign address gets it.

        :raises DeadLink: the link leads nowhere, or where it may not.
        :raises GatewayError: no answer came.
        """
        url, self._is_trusted = self.url, self._with_key
        for _ in range(_MAX_REDIRECTS + 1):
            try:
                response = self._client.open_content(url, headers, video_id=self._video_id, with_key=self._is_trusted)
            except (errors.InternalAddress, errors.InvalidRequest) as error:
                raise DeadLink(error) from None
            # What a foreign host, or a redirect, leads to gets no key: not at the gateway either.
            self._is_trusted = self._is_trusted and self._client.settings.is_own(response.url)
            location = response.headers.get("location")
            if not 300 <= response.status_code < 400 or response.status_code == 304 or not location:
                return response
            self._is_trusted = False
            response.close()
            target = None
            with contextlib.suppress(ValueError, UnicodeError):
                # Headers come as Latin-1, whatever they are.
                text = (
                    location.encode("latin-1", "ignore").decode("utf-8", "replace")
                    if not location.isascii()
                    else location
                )
                is_whole = text.strip().lower().startswith(("http:", "https:"))
                target = mended_link(text if is_whole else urljoin(response.url, text.strip()))
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
        if self.is_answer:
            raise DeadLink(errors.UnreadableResponse("The gateway's answer does not hold the film.", transient=True))
        body = self._small_body(response, start)
        parts = urlsplit(response.url)
        is_own = self._client.settings.is_own(response.url)
        base_url = self._client.settings.base_url if is_own else f"{parts.scheme}://{parts.netloc}"
        try:
            link = self._client.dialect.read_content(status, response.headers, body, base_url=base_url)
        except errors.GatewayError as error:
            if not is_own:
                error = _of_link(error, status, response, body)
            # Object stores answer 403 (Amazon, Azure), 400 (Google Cloud Storage) or 404 for a link that has expired.
            if is_file or (400 <= status < 500 and status not in _TEMPORARY_STATUSES):
                raise DeadLink(error) from None
            raise error from None
        if link is None and is_file:
            said = no_video_said(body, response.headers.get("content-type", ""))
            raise DeadLink(
                errors.UnreadableResponse(said or "The link serves something that is no video.", transient=True)
            )
        if link is None:
            raise errors.UnreadableResponse(f"HTTP {status} is no answer to a download.", transient=True)
        self._named += 1
        if self._named > _MAX_FRESH_LINKS:
            raise errors.GatewayUnavailable("The content route names link after link.", transient=True)
        self._go_to(link, with_key=self._is_trusted)

    def _small_body(self, response: requests.Response, start: bytes) -> bytes:
        body = start
        is_foreign = not self._client.settings.is_own(response.url)
        is_strange = is_foreign and is_packed(response.headers.get("content-encoding", ""))
        with contextlib.suppress(NoResponse):
            body += self._client.transport.read(response, _MAX_PAGE, unpacks=not is_strange)
        # What another host has compressed is not unpacked; what it only calls so is read.
        return b"" if is_strange and is_gzip(body) else self._client.settings.redact_body(body)

    def turn(self, error: errors.GatewayError) -> None:
        """Go on with the next address of this round.

        :param error: why this one does not serve the video.
        :raises GatewayError: there is no other; the next round begins with the first again.
        """
        self._first_cause = self._first_cause or error
        if self.is_link:
            if isinstance(error, _FOR_GOOD) and not error.transient:
                self._for_good.add(self.url)
            fresh = self._fresh_link(error)
            self._go_to(fresh or self._content_route)
        elif not self.is_answer:
            self._last_cause = error
            self._go_to(self._answer)
        else:
            is_alive = self._link is not None and self._link not in self._for_good
            self._go_to(self._link if self._link and is_alive else self._content_route)
            raise self._last_cause or error

    def _fresh_link(self, error: errors.GatewayError) -> str | None:
        """Ask the gateway for another link than those that were tried."""
        refused_again = isinstance(error, errors.InternalAddress) and self._refused_link
        self._refused_link = self._refused_link or isinstance(error, errors.InternalAddress)
        if refused_again or self._renewed >= _MAX_FRESH_LINKS:
            return None
        self._renewed += 1
        try:
            video = self._client.get_video(self._video_id)
        except errors.GatewayError:
            return None
        self._require_completed(video)
        if not video.url or video.url in (self.url, self._link):
            return None
        self._link = video.url
        return None if video.url in self._for_good else video.url

    def may_come(self, error: errors.GatewayError) -> bool:
        """Whether a file that is refused with these words may only not be there yet."""
        return error.transient or (isinstance(error, _NOT_THERE_YET) and "invalid url" not in error.message.lower())

    def explained(self, error: errors.GatewayError) -> errors.GatewayError:
        """Return the error to end with: what was wrong with the link says more than that the gateway has no file either."""
        first = self._first_cause
        if (
            first is None
            or first is error
            or isinstance(error, errors.FileTooLarge)
            or type(error) is errors.GatewayError
        ):
            return error
        if str(first) == str(error):
            return error
        return type(first)(
            f"{errors.as_sentence(str(first))} The gateway itself does not serve the file either: {error}",
            retry_after=error.retry_after,
            transient=error.transient or first.transient,
            to_do=first.to_do or error.to_do,
        )

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


def _of_link(error: errors.GatewayError, status: int, response: requests.Response, body: bytes) -> errors.GatewayError:
    """Return an error in words that speak of a link, and not of the gateway's API."""
    answer = Response(status, response.headers, body, Call.CONTENT)
    declared = response.headers.get("content-type", "")
    if (wall := answer.firewall) is not None:
        message = wall.message("the link's host")
    elif status in FILE_STATUSES and (said := no_video_said(body, declared)):
        message = said
    elif answer.is_html:
        title = answer.error_detail.message
        message = f"The link leads to a web page{f' ({title!r})' if title else ''}, and not to the video."
    elif status in _EXPIRED_STATUSES and not answer.error_detail.message:
        message = "The link does not serve the video, and says nothing more: it has probably expired."
    else:
        return error
    return type(error)(message, http_status=status, retry_after=error.retry_after, transient=error.transient)
