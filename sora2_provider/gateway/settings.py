"""What a client needs to know of a gateway: its address, the key, the routes, the timeouts."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from sora2_provider.gateway.encodings import plain_text
from sora2_provider.gateway.masking import Secret, every_spelling, is_surely_without

DEFAULT_BASE_URL = "https://api.jizhiai.top"
DEFAULT_CREATE_PATH = "/v1/video/create"
DEFAULT_QUERY_PATH = "/v1/video/query"
#: The query routes of this family of gateways.
QUERY_PATHS = (
    DEFAULT_QUERY_PATH,
    "/v1/videos/{id}",
    *(f"{DEFAULT_QUERY_PATH}?{name}={{id}}" for name in ("task_id", "video_id")),
)
DEFAULT_CONNECT_TIMEOUT = 10
DEFAULT_READ_TIMEOUT = 60
#: Seconds to wait for a rendering.
DEFAULT_TIMEOUT = 1800.0
#: A video of 25 s has tens of MB.
DEFAULT_MAX_VIDEO_MB = 2048
LARGEST_MAX_VIDEO_MB = 1024 * 1024

PROXY_EXAMPLE = "http://proxy.example.com:3128"
_PARAMETER = re.compile(r"[^=&?{}]+=[^=&?]*")
#: How the key goes out, by what it is called in the connection.
KEY_HEADERS = ("bearer", "bare", "api-key")
#: How a create's body is written: as JSON, or as a form.
BODY_FORMS = ("json", "multipart")
#: The connection leaves it to the provider to find out which wire the gateway speaks.
AUTO = "auto"
#: Headers that every call sets itself; a connection's extra headers may not replace them.
_OWN_HEADERS = ("authorization", "api-key", "content-type", "accept", "host", "content-length")
#: Shorter header values are not masked: to mask a word such as "video" would black out half of every log.
_SHORTEST_SECRET = 8


@dataclass(frozen=True)
class GatewaySettings:
    """A checked gateway address with its key. Making one raises :class:`ValueError` with what to correct.

    No other module knows the key: calls take :meth:`headers`, and what may repeat it goes through :meth:`redact`.

    :param base_url: ``https://host[:port][/prefix]``. A trailing ``/v1``, which other clients want, is left out.
    :param api_key: the key, without ``Bearer``. Neither the settings' ``repr`` nor its own shows it.
    :param dialect: the wire that the gateway speaks, by the name of a file in :mod:`sora2_provider.gateway.dialects`, or
        ``auto``: see :attr:`fixed_dialect`.
    :param create_path: route of the create, below the base URL; empty for the dialect's own.
    :param query_path: the same of the query; ``{id}`` in it stands for the video's id (``/v1/videos/{id}``,
        ``/v1/video/query?task_id={id}``), otherwise ``?id=`` is added.
    :param key_header: ``bearer``, ``bare`` (``Authorization`` without that word), or ``api-key`` (the header of Azure).
    :param api_version: sent with every call, as the query parameter ``api-version``.
    :param body_form: ``json`` or ``multipart``.
    :param connect_timeout: seconds until a connection must stand.
    :param read_timeout: seconds that the gateway may stay silent, and that the body of an answer may take; in the
        triggerer, both together.
    :param verify_tls: check certificates; a path names a CA bundle (PEM).
    :param proxy: URL of an HTTP proxy; empty for the environment's.
    :param extra_headers: sent to the gateway, and only there. Not in the ``repr``: they may hold secrets.
    :param max_video_mb: MiB that a video's file may have.
    :param allow_internal_links: let a video's link lead to internal addresses, whichever.
    """

    base_url: str
    api_key: str = field(repr=False)
    dialect: str = "unified"
    create_path: str = ""
    query_path: str = ""
    key_header: str = "bearer"
    api_version: str = ""
    body_form: str = "json"
    connect_timeout: float = DEFAULT_CONNECT_TIMEOUT
    read_timeout: float = DEFAULT_READ_TIMEOUT
    verify_tls: bool | str = True
    proxy: str = field(default="", repr=False)
    extra_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    max_video_mb: int = DEFAULT_MAX_VIDEO_MB
    allow_internal_links: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", _base_url(self.base_url))
        object.__setattr__(self, "api_key", _key(self.api_key))
        if self.create_path:
            object.__setattr__(self, "create_path", _create_path(self.create_path))
        if self.query_path:
            object.__setattr__(self, "query_path", _query_path(self.query_path))
        for name, word, words in (
            ("key header", self.key_header, KEY_HEADERS),
            ("body form", self.body_form, BODY_FORMS),
        ):
            if word not in words:
                raise ValueError(f"{name}={word!r}: it must be one of {', '.join(words)}.")
        if not re.fullmatch(r"[\w.-]*", self.api_version, re.ASCII):
            raise ValueError(f"API version={self.api_version!r}: it must be a word such as preview or 2026-01-01.")
        object.__setattr__(self, "extra_headers", _headers(self.extra_headers))
        for name, seconds in (("connect timeout", self.connect_timeout), ("read timeout", self.read_timeout)):
            if not 0 < seconds <= 3600:
                raise ValueError(f"{name}={seconds!r}: it must be a number of seconds above 0, at most 3600.")
        if not 1 <= self.max_video_mb <= LARGEST_MAX_VIDEO_MB:
            raise ValueError(
                f"max_video_mb={self.max_video_mb!r}: it must be a whole number of MB from 1 to {LARGEST_MAX_VIDEO_MB}."
            )
        if isinstance(self.verify_tls, str) and not Path(self.verify_tls).exists():
            raise ValueError(f"verify_tls={self.verify_tls!r}: there is no such CA bundle on this machine.")
        if not isinstance(self.proxy, str) or (self.proxy and not web_address(self.proxy)):
            raise ValueError(f"proxy: it must be an address such as {PROXY_EXAMPLE}.")
        object.__setattr__(self, "proxy", Secret(self.proxy))

    def headers(self) -> dict[str, str]:
        """Return the headers that every call to the gateway has, with the key in them. No other host may get them."""
        name = "api-key" if self.key_header == "api-key" else "Authorization"
        value = f"Bearer {self.api_key}" if self.key_header == "bearer" else self.api_key
        return {**self.extra_headers, name: Secret(value)}

    @property
    def fixed_dialect(self) -> str:
        """The wire that is spoken; empty where it is to be found out, by questions that cost nothing."""
        if self.dialect != AUTO:
            return self.dialect
        is_known = self.base_url == DEFAULT_BASE_URL or bool(self.create_path or self.query_path)
        return "unified" if is_known else ""

    def create_path_of(self, dialect: str) -> str:
        """Return the connection's own route of the create, where it is one of this wire; otherwise nothing."""
        return self.create_path if dialect == self.fixed_dialect else ""

    def query_path_of(self, dialect: str) -> str:
        """Return the same of the query: a video is asked on its own wire after the connection was changed, too."""
        return self.query_path if dialect == self.fixed_dialect else ""

    def url_of(self, target: str) -> str:
        """Return the whole address of a route, with the API's version.

        :param target: path and query, already URL-encoded.
        """
        version = f"{'&' if '?' in target else '?'}api-version={self.api_version}" if self.api_version else ""
        return f"{self.base_url}{target}{version}"

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every value that must not be seen in a log, the longest first: one can be a part of another."""
        proxy = urlsplit(self.proxy)
        name, password = proxy.username or "", proxy.password or ""
        login = f"{unquote(name)}:{unquote(password)}"
        found = {self.api_key, name, password, unquote(name), unquote(password)}
        found |= {value for value in self.extra_headers.values() if len(value) >= _SHORTEST_SECRET}
        if password:
            # As it stands in Proxy-Authorization.
            found.add(b64encode(login.encode()).decode())
        return tuple(sorted(map(Secret, found - {""}), key=len, reverse=True))

    def redact(self, text: str) -> str:
        """Return a text without the secrets, however they are written there."""
        return self._secrets_pattern.sub("***", text)

    def redact_body(self, body: bytes) -> bytes:
        """Return an answer's bytes, unpacked, without the key: gateways repeat it in "Incorrect API key provided: ..."."""
        text = plain_text(body)
        return text if is_surely_without(self._key_bytes, text) else self._key_pattern.sub(b"***", text)

    @cached_property
    def _key_bytes(self) -> bytes:
        return self.api_key.encode()

    @cached_property
    def _secrets_pattern(self) -> re.Pattern[str]:
        return every_spelling(self.secrets)

    @cached_property
    def _key_pattern(self) -> re.Pattern[bytes]:
        spelled = every_spelling([self.api_key]).pattern
        # Within a longer word a short key ("video", "1") is no key, but a part of an id that was paid for.
        whole = spelled if len(self.api_key) >= _SHORTEST_SECRET else rf"(?<![\w-])(?:{spelled})(?!:?[\w-])"
        return re.compile(whole.encode())

    @property
    def account(self) -> str:
        """A name that tells two accounts apart and holds only a hash of the key, for caches."""
        return f"{self.base_url}#{hashlib.sha256(self.api_key.encode()).hexdigest()[:16]}"

    def is_own(self, url: str) -> bool:
        """Whether a URL is the gateway's own: same scheme, host and port. Only there may the key go."""
        return _origin(url) == _origin(self.base_url)


