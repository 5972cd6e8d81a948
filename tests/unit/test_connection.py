"""An Airflow connection read into settings and limits."""

from __future__ import annotations

import json

import pytest

from sora2_provider.compat import Connection
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.hooks.connection import limits_of, settings_of
from sora2_provider.hooks.connection_fields import FIELDS
from sora2_provider.spending.limits import MinimumBalance, SpendingLimits

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
        "dialect": "OpenAI",
        "create_path": "/v2/create",
        "query_path": "/v1/videos/{id}",
        "key_header": "api-key",
        "api_version": "preview",
        "body_form": "multipart",
        "connect_timeout": 3,
        "read_timeout": "90",
        "verify_tls": __file__,
        "proxy": "http://me:secret@proxy.example.com:3128",
        "extra_headers": '{"X-Team": "blue-team"}',
        "max_video_mb": "4096",
        "allow_internal_links": True,
    }
    limits = {"max_creates_per_hour": 3, "max_creates_per_day": "20", "min_balance": "5"}
    assert set(extra | limits) == {field.name for field in FIELDS}
    assert limits_of("c", limits) == SpendingLimits(3, 20, MinimumBalance(5.0))
    connection = Connection(
        conn_id="c", conn_type="sora2", host="https://g.example.com", password=" Bearer sk-x\n", extra=json.dumps(extra)
    )
    settings = settings_of(connection)
    assert settings == GatewaySettings(
        base_url="https://g.example.com",
        api_key="sk-x",
        dialect="openai",
        create_path="/v2/create",
        query_path="/v1/videos/{id}",
        key_header="api-key",
        api_version="preview",
        body_form="multipart",
        connect_timeout=3,
        read_timeout=90,
        verify_tls=__file__,
        proxy="http://me:secret@proxy.example.com:3128",
        extra_headers={"X-Team": "blue-team"},
        max_video_mb=4096,
        allow_internal_links=True,
    )
    assert set(settings.secrets) == {"sk-x", "me", "secret", "bWU6c2VjcmV0", "blue-team"}
    assert all(secret not in repr(settings) for secret in ("sk-x", "secret", "blue-team"))


def test_airflow_is_given_the_secrets_to_mask_as_texts_that_it_can_send(monkeypatch):
    masked = []
    monkeypatch.setattr("sora2_provider.hooks.connection.mask_secret", masked.append)
    settings_of(connection_with(proxy="http://robot:pass-word@proxy.example.com:3128"))
    assert {"sk-x", "pass-word"} < set(masked)
    assert {type(one) for one in masked} == {str}


def connection_with(**extra):
    return Connection(conn_id="c", conn_type="sora2", password="sk-x", extra=json.dumps(extra))


@pytest.mark.parametrize("blank", [None, "", " "])
def test_a_blank_field_has_its_default(blank):
    blanks = {field.name: blank for field in FIELDS}
    assert (
        settings_of(connection_with(**blanks))
        == settings_of(connection_with())
        == GatewaySettings("https://api.jizhiai.top", "sk-x", dialect="auto")
    )
    assert limits_of("c", blanks) == limits_of("c", {}) == SpendingLimits()


def test_a_form_that_is_saved_as_it_is_changes_nothing():
    shown = {field.name: field.default for field in FIELDS}
    assert settings_of(connection_with(**shown)) == settings_of(connection_with())
    assert limits_of("c", shown) == SpendingLimits()


@pytest.mark.parametrize("field", [field for field in FIELDS if field.kind == "integer"], ids=lambda field: field.name)
def test_a_field_takes_what_its_form_takes(field):
    for number in (field.type.minimum, field.type.maximum):
        assert getattr(settings_of(connection_with(**{field.name: number})), field.name, number) == number
        assert field.read(number, where="extra") == number


@pytest.mark.parametrize(
    ("given", "read"), [("true", True), (True, True), ("False", False), (False, False), ("no", False)]
)
def test_tls_is_verified_unless_it_is_switched_off(given, read):
    assert settings_of(connection_with(verify_tls=given)).verify_tls is read


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


UNUSABLE = {
    "create_path": ([7, ["/v1"]], r"=.*: it must be a text\."),
    "connect_timeout": (["soon", True, [3]], r"=.*: it must be a number of seconds\."),
    "verify_tls": (["maybe", 7], r"=.*: it must be true, false, or the path of a CA bundle\."),
    "proxy": ([7, {"http": "http://me:pass-word@proxy.example.com"}], r": it must be a text\."),
    "extra_headers": (["[1]", "{", 7], r": it must be a JSON object such as"),
    "max_video_mb": ([0, "2.5", "many", True, 1 << 21, 10**400], r"=.*: it must be a whole number from 1 to 1048576\."),
    "allow_internal_links": (["perhaps", 2], r"=.*: it must be true or false\."),
}


@pytest.mark.parametrize(("name", "given"), [(name, one) for name, (values, _) in UNUSABLE.items() for one in values])
def test_a_field_that_cannot_be_used_is_named_with_what_to_write(name, given):
    with pytest.raises(ValueError, match=f"^Connection 'c': extra: {name}{UNUSABLE[name][1]}") as caught:
        settings_of(connection_with(**{name: given}))
    assert name not in ("proxy", "extra_headers") or repr(given) not in str(caught.value), "it may be a secret"


def test_a_connections_own_limit_comes_before_that_of_the_configuration(monkeypatch):
    monkeypatch.setenv("AIRFLOW__SORA2__MAX_CREATES_PER_HOUR", "400")
    monkeypatch.setenv("AIRFLOW__SORA2__MAX_CREATES_PER_DAY", "2000")
    assert limits_of("studio", {"max_creates_per_hour": 3}) == SpendingLimits(3, 2000)


LIMITS = {
    "max_creates_per_hour": [(1, 1), ("400", 400), (400.0, 400), (" 7 ", 7), (1_000_000, 1_000_000)],
    "min_balance": [
        (5, MinimumBalance(5.0)),
        ("2.50", MinimumBalance(2.5)),
        ("$4", MinimumBalance(4.0)),
        ("$ 4", MinimumBalance(4.0)),
        ("4 USD", MinimumBalance(4.0)),
        ("2500000 quota", MinimumBalance(2_500_000.0, "quota")),
    ],
}


@pytest.mark.parametrize(("name", "given", "read"), [(name, *pair) for name, pairs in LIMITS.items() for pair in pairs])
def test_a_limit_is_read_from_the_extra_and_from_the_configuration(monkeypatch, name, given, read):
    assert getattr(limits_of("studio", {name: given}), name) == read
    monkeypatch.setenv(f"AIRFLOW__SORA2__{name.upper()}", str(given))
    assert getattr(limits_of("studio", {}), name) == read


@pytest.mark.parametrize(
    ("name", "given"),
    [
        *(("max_creates_per_hour", value) for value in (0, -1, "many", 2.5, True, [3], "nan", "inf", 1_000_001)),
        *(
            ("min_balance", value)
            for value in (0, -5, "five", "5 EUR", True, "nan", "inf", "$", "$5 quota", "5 x quota")
        ),
    ],
)
def test_a_limit_that_cannot_be_used_is_named_with_its_place(monkeypatch, name, given):
    with pytest.raises(ValueError, match=f"^Connection 'studio': extra: {name}=.* it must be a .*leave it empty"):
        limits_of("studio", {name: given})
    monkeypatch.setenv(f"AIRFLOW__SORA2__{name.upper()}", str(given))
    with pytest.raises(ValueError, match=rf"^\[sora2\]: {name}=.* it must be a .*leave it empty"):
        limits_of("studio", {})
