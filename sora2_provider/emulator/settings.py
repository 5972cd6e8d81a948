"""The emulator's settings: one frozen value, validated when made, replaced as a whole while the server runs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

from sora2_provider.emulator.validation import Within, check_fields, check_names

INSTALL_EXTRA = (
    "Drawing videos needs PyAV and Pillow: pip install 'airflow-provider-sora2[emulator]'. "
    "Without them the emulator still serves its canned clip: --canned, or Emulator(canned=True)."
)


def _files(folder: str) -> list[str]:
    names = (file.stem for file in Path(__file__).with_name(folder).glob("[!_]*.py"))
    return sorted(name for name in names if name not in ("account", "base"))


DIALECTS = tuple(_files("dialects"))
"""The wires: one for each file in ``dialects/``."""
SHAPES = tuple(_files("shapes"))
"""How answers on the unified wire can look: one for each file in ``shapes/``."""
LIKES = tuple(name.replace("_", "-") for name in _files("presets"))
"""The servers that the emulator can be like: one for each file in ``presets/``."""

_NotNegative = Annotated[float, Within(0)]


class EmulatorError(RuntimeError):
    """The emulator cannot start or go on; the message says what to change."""


@dataclass(frozen=True)
class Settings:
    """How the gateway behaves. Times are seconds, money is USD."""

    like: str | None = None
    """The server whose wires, addresses and words it has, and no others: one of LIKES. None has every wire at once."""
    shape: str = "guide"
    """How answers on the unified wire look: one of SHAPES."""
    strict: bool = False
    """Whether the openai wire takes only what OpenAI's own API takes; behind new-api, whether its upstream does. Like
    ``openai`` and ``litellm`` it always does."""
    render_seconds: _NotNegative = 0.0
    """How long a rendering takes; 0 means that the first query finds it completed."""
    balance: _NotNegative | None = 100.0
    """What the account may spend in all; a create beyond it is refused. None is an unlimited account."""
    price: _NotNegative = 0.10
    """What an accepted create costs."""
    link_seconds: _NotNegative = 86_400.0
    """How long a link to a file is valid."""
    link_host: str | None = None
    """The host name in links where it differs from the gateway's own (``localhost``); None is the same."""
    canned: bool = False
    """Serve one small built-in clip for every video."""
    file_bytes: Annotated[int, Within(1, 2**32 - 1)] | None = None
    """Pad served files to this many bytes (a smaller number leaves them as they are)."""
    fault_rate: Annotated[float, Within(0, 1)] = 0.0
    """The share of requests, 0 to 1, that meet a random fault."""
    seed: Annotated[int, Within(-(2**63), 2**63)] = 0
    """The seed of the random faults: the same seed and the same requests meet the same faults."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.like not in (None, *LIKES):
            raise ValueError(f"like must be one of {', '.join(LIKES)}, or null, not {self.like!r}")
        if self.shape not in SHAPES:
            raise ValueError(f"shape must be one of {', '.join(SHAPES)}, not {self.shape!r}")
        if self.link_host == "":
            raise ValueError("link_host must be a host name or null, not ''")

    def changed(self, changes: dict[str, Any]) -> Settings:
        """Return these settings with ``changes``; ValueError names what is allowed."""
        changes = _renamed(changes)
        check_names(changes, [field.name for field in fields(self)], "setting")
        return replace(self, **changes)


def _renamed(changes: dict[str, Any]) -> dict[str, Any]:
    """Return the changes with the name that 0.1.0 had for ``shape``, which now means a wire, as the new one."""
    if "dialect" not in changes:
        return changes
    if "shape" in changes:
        raise ValueError("dialect is the earlier name of shape: give only shape")
    warnings.warn("The emulator's setting dialect is now named shape", DeprecationWarning, stacklevel=4)
    return {("shape" if name == "dialect" else name): value for name, value in changes.items()}
