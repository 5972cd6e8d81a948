"""A request's body as a value: JSON, or the fields and files of a form."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


@dataclass(frozen=True)
class UploadedFile:
    """A file in a form."""

    name: str
    media_type: str
    data: bytes = field(repr=False)

    def recorded(self) -> dict[str, Any]:
        """Return what the history keeps of the file."""
        digest = hashlib.sha256(self.data).hexdigest()
        return {"filename": self.name, "content_type": self.media_type, "bytes": len(self.data), "sha256": digest}


@dataclass(frozen=True)
class RequestBody:
    """What a request carries."""

    content_type: str
    """The header as it came."""
    data: bytes = b""
    """The bytes of anything but a form."""
    form: tuple[tuple[str, str | UploadedFile], ...] | None = None
    """The fields of a form in their order; None where it is no form, or one that cannot be read."""

    @property
    def media_type(self) -> str:
        return self.content_type.partition(";")[0].strip().lower()

    def fields(self) -> dict[str, Any]:
        """Return a form's fields: a text or a file, or a list of them where a field is repeated."""
        fields: dict[str, Any] = {}
        for name, value in self.form or ():
            if name in fields:
                known = fields[name]
                fields[name] = [*known, value] if isinstance(known, list) else [known, value]
            else:
                fields[name] = value
        return fields

    def json(self) -> Any:
        """Return the JSON value; ValueError where the body holds none."""
        try:
            return json.loads(self.data)
        except RecursionError:
            raise ValueError("nested too deeply") from None

    def recorded(self) -> Any:
        """Return what the history keeps: JSON as it is, a form as an object, anything else as a text, or None."""
        if self.form is not None:
            return {name: _recorded(value) for name, value in self.fields().items()}
        if not self.data:
            return None
        try:
            return self.json()
        except ValueError:
            return self.data.decode(errors="replace")


def _recorded(value: Any) -> Any:
    if isinstance(value, list):
        return [_recorded(one) for one in value]
    return value.recorded() if isinstance(value, UploadedFile) else value
