"""What earlier releases have left, as ``dev/upgrade_fixtures.py`` recorded it from each of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).with_name("fixtures")
VERSIONS = sorted(folder.name for folder in FIXTURES.iterdir() if folder.is_dir())


def kept_by(version: str, name: str) -> Any:
    """Return one document of a version."""
    return json.loads((FIXTURES / version / f"{name}.json").read_text(encoding="utf-8"))


def about(document: Any, video_id: str) -> Any:
    """Return a document with another video's id wherever it has its own: gateways give ids, fixtures cannot."""
    return _replaced(document, _id_in(document), video_id)


def _id_in(document: Any) -> str:
    ids = {value for name, value in _pairs(document) if name in ("video_id", "id") and isinstance(value, str)}
    (only,) = ids
    return only


def _pairs(document: Any) -> list[tuple[str, Any]]:
    if not isinstance(document, dict):
        return []
    return [*document.items(), *(pair for value in document.values() for pair in _pairs(value))]


def _replaced(document: Any, old: str, new: str) -> Any:
    if isinstance(document, dict):
        return {name: _replaced(value, old, new) for name, value in document.items()}
    return new if document == old else document
