"""Fields as OpenAI's API reads them, and its words for what it refuses."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sora2_provider.emulator.answers import RefusedError, openai_error
from sora2_provider.emulator.request_body import RequestBody, UploadedFile

_KINDS = {
    bool: "a boolean",
    int: "an integer",
    float: "a decimal number",
    str: "a string",
    list: "an array",
    dict: "an object",
    type(None): "null",
    UploadedFile: "a file",
}


def read_fields(body: RequestBody) -> dict[str, Any]:
    """Return the fields of a JSON object or a form."""
    if body.media_type == "multipart/form-data":
        if body.form is None:
            raise refused("Could not parse multipart form")
        return body.fields()
    if body.media_type != "application/json":
        message = (
            f"Unsupported content type: '{body.content_type}'. This API method only accepts 'application/json' and "
            "'multipart/form-data' requests. Please try again with a supported content type."
        )
        raise refused(message, code="unsupported_content_type")
    try:
        fields = body.json()
    except ValueError:
        raise refused("We could not parse the JSON body of your request.") from None
    if not isinstance(fields, dict):
        raise refused(f"Invalid type for request body: expected an object, but got {kind_of(fields)} instead.")
    return fields


def refuse_unknown(fields: Mapping[str, Any], known: Collection[str]) -> None:
    for name in fields:
        if name not in known:
            raise refused(f"Unknown parameter: '{name}'.", name, "unknown_parameter")


def read_text(fields: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Return a text; one without default must be there."""
    value = fields.get(name)
    if value is None:
        if default is None:
            raise refused(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
        return default
    if not isinstance(value, str):
        raise wrong_type(name, "a string", value)
    if not value.strip():
        message = (
            f"Invalid '{name}': empty string. Expected a string with minimum length 1, but got an empty string instead."
        )
        raise refused(message, name, "empty_string")
    return value


def read_choice(fields: Mapping[str, Any], name: str, allowed: Sequence[str], default: str) -> str:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise wrong_type(name, f"one of {_listed(allowed, 'or')}", value)
    if value is None:
        return default
    if value not in allowed:
        message = f"Invalid value: '{value}'. Supported values are: {_listed(allowed, 'and')}."
        raise refused(message, name, "invalid_value")
    return value


def read_integer(query: Mapping[str, str], name: str, low: int, high: int, default: int) -> int:
    """Return a whole number in a query string."""
    text = query.get(name)
    if text is None:
        return default
    if not text.removeprefix("-").isdecimal():
        raise wrong_type(name, "an integer", text)
    number = int(text)
    for beyond, word, sign, limit in (
        (number < low, "below minimum", ">=", low),
        (number > high, "above maximum", "<=", high),
    ):
        if beyond:
            message = (
                f"Invalid '{name}': integer {word} value. Expected a value {sign} {limit}, but got {number} instead."
            )
            raise refused(message, name, f"integer_{word.replace(' ', '_')}_value")
    return number


def wrong_type(name: str, expected: str, value: Any) -> RefusedError:
    message = f"Invalid type for '{name}': expected {expected}, but got {kind_of(value)} instead."
    return refused(message, name, "invalid_type")


def refused(message: str, param: str | None = None, code: str | None = None, status: int = 400) -> RefusedError:
    return RefusedError(openai_error(status, message, param, code))


def kind_of(value: Any) -> str:
    return _KINDS.get(type(value), "an object")


def _listed(words: Sequence[str], last: str) -> str:
    quoted = [f"'{word}'" for word in words]
    if len(quoted) < 3:
        return f" {last} ".join(quoted)
    return f"{', '.join(quoted[:-1])}, {last} {quoted[-1]}"
