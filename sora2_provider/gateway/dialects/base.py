"""What one wire of a gateway is: its routes, how a request is written, and how answers are read. No address, no key."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from sora2_provider.gateway.models import VideoRequest
from sora2_provider.gateway.parsing import videos


@dataclass(frozen=True)
class HttpRequest:
    """One call, to be sent to a gateway's base URL.

    :param target: path and query, already URL-encoded.
    :param content: the bytes of the body; ``None`` where there is none.
    """

    method: str
    target: str
    content: bytes | None = None
    content_type: str = ""

    @classmethod
    def post_json(cls, target: str, body: Mapping[str, Any]) -> HttpRequest:
        """Return a call that sends a JSON object."""
        return cls("POST", target, json.dumps(body).encode("ascii"), "application/json")

    @classmethod
    def post_form(cls, target: str, body: Mapping[str, Any]) -> HttpRequest:
        """Return a call that sends the same fields as a form; a list is a field that is there several times."""
        # Imported here: DAG files must parse fast.
        from urllib3.filepost import encode_multipart_formdata

        pairs = [(name, one) for name, value in body.items() for one in (value if isinstance(value, list) else [value])]
        content, content_type = encode_multipart_formdata([(name, _form_text(value)) for name, value in pairs])
        return cls("POST", target, content, content_type)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that the gateways' guide asks for, besides those of the settings."""
        headers = {"Accept": "application/json"}
        return {**headers, "Content-Type": self.content_type} if self.content_type else headers


def _form_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


class Dialect(ABC):
    """One wire. It says only what it does differently from what all wires of this family have in common.

    The readers take an answer's status, headers and body, and are those of
    :mod:`~sora2_provider.gateway.parsing.videos`, where the errors that they raise are told.

    :cvar create_path: the route that submits a video.
    :cvar query_path: the route that returns a video's state; ``{id}`` in it stands for the id, otherwise ``?id=`` is added.
    """

    create_path: ClassVar[str]
    query_path: ClassVar[str]

    @property
    def name(self) -> str:
        """The name of the file that defines it."""
        return type(self).__module__.rpartition(".")[2]

    read_created = staticmethod(videos.read_created)
    read_video = staticmethod(videos.read_video)
    read_state = staticmethod(videos.read_state)
    read_content = staticmethod(videos.read_content)

    @abstractmethod
    def body(self, request: VideoRequest) -> dict[str, Any]:
        """Return the fields of a create.

        :raises ValueError: this wire cannot carry the request; says what to change.
        """

    def create(self, request: VideoRequest, path: str = "", form: str = "json") -> HttpRequest:
        """Submit a video. This is the call that costs money.

        :param path: the connection's own route, if any.
        :param form: ``json`` or ``multipart``.
        :raises ValueError: as :meth:`body`.
        """
        post = HttpRequest.post_form if form == "multipart" else HttpRequest.post_json
        return post(path or self.create_path, self.body(request))

    def query(self, video_id: str, path: str = "") -> HttpRequest:
        """Ask for a video's state. Ids are opaque and hold ``:``, ``.``, ``=`` and ``&``, so they are URL-encoded.

        :param path: the connection's own route, if any.
        """
        path = path or self.query_path
        if "{id}" in path:
            return HttpRequest("GET", path.replace("{id}", quote(video_id, safe="")))
        return HttpRequest("GET", f"{path}?{urlencode({'id': video_id})}")

    def content(self, video_id: str) -> HttpRequest:
        """Fetch a video's bytes through the gateway, for answers that hold no link."""
        return HttpRequest("GET", f"/v1/videos/{quote(video_id, safe='')}/content")


#: Width and height, by orientation and size.
_PIXELS = {
    ("portrait", "small"): "720x1280",
    ("landscape", "small"): "1280x720",
    ("portrait", "large"): "1024x1792",
    ("landscape", "large"): "1792x1024",
}


def pixels(request: VideoRequest) -> str:
    """Return a request's size in pixels, for wires that name it so; a size in other words as it is."""
    return _PIXELS.get((request.orientation, request.size), request.size)


# Of the account and not of a video: the same on every wire, and free.
#: The models that the key may use.
MODELS = HttpRequest("GET", "/v1/models")
#: What the account was granted, in USD.
SUBSCRIPTION = HttpRequest("GET", "/v1/dashboard/billing/subscription")
#: What the account has spent, in hundredths of a USD.
USAGE = HttpRequest("GET", "/v1/dashboard/billing/usage")
#: What one key was granted and has left, in the gateway's own points.
TOKEN_USAGE = HttpRequest("GET", "/api/usage/token")
