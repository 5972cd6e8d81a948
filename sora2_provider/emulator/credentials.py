"""The key that came with a request. It is never kept: a short fingerprint tells two keys apart."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

KEY_HEADERS = ("authorization", "x-litellm-api-key", "api-key")
"""The headers that can hold a key, in lower case."""


@dataclass(frozen=True)
class Credentials:
    """What a request says of its sender."""

    scheme: str | None
    """In lower case (bearer), or the name of another header that held the key; None where no key came."""
    key: str = field(repr=False)

    @property
    def looks_good(self) -> bool:
        return self.key.startswith("sk-") and self.key != "sk-"

    @property
    def fingerprint(self) -> str | None:
        """Eight hex digits of the SHA-256 of the key."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:8] if self.key else None


def read_credentials(headers: Mapping[str, str]) -> Credentials:
    """Return what stands in headers with lower-case names."""
    value = headers.get("authorization")
    if value is not None:
        scheme, _, key = value.strip().partition(" ")
        return Credentials(scheme.lower(), key.strip())
    other = next((name for name in KEY_HEADERS if name in headers), None)
    return Credentials(other, headers[other].removeprefix("Bearer ").strip()) if other else Credentials(None, "")
