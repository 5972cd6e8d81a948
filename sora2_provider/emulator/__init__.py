"""A stand-in gateway for development and tests: real HTTP on loopback, real MP4s, faults on demand.

It shares no code with the client that it tests, so that a mistake in one is not mirrored in the other: nothing
here imports from the rest of ``sora2_provider``, and nothing here imports Airflow.

Importing the package is free, because pytest loads its plugin for every user: names are loaded when asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sora2_provider.emulator.errors import EmulatorError
    from sora2_provider.emulator.faults import Fault
    from sora2_provider.emulator.records import Billed, Received, VideoView
    from sora2_provider.emulator.running import Emulator
    from sora2_provider.emulator.settings import Settings

__all__ = ["Billed", "Emulator", "EmulatorError", "Fault", "Received", "Settings", "VideoView"]

_HOME = {
    "Billed": "records",
    "Emulator": "running",
    "EmulatorError": "errors",
    "Fault": "faults",
    "Received": "records",
    "Settings": "settings",
    "VideoView": "records",
}


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
