"""The form of a connection: the same in every Airflow, and in docs/connection.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from sora2_provider.hooks import connection_form
from sora2_provider.hooks.connection_fields import FIELDS, ConnectionField
from sora2_provider.hooks.sora2 import Sora2Hook

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "connection.md").read_text(encoding="utf-8")


def test_the_old_and_the_new_form_are_the_same_form():
    pytest.importorskip("flask_appbuilder", reason="the old form is made of its widgets, which Airflow 2 brings")
    from wtforms import BooleanField, IntegerField, PasswordField, StringField
    from wtforms.validators import NumberRange

    kinds = {"integer": IntegerField, "boolean": BooleanField, "password": PasswordField, "string": StringField}
    old = Sora2Hook.get_connection_form_widgets()
    new = connection_form.conn_fields()
    assert list(old) == list(new)
    for field in FIELDS:
        widget, described = old[field.name], new[field.name]
        assert widget.field_class is kinds[field.kind]
        assert widget.args[0] == described["label"] == field.label
        assert widget.kwargs["description"] == described["description"]
        assert widget.kwargs["default"] == described["schema"].get("default")
        schema = described["schema"]
        assert schema.get("format") == ("password" if field.kind == "password" else None)
        assert schema["type"] == [field.kind if field.kind in ("integer", "boolean") else "string", "null"]
        limits = [
            (check.min, check.max) for check in widget.kwargs.get("validators", []) if isinstance(check, NumberRange)
        ]
        assert limits == ([(schema["minimum"], schema["maximum"])] if field.kind == "integer" else [])


def test_the_old_form_neither_shows_nor_loses_a_stored_secret():
    pytest.importorskip("flask_appbuilder", reason="the old form is made of its widgets, which Airflow 2 brings")
    from airflow.www.views import SENSITIVE_FIELD_PLACEHOLDER
    from wtforms import Form

    assert connection_form.UNCHANGED_SECRET == SENSITIVE_FIELD_PLACEHOLDER
    made = type("Made", (Form,), dict(Sora2Hook.get_connection_form_widgets()))
    stored = str(made(data={"extra_headers": '{"X-Team": "a-secret"}'}).extra_headers())
    assert "a-secret" not in stored
    assert f'value="{SENSITIVE_FIELD_PLACEHOLDER}"' in stored
    assert 'type="password"' in stored
    assert 'value=""' in str(made(data={}).extra_headers())


def test_the_behaviour_of_the_built_in_fields_is_the_same_in_both_forms():
    old = Sora2Hook.get_ui_field_behaviour()
    new = connection_form.ui_field_behaviour()
    assert old == {name.replace("-", "_"): value for name, value in new.items()}


def test_what_may_hold_a_secret_is_masked_in_the_form():
    masked = {name for name, field in connection_form.conn_fields().items() if field["schema"].get("format")}
    assert masked == {"proxy", "extra_headers"}


def test_a_field_explains_itself_and_hides_no_field_that_people_fill_in():
    for field in FIELDS:
        assert field.description.endswith(".")
        if field.default is None:
            assert field.kind == "password" or "mpty" in field.description, "what may stay empty says so"
    behaviour = connection_form.ui_field_behaviour()
    assert not set(behaviour["hidden-fields"]) & {*behaviour["relabeling"], *behaviour["placeholders"]}


def row(field: ConnectionField) -> str:
    """Return the line that the table must have for a field."""
    default = "" if field.default is None else str(field.default).lower()
    shown = f"`{default}`" if default else ""
    masked = " Masked in the form." if field.kind == "password" else ""
    return f"| {field.label} | `{field.name}` | {shown} | {field.description}{masked} |"


@pytest.mark.parametrize("field", FIELDS, ids=[field.name for field in FIELDS])
def test_a_field_has_its_line(field: ConnectionField) -> None:
    assert row(field) in TEXT.splitlines()


def test_the_built_in_fields_have_theirs() -> None:
    for name, label in connection_form.RELABELING.items():
        assert f"| {label} | `{name}` |" in TEXT


def test_the_pictures_are_there() -> None:
    pictures = {line.partition("](")[2].rstrip(")") for line in TEXT.splitlines() if line.startswith("![")}
    assert pictures == {f"images/{path.name}" for path in (DOCS / "images").glob("connection-*.png")}
    assert pictures
