"""Which server the emulator is like: one file a preset, found by its name. Without one it has every wire at once."""

from __future__ import annotations

from importlib import import_module

from sora2_provider.emulator.presets.base import Preset
from sora2_provider.emulator.settings import Settings


def load_preset(settings: Settings) -> Preset:
    """Return the server that these settings describe."""
    if settings.like is None:
        return Preset(settings)
    preset: type[Preset] = import_module(f"{__name__}.{settings.like.replace('-', '_')}").PRESET
    return preset(settings)
