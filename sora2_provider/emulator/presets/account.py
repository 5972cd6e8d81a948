"""What servers of new-api's family say of models, prices and the account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sora2_provider.emulator.answers import Answer, api_error, json_answer
from sora2_provider.emulator.models import MODELS
from sora2_provider.emulator.task_objects import QUOTA_PER_USD

UNLIMITED_USD = 100_000_000
VERSION = "v1.0.0"
"""The ``X-New-Api-Version``."""


def model_row(name: str, endpoint_types: list[str]) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": 1626777600,
        "owned_by": "custom",
        "supported_endpoint_types": endpoint_types,
    }


def no_such_model(name: str) -> Answer:
    # Seen on gateways of this family: the error comes with HTTP 200.
    message = f"The model '{name}' does not exist"
    return api_error(200, message, kind="invalid_request_error", param="model", code="model_not_found")


def pricing(price: float, endpoint_types: Mapping[str, list[str]], paths: Mapping[str, str]) -> Answer:
    """``price`` is USD for one call; ``paths`` says where a create of each endpoint type goes."""
    rows = [
        {
            "model_name": name,
            "quota_type": 1,
            "model_ratio": 0,
            "model_price": price,
            "owner_by": "",
            "completion_ratio": 0,
            "enable_groups": ["default"],
            "supported_endpoint_types": endpoint_types[name],
        }
        for name in MODELS
    ]
    body = {
        "success": True,
        "data": rows,
        "vendors": [],
        "group_ratio": {"default": 1},
        "usable_group": {"default": "默认分组"},
        "supported_endpoint": {word: {"path": path, "method": "POST"} for word, path in paths.items()},
        "auto_groups": [],
    }
    return json_answer(200, body)


def status() -> Answer:
    data = {
        "version": VERSION,
        "system_name": "New API",
        "quota_per_unit": QUOTA_PER_USD,
        "display_in_currency": True,
        "quota_display_type": "USD",
        "usd_exchange_rate": 7.3,
    }
    return json_answer(200, {"success": True, "message": "", "data": data})


def billing(name: str, balance: float | None, used: float) -> Answer:
    """Answer for ``usage``, ``token`` or ``subscription``; None is an unlimited balance."""
    if name == "usage":
        return json_answer(200, {"object": "list", "total_usage": round(used * 100, 4)})
    if name == "token":
        return json_answer(200, _token(balance, used))
    limit = UNLIMITED_USD if balance is None else balance
    subscription = {
        "object": "billing_subscription",
        "has_payment_method": True,
        "soft_limit_usd": limit,
        "hard_limit_usd": limit,
        "system_hard_limit_usd": limit,
        "access_until": 0,
    }
    return json_answer(200, subscription)


def _token(balance: float | None, used: float) -> dict[str, object]:
    granted = 0 if balance is None else round(balance * QUOTA_PER_USD)
    spent = round(used * QUOTA_PER_USD)
    data = {
        "object": "token_usage",
        "name": "emulator",
        "total_granted": granted,
        "total_used": spent,
        "total_available": 0 if balance is None else max(0, granted - spent),
        "unlimited_quota": balance is None,
        "model_limits": {},
        "model_limits_enabled": False,
        "expires_at": 0,
    }
    return {"code": True, "message": "ok", "data": data}
