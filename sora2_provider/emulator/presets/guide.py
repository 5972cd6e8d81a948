"""The reference platform: the unified wire alone."""

from __future__ import annotations

from sora2_provider.emulator.dialects.base import Dialect
from sora2_provider.emulator.dialects.unified import UnifiedDialect
from sora2_provider.emulator.presets.base import ACCOUNT_ROUTES, FILE_ROUTE, Preset


class Guide(Preset):
    """What the emulator of 0.1.0 was."""

    routes = (*ACCOUNT_ROUTES, FILE_ROUTE)

    def dialect_classes(self) -> tuple[type[Dialect], ...]:
        return (UnifiedDialect,)

    def headers(self, request_id: str) -> tuple[tuple[str, str], ...]:
        return (("X-Oneapi-Request-Id", request_id),)


PRESET = Guide
