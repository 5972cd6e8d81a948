"""The emulator's settings: one frozen value, validated when made, replaced as a whole while the server runs."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

INSTALL_EXTRA = (
    "Drawing videos needs PyAV and Pillow: pip install 'airflow-provider-sora2[emulator]'. "
    "Without them the emulator still serves its canned clip: --canned, or Emulator(canned=True)."
)


class EmulatorError(RuntimeError):
    """The emulator cannot start or go on; the message says what to change."""


DIALECTS = ("guide", "unified", "openai", "taskdto")


@dataclass(frozen=True)
class Settings:
    """How the gateway behaves. Times are seconds, money is USD."""

    dialect: str = "guide"
    """The shape of answers: guide, unified, openai or taskdto."""
    render_seconds: float = 0.0
    """How long a rendering takes; 0 means that the first query finds it completed."""
    balance: float | None = 100.0
    """What the account may spend in all; a create beyond it is refused. None is an unlimited account."""
    price: float = 0.10
    """What an accepted create costs."""
    link_seconds: float = 86_400.0
    """How long a link to a file lives."""
    link_host: str | None = None
    """The host name in links, where it shall differ from the gateway's own (``localhost``); None is the same."""
    canned: bool = False
    """Serve one small built-in clip for every video."""
    file_bytes: int | None = None
    """Pad served files to this many bytes (a smaller number leaves them as they are)."""
    fault_rate: float = 0.0
    """The share of requests, 0 to 1, that meet a random fault."""
    seed: int = 0
    """Where the random faults start: the same seed and the same requests meet the same faults."""

    def __post_init__(self) -> None:
        if self.dialect not in DIALECTS:
            raise ValueError(f"dialect must be one of {', '.join(DIALECTS)}, not {self.dialect!r}")
        _number(self, "render_seconds", 0)
        _number(self, "price", 0)
        _number(self, "link_seconds", 0)
        _number(self, "fault_rate", 0, 1)
        if self.balance is not None:
            _number(self, "balance", 0)
        if not isinstance(self.canned, bool):
            raise ValueError(f"canned must be true or false, not {self.canned!r}")
        if self.link_host is not None and not (isinstance(self.link_host, str) and self.link_host):
            raise ValueError(f"link_host must be a host name or null, not {self.link_host!r}")
        if self.file_bytes is not None:
            _whole(self, "file_bytes", 1, 2**32 - 1)
        _whole(self, "seed", -(2**63), 2**63)

    def changed(self, changes: dict[str, Any]) -> Settings:
        """Return these settings with ``changes``; ValueError names what is allowed."""
        names = [field.name for field in fields(self)]
        for name in changes:
            if name not in names:
                raise ValueError(f"unknown setting {name!r}; allowed: {', '.join(names)}")
        return replace(self, **changes)


def _number(settings: Settings, name: str, low: float, high: float = math.inf) -> None:
    value = getattr(settings, name)
    wrong = isinstance(value, bool) or not isinstance(value, int | float)
    if wrong or not math.isfinite(value) or not low <= value <= high:
        upper = "or more" if high == math.inf else f"to {high}"
        raise ValueError(f"{name} must be a number, {low} {upper}, not {value!r}")


def _whole(settings: Settings, name: str, low: int, high: int) -> None:
    value = getattr(settings, name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
