"""A gateway for development and tests: real HTTP on loopback, real MP4s, faults on demand.

It shares no code with the client that it tests, so that both cannot have the same mistake. Names are loaded when they are
first used, because pytest loads this package for every user.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sora2_provider.emulator.emulator import Emulator
    from sora2_provider.emulator.faults import Fault
    from sora2_provider.emulator.history import Billed, Received, VideoView
    from sora2_provider.emulator.settings import EmulatorError, Settings

__all__ = ["Billed", "Emulator", "EmulatorError", "Fault", "Received", "Settings", "VideoView"]

_MODULES = {
    "Billed": "history",
    "Emulator": "emulator",
    "EmulatorError": "settings",
    "Fault": "faults",
    "Received": "history",
    "Settings": "settings",
    "VideoView": "history",
}


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
