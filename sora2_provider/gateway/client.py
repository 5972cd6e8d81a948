"""The blocking client: sends a dialect's requests, one HTTP exchange each, and hands the answers to its readers."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from functools import cached_property

import requests

from sora2_provider.gateway.dialect_search import find_dialect
from sora2_provider.gateway.dialects import dialect as dialect_of
from sora2_provider.gateway.dialects.base import MODELS, SUBSCRIPTION, TOKEN_USAGE, USAGE, Dialect, HttpRequest
from sora2_provider.gateway.errors import (
    GatewayError,
    InternalAddress,
    InvalidRequest,
    SubmissionUnknown,
    UnreadableResponse,
    VideoNotFound,
    as_sentence,
)
from sora2_provider.gateway.models import Balance, Video, VideoRequest
from sora2_provider.gateway.parsing.account import read_balance, read_models
from sora2_provider.gateway.parsing.bodies import shown
from sora2_provider.gateway.parsing.identity import names_video
from sora2_provider.gateway.parsing.videos import as_asked
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.gateway.transport.adapter import ConnectionPolicy
from sora2_provider.gateway.transport.no_response import NoResponse
from sora2_provider.gateway.transport.session import RawResponse, Transport, as_sent
from sora2_provider.gateway.transport.ssrf import GatewayPeers, SsrfGuard


class Sora2Client:
    """Talks to one gateway. Not safe to share between threads; close it when done.

    :param dialect: the wire that its videos are on; empty for what the settings say.
    :param report: called with a line for a person when the wire was found out.
    """

    def __init__(
        self, settings: GatewaySettings, *, dialect: str = "", report: Callable[[str], object] | None = None
    ) -> None:
        self.settings = settings
        self._dialect_name = dialect
        self._report = report
        self._peers = GatewayPeers()
        self.transport = Transport(settings, self._peers)
        policy = ConnectionPolicy() if settings.allow_internal_links else SsrfGuard(self._peers)
        self._link_transport = Transport(settings, policy)

    def __enter__(self) -> Sora2Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept connections."""
        self.transport.close()
        self._link_transport.close()

    @cached_property
    def dialect(self) -> Dialect:
        """The wire that the gateway speaks.

        :raises GatewayError: it is to be found out, and the gateway does not tell.
        """
        name = self._dialect_name or self.settings.fixed_dialect
        if not name:
            found = find_dialect(self.ask)
            name = found.name
            if self._report is not None:
                self._report(f"The gateway's API is taken to be {name!r}: {found.evidence}.")
        return dialect_of(name)

    def dialect_for(self, request: VideoRequest) -> Dialect:
        """Return the wire that a create goes out on: the request's own, or the gateway's."""
        return dialect_of(request.dialect) if request.dialect else self.dialect

    def check(self, request: VideoRequest) -> None:
        """Check that the wire can carry a request.

        :raises ValueError: it cannot; says what to change.
        :raises GatewayError: which wire the gateway speaks could not be found out.
        """
        self.dialect_for(request).body(request)

    def create_video(self, request: VideoRequest) -> Video:
        """Submit a video, once: the request is never sent a second time from here.

        :raises SubmissionUnknown: it was sent and its answer was lost: it may be rendering, and billed.
        :raises GatewayError: nothing was accepted.
        """
        dialect, settings = self.dialect_for(request), self.settings
        try:
            raw = self._exchange(dialect.create(request, settings.create_path_of(dialect.name), settings.body_form))
        except NoResponse as lost:
            if not lost.sent:
                raise lost.as_error(f"Nothing was sent to {self.settings.base_url}") from None
            began = f". It began: {shown(lost.began.decode('utf-8', 'replace'))}" if lost.began else ""
            raise SubmissionUnknown(
                f"The create was sent, and its answer was lost ({lost.reason}){began}: a video may be rendering, and billed."
            ) from None
        try:
            return dialect.read_created(*raw)
        except (InvalidRequest, VideoNotFound) as error:
            self._advise(error, dialect.name)
            raise

    def _advise(self, error: GatewayError, dialect: str) -> None:
        """Say in a refusal what to do where the gateway speaks another wire than the create's."""
        if error.http_status in (404, 405) and not self.settings.create_path:
            with contextlib.suppress(GatewayError):
                found = find_dialect(self.ask)
                if found.name != dialect:
                    error.remedy = error.to_do = (
                        f"The gateway speaks another API, {found.name!r} ({found.evidence}): write that into the API field "
                        "(dialect) of the connection, or auto."
                    )

    def get_video(self, video_id: str) -> Video:
        """Ask for a video's state. The value carries the id that was asked for, whatever the answer calls it.

        :raises GatewayError: no state came back, or that of another video.
        """
        raw = self.ask(self.query_of(video_id))
        video = self.dialect.read_video(*raw, video_id=video_id, base_url=self.settings.base_url)
        return as_asked(video, video_id)

    def query_of(self, video_id: str) -> HttpRequest:
        """Return the call that asks for a video's state."""
        return self.dialect.query(video_id, self.settings.query_path_of(self.dialect.name))

    def list_models(self) -> tuple[str, ...]:
        """Return the names of the models that the key may use. Costs nothing."""
        return read_models(*self.ask(MODELS))

    def get_balance(self) -> Balance:
        """Return what the account has left; where the gateway has no billing routes, what the key has left.

        :raises GatewayError: neither could be read.
        """
        try:
            granted, used = read_balance(*self.ask(SUBSCRIPTION)), read_balance(*self.ask(USAGE))
        except GatewayError as error:
            if error.http_status != 404 and not isinstance(error, UnreadableResponse):
                raise
            return self._balance_of_key(error)
        if granted.granted is None or used.used is None:
            return read_balance(*self.ask(TOKEN_USAGE))
        left = None if granted.unlimited else granted.granted - used.used
        return Balance(granted.granted, used.used, left, granted.unlimited)

    def _balance_of_key(self, first: GatewayError) -> Balance:
        """Return what the key has left.

        :param first: why the balance of the account cannot be read, which says more than that the key's cannot be either.
        """
        try:
            return read_balance(*self.ask(TOKEN_USAGE))
        except GatewayError as error:
            raise type(first)(
                f"{as_sentence(str(first))} The balance of the key cannot be read either: {error}",
                transient=first.transient or error.transient,
                to_do=first.to_do,
            ) from None

    def ask(self, request: HttpRequest) -> RawResponse:
        """Send a request that costs nothing, and return the answer unread.

        :raises GatewayError: no answer came.
        """
        try:
            return self._exchange(request)
        except NoResponse as lost:
            raise lost.as_error(f"The gateway at {self.settings.base_url} cannot be reached") from None

    def open_content(
        self, url: str, headers: dict[str, str], *, video_id: str, with_key: bool = True
    ) -> requests.Response:
        """Begin to fetch a file. The key goes with it only to the gateway itself; redirects are not followed.

        :param video_id: the video whose file it is.
        :param with_key: ``False``: not even there, because a foreign host named this address.
        :raises InternalAddress: the address is inside a network, and not the gateway's own.
        :raises GatewayError: no answer came.
        """
        try:
            # Whose address it is, is asked of the one that the request goes to: readers of odd URLs differ.
            url = as_sent(url)
            if not self.settings.is_own(url):
                return self._open_link(url, headers, video_id)
            own = self.settings.headers() if with_key else {}
            return self.transport.open("GET", url, {**own, **headers})
        except NoResponse as lost:
            raise lost.as_error("The video's file cannot be fetched") from None

    def _open_link(self, url: str, headers: dict[str, str], video_id: str) -> requests.Response:
        try:
            return self._link_transport.open("GET", url, headers)
        except InternalAddress as error:
            if self._peers.are_the_gateways or not self._peers.may_be_inside:
                raise
            refused = error
        # A free request, to see where the gateway is: an internal one's links may lead beside it.
        try:
            video = self.get_video(video_id)
        except GatewayError as error:
            raise dataclasses.replace(refused, transient=error.transient) from None
        if video.url or names_video(video.raw, video_id):
            self._peers.know_video()
        return self._link_transport.open("GET", url, headers)

    def _exchange(self, request: HttpRequest) -> RawResponse:
        url = self.settings.url_of(request.target)
        headers = {**self.settings.headers(), **request.headers}
        return self.transport.exchange(request.method, url, headers, request.content)
