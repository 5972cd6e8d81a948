"""The connection form, made of the table of fields for every version of Airflow.

Airflow 3.2 and later read ``conn-fields`` from the provider info; older versions ask the hook for wtforms fields.
"""

from __future__ import annotations

from typing import Any

from sora2_provider.gateway.settings import DEFAULT_BASE_URL
from sora2_provider.hooks.connection_fields import FIELDS, ConnectionField

#: The port is shown: the Test button of Airflow 3.3 works only for a connection that has one.
HIDDEN = ("login", "schema", "extra")
RELABELING = {"host": "Base URL", "password": "API key", "port": "Port"}
PLACEHOLDERS = {
    "host": f"Your gateway's address; empty: {DEFAULT_BASE_URL}",
    "password": "sk-... from your gateway's console, without Bearer",
    "port": "443, or the port of the Base URL: Airflow 3.3's Test needs it",
    **{field.name: field.placeholder for field in FIELDS if field.placeholder},
}

#: What Airflow 2 sends in place of a secret that is stored already, and keeps as it is.
UNCHANGED_SECRET = "RATHER_LONG_SENSITIVE_FIELD_PLACEHOLDER"  # noqa: S105


def conn_fields() -> dict[str, Any]:
    """Return the fields as Airflow 3.2 and later read them from the provider info."""
    return {
        field.name: {"label": field.label, "description": field.description, "schema": _schema(field)}
        for field in FIELDS
    }


def _schema(field: ConnectionField) -> dict[str, Any]:
    is_secret = field.kind == "password"
    stated = {
        "type": ["string" if is_secret else field.kind, "null"],
        "format": "password" if is_secret else None,
        "default": field.default,
        "minimum": field.type.minimum,
        "maximum": field.type.maximum,
    }
    return {name: value for name, value in stated.items() if value is not None}


def ui_field_behaviour() -> dict[str, Any]:
    return {"hidden-fields": list(HIDDEN), "relabeling": dict(RELABELING), "placeholders": dict(PLACEHOLDERS)}


def widgets() -> dict[str, Any]:
    """Return the fields as wtforms widgets, for Airflow before 3.2. Needs wtforms, which those versions bring."""
    from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
    from wtforms import BooleanField, IntegerField, PasswordField, StringField
    from wtforms.validators import NumberRange, Optional

    classes = {"string": StringField, "integer": IntegerField, "boolean": BooleanField, "password": PasswordField}
    looks = {"string": BS3TextFieldWidget(), "integer": BS3TextFieldWidget(), "password": _secret_widget()}
    made: dict[str, Any] = {}
    for field in FIELDS:
        options: dict[str, Any] = {"description": field.description, "default": field.default}
        if field.kind in looks:
            options["widget"] = looks[field.kind]
        if field.kind == "integer":
            options["validators"] = [Optional(), NumberRange(min=field.type.minimum, max=field.type.maximum)]
        made[field.name] = classes[field.kind](field.label, **options)
    return made


def _secret_widget() -> Any:
    """Return a widget that neither shows a stored secret nor loses it.

    A form's password field reaches the browser empty. For an extra field that is saved empty, Airflow 2 removes the stored
    value: a connection would lose its proxy and headers whenever its address is corrected.
    """
    from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget

    class SecretWidget(BS3PasswordFieldWidget):  # type: ignore[misc]
        def __call__(self, field: Any, **attributes: Any) -> Any:
            self.hide_value = False
            attributes["value"] = UNCHANGED_SECRET if field.data else ""
            return super().__call__(field, **attributes)

    return SecretWidget()
