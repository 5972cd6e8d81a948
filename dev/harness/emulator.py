"""The emulator beside a local Airflow."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from sora2_provider.emulator import Emulator, EmulatorError


@contextlib.contextmanager
def emulator_near(port: int, **settings: Any) -> Iterator[Emulator]:
    """Run an emulator on a port, or on another one where that is in use.

    To look first whether the port is free, and to take it then, leaves time for another process to take it.
    """
    try:
        emulator = Emulator(port=port, **settings).start()
    except EmulatorError:
        emulator = Emulator(**settings).start()
    with contextlib.closing(emulator):
        yield emulator
