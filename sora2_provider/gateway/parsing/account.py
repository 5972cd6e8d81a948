"""Reads what a gateway says of an account: its models, and what is left. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sora2_provider.gateway.models import Balance
from sora2_provider.gateway.parsing.error_details import error_detail
from sora2_provider.gateway.parsing.error_kinds import Call
from sora2_provider.gateway.parsing.fields import Json, at, clean
from sora2_provider.gateway.parsing.response import Response

# More names than any gateway has models: a bound on the time that a hostile list can take.
_MAX_MODELS = 10_000
#: What new-api names as the limit of an account that has none.
_UNLIMITED_USD = 100_000_000


def read_models(status: int, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
    """Read the list of models, or one model, into their names.

    :raises GatewayError: refused, or not the answer of a gateway.
    """
    response, parsed = _read(status, headers, body)
    listed = parsed.get("data", parsed.get("models"))
    if isinstance(listed, list):
        names = [clean(one if isinstance(one, str) else at(one, "id")) for one in listed[:_MAX_MODELS]]
        return tuple(dict.fromkeys(name for name in names if name))
    if name := clean(parsed.get("id")):
        return (name,)
    response.raise_unreadable("The answer holds no list of models")


def read_balance(status: int, headers: Mapping[str, str], body: bytes) -> Balance:
    """Read one answer about money: a subscription (what was granted), its usage (what was spent), or a key's quota.

    :raises GatewayError: refused, or none of the three.
    """
    response, parsed = _read(status, headers, body)
    if (limit := _number(parsed.get("hard_limit_usd"))) is not None:
        return Balance(granted=limit, unlimited=limit >= _UNLIMITED_USD)
    if (used := _number(parsed.get("total_usage"))) is not None:
        return Balance(used=used / 100)
    counts = parsed.get("data") if isinstance(parsed.get("data"), dict) else parsed
    granted, used, remaining = (_number(at(counts, f"total_{name}")) for name in ("granted", "used", "available"))
    unlimited = at(counts, "unlimited_quota") is True
    if remaining is None and granted is None and not unlimited:
        response.raise_unreadable("The answer holds no balance")
    return Balance(granted, used, remaining, unlimited, unit="quota")


def _read(status: int, headers: Mapping[str, str], body: bytes) -> tuple[Response, Json]:
    """Return an answer about the account and its JSON object, or raise the error that it is instead."""
    response = Response(status, headers, body, Call.ACCOUNT)
    if response.object is None:
        response.raise_refused_or_unreadable()
    if (detail := error_detail(response.object)) is not None:
        response.raise_refused(detail)
    return response, response.object


def _number(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e18 else None
