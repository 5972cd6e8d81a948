"""The fields of a connection's extra: one table for the parsing, the forms, the options of ``[sora2]`` and tests of the docs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sora2_provider.gateway.settings import AUTO, BODY_FORMS, KEY_HEADERS, LARGEST_MAX_VIDEO_MB, GatewaySettings
from sora2_provider.spending.limits import LARGEST_CAP, MinimumBalance

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
#: How a gateway may count money, by what people write after the number.
_UNITS = {"": "usd", "usd": "usd", "$": "usd", "quota": "quota"}


class FieldType(NamedTuple):
    """How a value is read, and how a form asks for it.

    :param read: returns the value of what is written in the extra or the configuration, which is never blank. Raises
        :class:`ValueError` that says what to write.
    :param kind: ``string``, ``integer``, ``boolean``, or ``password`` for a text that may be secret.
    :param minimum: what the form accepts; the reader may accept more.
    """

    read: Callable[[Any], Any]
    kind: str = "string"
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True)
class ConnectionField:
    """One field.

    :param name: its key in the extra, and its name in :class:`GatewaySettings` or :class:`SpendingLimits`.
    :param default: what the form shows at first. A field that is blank in the extra has the default of the settings.
    :param option: what the option of ``[sora2]`` with this name means, which applies where the extra is blank; empty where
        there is none.
    :param example: of the option.
    :param is_guard: it keeps money or the key safe, so a key that looks like it is refused: it would be off.
    """

    name: str
    label: str
    description: str
    type: FieldType
    default: str | float | bool | None = None
    placeholder: str = ""
    option: str = ""
    example: str = ""
    is_guard: bool = False

    @property
    def kind(self) -> str:
        """The kind of its type."""
        return self.type.kind

    def read(self, written: Any, *, where: str) -> Any:
        """Return the value of what is written.

        :raises ValueError: says where that is, and what to write there. Holds no secret.
        """
        try:
            return self.type.read(written)
        except ValueError as error:
            shown = self.name if self.kind == "password" else f"{self.name}={written!r}"
            raise ValueError(f"{where}: {shown}: {error}") from None


def _text(written: Any) -> str:
    if not isinstance(written, str):
        raise ValueError("it must be a text.")
    return written.strip()


def _number(written: Any) -> float:
    """Return the number, or NaN: every comparison with it fails."""
    try:
        return math.nan if isinstance(written, bool) else float(written)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _seconds(written: Any) -> float:
    if math.isnan(seconds := _number(written)):
        raise ValueError("it must be a number of seconds.")
    return seconds


def _whole_number(maximum: int, hint: str = "") -> FieldType:
    def read(written: Any) -> int:
        # A form may have stored 400 as 400.0.
        number = _number(written)
        if not 1 <= number <= maximum or number != int(number):
            raise ValueError(f"it must be a whole number from 1 to {maximum}{hint}.")
        return int(number)

    return FieldType(read, "integer", 1, maximum)


def _flag(written: Any) -> bool:
    flag = _WORDS.get(str(written).strip().lower())
    if flag is None:
        raise ValueError("it must be true or false.")
    return flag


def _verification(written: Any) -> bool | str:
    text = str(written).strip()
    if "/" in text:
        return text
    flag = _WORDS.get(text.lower())
    if flag is None:
        raise ValueError("it must be true, false, or the path of a CA bundle.")
    return flag


def _headers(written: Any) -> dict[str, str]:
    try:
        headers = json.loads(written) if isinstance(written, str) else written
    except ValueError:
        headers = None
    if not isinstance(headers, Mapping):
        raise ValueError('it must be a JSON object such as {"X-Proxy-Token": "..."}.')
    return dict(headers)


def _minimum_balance(written: Any) -> MinimumBalance:
    text = str(written).strip()
    amount, _, word = (f"{text[1:].strip()} usd" if text.startswith("$") else text).partition(" ")
    number, unit = _number(amount), _UNITS.get(word.strip().lower())
    if unit is None or not 0 < number < math.inf:
        raise ValueError(
            "it must be a number above 0, in USD, or with the word quota after it ('2500000 quota') where the gateway "
            "counts in points; leave it empty for no minimum."
        )
    return MinimumBalance(number, unit)


def _word(written: Any) -> str:
    return str(written).strip().lower()


def _one_of(*words: str) -> FieldType:
    def read(written: Any) -> str:
        word = _word(written)
        if word not in words:
            raise ValueError(f"it must be one of {', '.join(words)}.")
        return word

    return FieldType(read)


TEXT = FieldType(_text)
SECRET_TEXT = FieldType(_text, "password")
SECONDS = FieldType(_seconds, "integer", 1, 3600)
CAP = _whole_number(LARGEST_CAP, "; leave it empty for no cap")

#: The fields of :class:`GatewaySettings`.
GATEWAY_FIELDS = (
    ConnectionField(
        "dialect",
        "API",
        "The API that the gateway speaks: unified (/v1/video/create), openai (/v1/videos), generations (/v1/video/generations), v2 "
        "(/v2/videos/generations), or auto: unified at the default Base URL and where a path is written, and elsewhere found out by "
        "questions that cost nothing.",
        FieldType(_word),
        AUTO,
    ),
    ConnectionField(
        "create_path",
        "Create path",
        "Route that submits a video, below the Base URL, where your gateway's API guide names another one than its API has. Empty: the "
        "API's own.",
        TEXT,
        placeholder="/v1/video/create",
    ),
    ConnectionField(
        "query_path",
        "Query path",
        "Route that returns a video's state. ?id=... is added to it; or write {id} where the id goes: "
        "/v1/videos/{id}, /v1/video/query?task_id={id}. Empty: the API's own.",
        TEXT,
        placeholder="/v1/video/query",
    ),
    ConnectionField(
        "key_header",
        "Key header",
        "How the API key is sent: bearer (Authorization: Bearer KEY), bare (Authorization: KEY), or api-key (the header of Azure).",
        _one_of(*KEY_HEADERS),
        GatewaySettings.key_header,
    ),
    ConnectionField(
        "api_version",
        "API version",
        "Sent with every call as the query parameter api-version, which Azure wants. Empty: not sent.",
        TEXT,
        placeholder="preview",
    ),
    ConnectionField(
        "body_form",
        "Body form",
        "How a create is written: json, or multipart (a form) where your gateway takes only that.",
        _one_of(*BODY_FORMS),
        GatewaySettings.body_form,
    ),
    ConnectionField(
        "connect_timeout",
        "Connect timeout (seconds)",
        "How long connecting to the gateway may take.",
        SECONDS,
        GatewaySettings.connect_timeout,
    ),
    ConnectionField(
        "read_timeout",
        "Read timeout (seconds)",
        "How long the gateway may send nothing. Do not set it low: the outcome of a create that is not answered within this "
        "time is unknown.",
        SECONDS,
        GatewaySettings.read_timeout,
    ),
    ConnectionField(
        "verify_tls",
        "Verify TLS",
        "true, false, or the path of a CA bundle (PEM) on the workers. With false, anyone on the network can read the API key.",
        FieldType(_verification),
        "true",
        is_guard=True,
    ),
    ConnectionField(
        "proxy",
        "Proxy",
        "Address of an HTTP proxy, such as http://proxy.example.com:3128. Empty: the proxy of the workers' environment, if any.",
        SECRET_TEXT,
        placeholder="http://proxy.example.com:3128",
    ),
    ConnectionField(
        "extra_headers",
        "Extra headers",
        'JSON object of headers that your gateway requires, such as {"X-Team": "films"}. Sent only to the gateway, masked in '
        "logs.",
        FieldType(_headers, "password"),
        placeholder='{"X-Proxy-Token": "..."}',
    ),
    ConnectionField(
        "max_video_mb",
        "Max video size (MB)",
        "A larger download fails and leaves no file. A video of 25 s has tens of MB.",
        _whole_number(LARGEST_MAX_VIDEO_MB),
        GatewaySettings.max_video_mb,
    ),
    ConnectionField(
        "allow_internal_links",
        "Allow internal links",
        "Allow a video's link to lead to addresses inside your network. Not needed if the gateway itself is inside it.",
        FieldType(_flag, "boolean"),
        GatewaySettings.allow_internal_links,
    ),
)


def _limit(name: str, label: str, rule: str, kind: FieldType, *, empty: str, example: str) -> ConnectionField:
    """Return a field of :class:`SpendingLimits`, which is an option of ``[sora2]`` as well."""
    description = f"{rule} Empty: as the option [sora2] {name} says, otherwise {empty}."
    option = f"{rule} Applies to connections that do not set it themselves. Empty: {empty}."
    return ConnectionField(name, label, description, kind, option=option, example=example, is_guard=True)


_REFUSED = "Further ones are refused before anything is sent. Needs the option [sora2] spending_path or state_path."

LIMIT_FIELDS = (
    _limit(
        "max_creates_per_hour",
        "Max creates per hour",
        f"Maximum number of creates in an hour (UTC). {_REFUSED}",
        CAP,
        empty="no cap",
        example="400",
    ),
    _limit(
        "max_creates_per_day",
        "Max creates per day",
        f"Maximum number of creates in a day (UTC). {_REFUSED}",
        CAP,
        empty="no cap",
        example="2000",
    ),
    _limit(
        "min_balance",
        "Minimum balance",
        "Nothing is submitted while the account has less left: a number of USD, or '2500000 quota' for a gateway that counts in "
        "points.",
        FieldType(_minimum_balance),
        empty="no minimum",
        example="5",
    ),
)

FIELDS = GATEWAY_FIELDS + LIMIT_FIELDS
