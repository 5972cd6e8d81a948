"""docs/connection.md tells of every field of the form in the form's own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from sora2_provider.hooks import connection_form
from sora2_provider.hooks.connection_form import FormField

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "connection.md").read_text(encoding="utf-8")


def row(field: FormField) -> str:
    """Return the line that the table must have for a field."""
    default = "" if field.default is None else str(field.default).lower()
    shown = f"`{default}`" if default else ""
    masked = " Masked in the form." if field.kind == "password" else ""
    return f"| {field.label} | `{field.name}` | {shown} | {field.description}{masked} |"


@pytest.mark.parametrize("field", connection_form.FIELDS, ids=[field.name for field in connection_form.FIELDS])
def test_a_field_has_its_line(field: FormField) -> None:
    assert row(field) in TEXT.splitlines()


def test_the_built_in_fields_have_theirs() -> None:
    for name, label in connection_form.RELABELING.items():
        assert f"| {label} | `{name}` |" in TEXT


def test_the_pictures_are_there() -> None:
    pictures = {line.partition("](")[2].rstrip(")") for line in TEXT.splitlines() if line.startswith("![")}
    assert pictures == {f"images/{path.name}" for path in (DOCS / "images").glob("connection-*.png")}
    assert pictures


if __name__ == "__main__":
    print("\n".join(row(field) for field in connection_form.FIELDS))
