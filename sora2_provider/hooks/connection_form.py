"""The connection form, as one table from which the old and the new form of Airflow are made.

Airflow 3.2 and later read ``conn-fields`` out of the provider info; older versions call methods of the hook, which
give wtforms fields.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sora2_provider.gateway import settings
from sora2_provider.spending.limits import LARGEST_CAP, MIN_BALANCE, PER_DAY, PER_HOUR


class FormField(NamedTuple):
    """One custom field, kept under its name in the connection's extra.

    :param kind: ``string``, ``integer``, ``boolean`` or ``password``.
    """

    name: str
    label: str
    description: str
    kind: str = "string"
    default: str | int | bool | None = None
    minimum: int | None = None
    maximum: int | None = None


FIELDS = (
    FormField(
        "create_path",
        "Create path",
        "Route that submits a video, below the Base URL. As it is, unless your gateway's guide names another.",
        default=settings.DEFAULT_CREATE_PATH,
    ),
    FormField(
        "query_path",
        "Query path",
        "Route that tells a video's state. ?id=... is added to it, or write {id} where the id goes: /v1/videos/{id}.",
        default=settings.DEFAULT_QUERY_PATH,
    ),
    FormField(
        "connect_timeout",
        "Connect timeout (seconds)",
        "How long it may take to connect to the gateway.",
        "integer",
        settings.DEFAULT_CONNECT_TIMEOUT,
        1,
        3600,
    ),
    FormField(
        "read_timeout",
        "Read timeout (seconds)",
        "How long the gateway may stay silent. Do not set it low: of a create that was sent and is not answered in this "
        "time, nobody knows whether it was accepted.",
        "integer",
        settings.DEFAULT_READ_TIMEOUT,
        1,
        3600,
    ),
    FormField(
        "verify_tls",
        "Verify TLS",
        "true, false, or the path of a CA bundle (PEM) on the workers. With false, anyone on the network can take the key.",
        default="true",
    ),
    FormField(
        "proxy",
        "Proxy",
        "Address of an HTTP proxy, such as http://proxy.example.com:3128. Empty: what the workers' environment says.",
        "password",
    ),
    FormField(
        "extra_headers",
        "Extra headers",
        'JSON object of headers that your gateway asks for, such as {"X-Team": "films"}. Sent to the gateway only, masked in '
        "logs.",
        "password",
    ),
    FormField(
        "max_video_mb",
        "Largest video (MB)",
        "A larger download ends with an error and leaves no file. A video of 25 s has tens of MB.",
        "integer",
        settings.DEFAULT_MAX_VIDEO_MB,
        1,
        settings.LARGEST_MAX_VIDEO_MB,
    ),
    FormField(
        "allow_internal_links",
        "Allow internal links",
        "Let a video's link lead to addresses inside your network. Not needed where the gateway itself is inside it.",
        "boolean",
        default=False,
    ),
    FormField(
        PER_HOUR,
        "Most creates per hour",
        "Further ones are refused before anything is sent, until the next hour (UTC). Empty: no cap, or that of [sora2]. "
        "Needs the option [sora2] spending_path or state_path.",
        "integer",
        minimum=1,
        maximum=LARGEST_CAP,
    ),
    FormField(
        PER_DAY,
        "Most creates per day",
        "The same for a day (UTC). Empty: no cap, or that of [sora2].",
        "integer",
        minimum=1,
        maximum=LARGEST_CAP,
    ),
    FormField(
        MIN_BALANCE,
        "Least balance",
        "Submit nothing when the account has less left: a number of USD, or '2500000 quota' for a gateway that counts in "
        "points. Empty: do not ask.",
    ),
)

#: The port stays in sight: the Test button of Airflow 3.3 works only for a connection that has one.
HIDDEN = ("login", "schema", "extra")
RELABELING = {"host": "Base URL", "password": "API key", "port": "Port"}
PLACEHOLDERS = {
    "host": f"Your gateway's address; empty: {settings.DEFAULT_BASE_URL}",
    "password": "sk-... from your gateway's console, without Bearer",
    "port": "443, or as in the Base URL: Airflow 3.3's Test needs it",
    "proxy": "http://proxy.example.com:3128",
    "extra_headers": '{"X-Proxy-Token": "..."}',
}

#: What Airflow 2 puts back when a form is saved: the secret that is stored already.
UNCHANGED_SECRET = "RATHER_LONG_SENSITIVE_FIELD_PLACEHOLDER"  # noqa: S105


def conn_fields() -> dict[str, Any]:
    """Return the fields as Airflow 3.2 and later read them from the provider info."""
    return {
        field.name: {"label": field.label, "description": field.description, "schema": _schema(field)}
        for field in FIELDS
    }


def _schema(field: FormField) -> dict[str, Any]:
    stated = {
        "type": [field.kind if field.kind in ("integer", "boolean") else "string", "null"],
        "format": "password" if field.kind == "password" else None,
        "default": field.default,
        "minimum": field.minimum,
        "maximum": field.maximum,
    }
    return {name: value for name, value in stated.items() if value is not None}


def ui_field_behaviour() -> dict[str, Any]:
    """Return the behaviour of the built-in fields, for the provider info."""
    return {"hidden-fields": list(HIDDEN), "relabeling": dict(RELABELING), "placeholders": dict(PLACEHOLDERS)}


def widgets() -> dict[str, Any]:
    """Return the fields as wtforms widgets, for Airflow before 3.2. Needs wtforms, which those versions bring."""
    from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
    from wtforms import BooleanField, IntegerField, PasswordField, StringField
    from wtforms.validators import NumberRange, Optional

    made: dict[str, Any] = {}
    for field in FIELDS:
        options: dict[str, Any] = {"description": field.description, "default": field.default}
        if field.kind == "integer":
            checks = [Optional(), NumberRange(min=field.minimum, max=field.maximum)]
            made[field.name] = IntegerField(field.label, widget=BS3TextFieldWidget(), validators=checks, **options)
        elif field.kind == "boolean":
            made[field.name] = BooleanField(field.label, **options)
        elif field.kind == "password":
            made[field.name] = PasswordField(field.label, widget=_secret_widget(), **options)
        else:
            made[field.name] = StringField(field.label, widget=BS3TextFieldWidget(), **options)
    return made


def _secret_widget() -> Any:
    """Return a widget that neither shows a stored secret nor loses it.

    A password field of a form is sent to the browser empty. In an extra field Airflow 2 takes that, when the form is saved again,
    for "remove it": a connection would lose its proxy and headers whenever somebody corrects its address.
    """
    from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget

    class SecretWidget(BS3PasswordFieldWidget):  # type: ignore[misc]
        def __call__(self, field: Any, **attributes: Any) -> Any:
            self.hide_value = False
            attributes["value"] = UNCHANGED_SECRET if field.data else ""
            return super().__call__(field, **attributes)

    return SecretWidget()
