"""The shapes in which gateways of this family answer a create and a query. Pure.

``guide`` is the reference platform's; the others are siblings that users move to. A dialect changes shapes only:
the routes, the rules and the life of a video are the same.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sora2_provider.emulator.videos import State, Video

BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class Shown:
    """A video as one answer shows it."""

    video: Video
    state: State
    link: str | None
    link_expires_at: float | None = None


@dataclass(frozen=True)
class Dialect:
    """How one kind of gateway names and shows videos."""

    new_id: Callable[[str], str]
    """Makes an id for a video of the given model."""
    created: Callable[[Shown], dict[str, Any]]
    queried: Callable[[Shown], dict[str, Any]]


def random_id(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))
