"""The models that the emulator offers, and what each takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """One model, and the kind of channel through which new-api would reach it."""

    name: str
    channel: str
    """sora, gemini, kling, doubao or xai."""
    durations: tuple[int, ...]
    """Seconds that the unified and the v2 wire take."""
    seconds: tuple[int, ...]
    """Seconds that the openai wire of a relay takes."""
    default_duration: int
    """Seconds that are rendered where a create does not say."""


_SORA = (10, 15)
_SORA_SECONDS = (4, 8, 10, 12, 15, 16, 20)
_OTHERS = tuple(range(4, 31))

MODELS = {
    model.name: model
    for model in (
        Model("sora-2", "sora", _SORA, _SORA_SECONDS, 4),
        Model("sora-2-pro", "sora", (*_SORA, 25), (*_SORA_SECONDS, 25), 4),
        Model("sora-2-all", "sora", _SORA, _SORA_SECONDS, 4),
        Model("veo3.1", "gemini", _OTHERS, (4, 6, 8), 8),
        Model("veo3.1-fast", "gemini", _OTHERS, (4, 6, 8), 8),
        Model("grok-imagine-video", "xai", _OTHERS, (6, 10, 15, 30), 6),
        Model("kling-v3", "kling", _OTHERS, tuple(range(5, 16)), 5),
        Model("doubao-seedance-1-0-pro", "doubao", _OTHERS, tuple(range(5, 16)), 5),
    )
}
