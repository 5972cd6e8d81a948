"""Ids as gateways make them."""

from __future__ import annotations

import secrets

BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def random_id(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def task_id() -> str:
    """Return an id of new-api's tasks."""
    return f"task_{random_id(LETTERS, 32)}"