def _base_url(value: str) -> str:
    text = value.strip().rstrip("/")
    parts = web_address(text)
    if parts is None:
        shown = value.rpartition("@")[2][:200]
        raise ValueError(
            f"base URL {shown!r}: it must begin with https:// (or http:// for a gateway in your "
            f"own network), for example {DEFAULT_BASE_URL}. It stands in the Base URL field (host) of the connection; in a "
            "connection URI the scheme comes last: sora2://:KEY@gateway.example.com/https."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            f"base URL with host {parts.hostname!r}: leave out user, password, query and fragment; "
            "the API key stands in the API key field (password) of the connection."
        )
    return text.removesuffix("/v1")


def _key(value: str) -> Secret:
    key = Secret(value.strip().removeprefix("Bearer ").strip())
    if not key:
        raise ValueError("the connection has no API key: put it into the API key field (password).")
    if not key.isascii() or not key.isprintable() or " " in key:
        # The key itself must not stand in a message.
        raise ValueError(
            "the API key holds blanks, line breaks or characters outside ASCII: copy it again into the API key field (password)."
        )
    return key


def _path(name: str, value: str, example: str) -> str:
    path = value.strip()
    usable = path.isascii() and path.isprintable() and not set(path) & set(' #\\"<>')
    if not usable or not path.startswith("/") or path.startswith("//"):
        raise ValueError(f"{name}={value!r}: it must be a path that begins with /, for example {example}.")
    return path


