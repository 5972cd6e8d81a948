"""What a shape of answers is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sora2_provider.emulator.videos import VideoSnapshot


@dataclass(frozen=True)
class Shape:
    """Ids, and the bodies of two answers."""

    new_id: Callable[[str], str]
    """Makes an id for a video of the given model."""
    created: Callable[[VideoSnapshot], dict[str, Any]]
    queried: Callable[[VideoSnapshot], dict[str, Any]]
