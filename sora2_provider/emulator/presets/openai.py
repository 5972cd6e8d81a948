"""OpenAI's own API: the openai wire, strict, with OpenAI's words around it."""

from __future__ import annotations

from sora2_provider.emulator.answers import Answer, json_answer, openai_error
from sora2_provider.emulator.credentials import Credentials
from sora2_provider.emulator.dialects.base import Dialect, Route
from sora2_provider.emulator.dialects.openai import SIZES, OpenAIDialect
from sora2_provider.emulator.presets.base import FILE_ROUTE, Preset

_ACCOUNT_PAGE = "You can find your API key at https://platform.openai.com/account/api-keys."


class StrictOpenAIDialect(OpenAIDialect):
    """What OpenAI takes, whatever the setting says."""

    @property
    def strict(self) -> bool:
        return True


class OpenAI(Preset):
    """Models and videos; no balance."""

    routes = (Route("models", "GET", "/v1/models(?:/(?P<item>[^/]+))?"), FILE_ROUTE)

    def dialect_classes(self) -> tuple[type[Dialect], ...]:
        return (StrictOpenAIDialect,)

    def no_such_address(self, method: str, path: str) -> Answer:
        if self.methods_of(path):
            hint = "Perhaps you meant to use a different HTTP method?"
            message = f"Not allowed to {method} on {path} (HINT: {hint})"
            return openai_error(405, message, None, "method_not_supported")
        return openai_error(404, f"Invalid URL ({method} {path})")

    def refuse_key(self, credentials: Credentials, _request_id: str) -> Answer | None:
        if credentials.scheme != "bearer":
            message = (
                "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
                f"auth (i.e. Authorization: Bearer YOUR_KEY). {_ACCOUNT_PAGE}"
            )
            return openai_error(401, message)
        if credentials.looks_good:
            return None
        shown = f"{credentials.key[:2]}***{credentials.key[-2:]}"
        return openai_error(401, f"Incorrect API key provided: {shown}. {_ACCOUNT_PAGE}", None, "invalid_api_key")

    def headers(self, request_id: str) -> tuple[tuple[str, str], ...]:
        return (("x-request-id", f"req_{request_id}"), ("openai-version", "2020-10-01"))

    def models(self, name: str) -> Answer:
        if not name:
            return json_answer(200, {"object": "list", "data": [_row(model) for model in SIZES]})
        if name in SIZES:
            return json_answer(200, _row(name))
        return openai_error(404, f"The model '{name}' does not exist", "model", "model_not_found")


PRESET = OpenAI


def _row(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 1759708663, "owned_by": "system"}
