"""The blocking client: turns an endpoint into one HTTP exchange and hands the answer to the readers."""

from __future__ import annotations

import contextlib
import dataclasses

import requests

from sora2_provider.gateway.dialects import base as endpoints
from sora2_provider.gateway.dialects import unified
from sora2_provider.gateway.dialects.base import Endpoint
from sora2_provider.gateway.errors import GatewayError, InternalAddress, SubmissionUnknown, UnreadableResponse
from sora2_provider.gateway.models import Balance, Video, VideoRequest
from sora2_provider.gateway.parsing import account
from sora2_provider.gateway.parsing import videos as responses
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.gateway.transport.adapter import ConnectionPolicy
from sora2_provider.gateway.transport.session import USER_AGENT, Answer, ExchangeBroken, Transport, as_sent
from sora2_provider.gateway.transport.ssrf import Fence, Home


class Sora2Client:
    """Talks to one gateway. Not safe to share between threads; close it when done."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.settings = settings
        self._home = Home()
        self.transport = Transport(settings, USER_AGENT, self._home)
        policy = ConnectionPolicy() if settings.allow_internal_links else Fence(self._home)
        self._outside = Transport(settings, USER_AGENT, policy)

    def __enter__(self) -> Sora2Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept connections."""
        self.transport.close()
        self._outside.close()

    def create_video(self, request: VideoRequest) -> Video:
        """Submit a video, once: the request is never sent a second time from here.

        :raises SubmissionUnknown: it was sent and its answer was lost: it may be rendering, and billed.
        :raises GatewayError: nothing was accepted.
        """
        endpoint = unified.create(request, self.settings.create_path)
        try:
            answer = self._exchange(endpoint)
        except ExchangeBroken as error:
            if not error.broken.sent:
                raise error.broken.as_error(f"Nothing was sent to {self.settings.base_url}") from None
            raise SubmissionUnknown(
                f"The create was sent, and its answer was lost ({error.broken.reason}): a video may be rendering, "
                "and billed."
            ) from None
        return responses.read_created(answer.status, answer.headers, answer.body)

    def get_video(self, video_id: str) -> Video:
        """Ask for a video's state. The value carries the id that was asked for, whatever the answer calls it.

        :raises GatewayError: no state came back.
        """
        answer = self._ask(endpoints.query(video_id, self.settings.query_path))
        video = responses.read_video(answer.status, answer.headers, answer.body, video_id=video_id)
        return dataclasses.replace(video, id=video_id)

    def list_models(self) -> tuple[str, ...]:
        """Return the names of the models that the key may use. Costs nothing."""
        answer = self._ask(endpoints.models())
        return account.read_models(answer.status, answer.headers, answer.body)

    def get_balance(self) -> Balance:
        """Return what the account has left; where the gateway has no billing routes, what the key has left.

        :raises GatewayError: neither could be read.
        """
        try:
            granted = self._balance(endpoints.subscription())
            used = self._balance(endpoints.usage())
        except GatewayError as error:
            if error.http_status != 404 and not isinstance(error, UnreadableResponse):
                raise
            return self._balance(endpoints.token_usage())
        if granted.granted is None or used.used is None:
            return self._balance(endpoints.token_usage())
        left = None if granted.unlimited else granted.granted - used.used
        return Balance(granted.granted, used.used, left, granted.unlimited)

    def open_content(self, url: str, headers: dict[str, str], *, with_key: bool = True) -> requests.Response:
        """Begin to fetch a file. The key goes with it only to the gateway itself; redirects are not followed.

        :param with_key: ``False``: not even there, because a foreign host named this address.
        :raises InternalAddress: the address is inside a network, and not the gateway's own.
        :raises GatewayError: no answer came.
        """
        try:
            # Whose address it is, is asked of the one that the request goes to: readers of odd URLs differ.
            url = as_sent(url)
            if not self.settings.is_own(url):
                return self._open_link(url, headers)
            key = {"Authorization": f"Bearer {self.settings.api_key}"}
            own, extra = (key, self.settings.extra_headers) if with_key else ({}, {})
            return self.transport.open("GET", url, {**extra, **headers, **own})
        except ExchangeBroken as error:
            raise error.broken.as_error("The video's file cannot be fetched") from None

    def _open_link(self, url: str, headers: dict[str, str]) -> requests.Response:
        try:
            return self._outside.open("GET", url, headers)
        except InternalAddress:
            if self._home.is_known:
                raise
        # A free question, whatever it answers, to see where the gateway is: its neighbours are no strangers.
        with contextlib.suppress(GatewayError):
            self.list_models()
        return self._outside.open("GET", url, headers)

    def _balance(self, endpoint: Endpoint) -> Balance:
        answer = self._ask(endpoint)
        return account.read_balance(answer.status, answer.headers, answer.body)

    def _ask(self, endpoint: Endpoint) -> Answer:
        try:
            return self._exchange(endpoint)
        except ExchangeBroken as error:
            raise error.broken.as_error(f"The gateway at {self.settings.base_url} cannot be reached") from None

    def _exchange(self, endpoint: Endpoint) -> Answer:
        settings = self.settings
        return self.transport.exchange(
            endpoint.method, endpoint.url(settings), endpoint.headers(settings), endpoint.content()
        )
