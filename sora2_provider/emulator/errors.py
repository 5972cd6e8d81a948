"""What the emulator says when it cannot do as its user asks (never what it answers to a client)."""

from __future__ import annotations

INSTALL_EXTRA = (
    "Drawing videos needs PyAV and Pillow: pip install 'airflow-provider-sora2[emulator]'. "
    "Without them the emulator still serves its canned clip: --canned, or Emulator(canned=True)."
)


class EmulatorError(RuntimeError):
    """The emulator cannot start or go on; the message says what to change."""
