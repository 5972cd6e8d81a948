"""An Airflow connection read into settings, and the form that writes one."""

from __future__ import annotations

import json

import pytest

from sora2_provider.compat import Connection
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.hooks import connection_form
from sora2_provider.hooks.connection import settings_of
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.spending.limits import LeastBalance, SpendingLimits, limits_of

ADDRESSES = {
    "nothing": ({}, "https://api.jizhiai.top"),
    "a base URL": ({"host": "https://gateway.example.com"}, "https://gateway.example.com"),
    "a trailing slash": ({"host": "https://gateway.example.com/"}, "https://gateway.example.com"),
    "the /v1 that other clients want": ({"host": "https://gateway.example.com/v1/"}, "https://gateway.example.com"),
    "a prefix": ({"host": "https://example.com/sora"}, "https://example.com/sora"),
    "a port of its own": ({"host": "http://gateway", "port": 8900}, "http://gateway:8900"),
    "a port in the host": ({"host": "http://gateway:8900", "port": 1}, "http://gateway:8900"),
    "the parts of a URI": ({"host": "gateway", "schema": "http", "port": 8900}, "http://gateway:8900"),
    "the parts of a URI with IPv6": ({"host": "::1", "schema": "http", "port": 8900}, "http://[::1]:8900"),
    "IPv6": ({"host": "http://[::1]", "port": 8900}, "http://[::1]:8900"),
}


@pytest.mark.parametrize(("parts", "base_url"), ADDRESSES.values(), ids=ADDRESSES)
def test_the_base_url_is_read_from_what_people_write(parts, base_url):
    connection = Connection(conn_id="c", conn_type="sora2", password="sk-x", **parts)
    assert settings_of(connection).base_url == base_url


def test_every_field_of_the_form_reaches_the_settings():
    extra = {
        "create_path": "/v2/create",
        "query_path": "/v1/videos/{id}",
        "connect_timeout": 3,
        "read_timeout": "90",
        "verify_tls": __file__,
        "proxy": "http://me:secret@proxy.example.com:3128",
        "extra_headers": '{"X-Team": "blue-team"}',
        "max_video_mb": "4096",
        "allow_internal_links": True,
    }
    limits = {"max_creates_per_hour": 3, "max_creates_per_day": "20", "min_balance": "5"}
    assert set(extra | limits) == {field.name for field in connection_form.FIELDS}
    read = limits_of("c", limits, lambda _: "")
    assert read == SpendingLimits(max_creates_per_hour=3, max_creates_per_day=20, min_balance=LeastBalance(5.0))
    connection = Connection(
        conn_id="c", conn_type="sora2", host="https://g.example.com", password=" Bearer sk-x\n", extra=json.dumps(extra)
    )
    settings = settings_of(connection)
    assert settings == GatewaySettings(
        base_url="https://g.example.com",
        api_key="sk-x",
        create_path="/v2/create",
        query_path="/v1/videos/{id}",
        connect_timeout=3,
        read_timeout=90,
        verify_tls=__file__,
        proxy="http://me:secret@proxy.example.com:3128",
        extra_headers={"X-Team": "blue-team"},
        max_video_mb=4096,
        allow_internal_links=True,
    )
    assert set(settings.secrets) == {"sk-x", "me", "secret", "blue-team"}
    assert all(secret not in repr(settings) for secret in ("sk-x", "secret", "blue-team"))


@pytest.mark.parametrize(
    ("given", "read"),
    [(None, True), ("", True), ("true", True), (True, True), ("False", False), (False, False), ("no", False)],
)
def test_tls_is_verified_unless_it_is_switched_off(given, read):
    connection = Connection(conn_id="c", conn_type="sora2", password="sk-x", extra=json.dumps({"verify_tls": given}))
    assert settings_of(connection).verify_tls is read


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://g.example.com/files/a.mp4", True),
        ("https://G.example.com:443/files/a.mp4", True),
        ("http://g.example.com/files/a.mp4", False),
        ("https://g.example.com:8443/a.mp4", False),
        ("https://cdn.g.example.com/a.mp4", False),
        ("https://g.example.com.evil.com/a.mp4", False),
        ("https://g.example.com@evil.com/a.mp4", False),
        ("https://user@g.example.com/a.mp4", True),
        ("not a url", False),
    ],
)
def test_only_the_gateways_own_origin_counts_as_its_own(url, own):
    assert GatewaySettings("https://g.example.com", "sk-x").is_own(url) is own


def test_the_old_and_the_new_form_are_the_same_form():
    pytest.importorskip("flask_appbuilder", reason="the old form is made of its widgets, which Airflow 2 brings")
    from wtforms import BooleanField, IntegerField, PasswordField, StringField
    from wtforms.validators import NumberRange

    kinds = {"integer": IntegerField, "boolean": BooleanField, "password": PasswordField, "string": StringField}
    old = Sora2Hook.get_connection_form_widgets()
    new = connection_form.conn_fields()
    assert list(old) == list(new)
    for field in connection_form.FIELDS:
        widget, described = old[field.name], new[field.name]
        assert widget.field_class is kinds[field.kind]
        assert widget.args[0] == described["label"] == field.label
        assert widget.kwargs["description"] == described["description"]
        assert widget.kwargs["default"] == described["schema"].get("default")
        assert (described["schema"].get("format") == "password") is (field.kind == "password")
        for kind in ("integer", "boolean"):
            assert (kind in described["schema"]["type"]) is (field.kind == kind)
        limits = [
            (check.min, check.max) for check in widget.kwargs.get("validators", []) if isinstance(check, NumberRange)
        ]
        stated = (described["schema"].get("minimum"), described["schema"].get("maximum"))
        assert limits == ([stated] if field.kind == "integer" else [])


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
    assert old == {
        "hidden_fields": new["hidden-fields"],
        "relabeling": new["relabeling"],
        "placeholders": new["placeholders"],
    }


def test_what_may_hold_a_secret_is_masked_in_the_form():
    masked = {name for name, field in connection_form.conn_fields().items() if field["schema"].get("format")}
    assert masked == {"proxy", "extra_headers"}


def test_a_field_explains_itself_and_hides_no_field_that_people_fill_in():
    for field in connection_form.FIELDS:
        assert field.description.endswith(".")
        if field.default is None:
            assert field.kind == "password" or "mpty" in field.description, "what may stay empty says so"
    behaviour = connection_form.ui_field_behaviour()
    assert not set(behaviour["hidden-fields"]) & {*behaviour["relabeling"], *behaviour["placeholders"]}


def test_a_port_that_the_test_button_needs_changes_no_address():
    connection = Connection(conn_id="c", conn_type="sora2", password="sk-x", host="https://g.example.com", port=443)
    settings = settings_of(connection)
    assert settings.is_own("https://g.example.com/files/a.mp4")


def test_short_header_values_are_not_masked_because_they_are_words():
    settings = GatewaySettings("https://g.example.com", "sk-x", extra_headers={"A": "video", "B": "a-long-token"})
    assert set(settings.secrets) == {"sk-x", "a-long-token"}


@pytest.mark.parametrize("extra", ["[1]", '"text"'])
def test_an_extra_that_is_no_object_is_named(extra):
    connection = Connection(conn_id="c", conn_type="sora2", password="sk-x")
    with pytest.raises(ValueError, match="'c'.*JSON object"):
        settings_of(connection, extra=json.loads(extra))