def _create_path(value: str) -> str:
    path = _path("create path", value, DEFAULT_CREATE_PATH)
    if set(path) & set("?{}"):
        raise ValueError(
            f"create path={value!r}: it must be a path alone, without ? and without a placeholder, for example {DEFAULT_CREATE_PATH}."
        )
    return path


def _query_path(value: str) -> str:
    path = _path("query path", value, DEFAULT_QUERY_PATH)
    rest = path.replace("{id}", "")
    if "{" in rest or "}" in rest:
        raise ValueError(f"query path={value!r}: the only placeholder is {{id}}, for example /v1/videos/{{id}}.")
    _, mark, query = path.partition("?")
    if mark and ("{id}" not in path or not all(_PARAMETER.fullmatch(one) for one in query.split("&"))):
        raise ValueError(
            f"query path={value!r}: behind ? stand parameters such as task_id={{id}}, joined with &, and {{id}} stands where the "
            f"video's id goes, for example {DEFAULT_QUERY_PATH}?task_id={{id}}."
        )
    return path


def _headers(values: Mapping[str, str]) -> dict[str, str]:
    for name, value in values.items():
        token = isinstance(name, str) and name.isascii() and name.replace("-", "").replace("_", "").isalnum()
        if not token or name.lower() in _OWN_HEADERS:
            raise ValueError(
                f"extra headers: {name!r} cannot be set. Give a JSON object of header names and texts; "
                f"these are set by the provider: {', '.join(_OWN_HEADERS)}."
            )
        if not isinstance(value, str) or not value.isascii() or not value.isprintable():
            raise ValueError(f"extra headers: the value of {name!r} must be a text of printable ASCII characters.")
    return {name: Secret(value) for name, value in values.items()}


def web_address(url: str) -> SplitResult | None:
    """Return the parts of an http(s) address with a host, without blanks and controls; ``None`` for anything else."""
    try:
        parts = urlsplit(url)
        # Reading the port raises for one that is no number.
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    return parts if usable and url.isprintable() and " " not in url else None


def _origin(url: str) -> tuple[str, str | None, int] | None:
    parts = web_address(url)
    return (parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]) if parts else None
