"""The connection form as a running web interface serves it, and its Test button; on Airflow 2 also what saving it keeps."""

from __future__ import annotations

import html
from collections.abc import Callable
from importlib.util import find_spec

import pytest

from dev.harness.airflow import LocalAirflow
from sora2_provider.emulator import Emulator
from sora2_provider.hooks import connection_form
from sora2_provider.hooks.connection_fields import FIELDS
from tests.integration.connection_forms import FormOf2, custom_fields, form_of_3

KEY = "sk-form-test-4711"


@pytest.fixture
def airflow(make_airflow: Callable[..., LocalAirflow]) -> LocalAirflow:
    made = make_airflow()
    made.start_web()
    return made


def test_the_form_has_every_field_and_its_test_button_works(airflow: LocalAirflow, gateway: Emulator) -> None:
    # The form first: what Airflow 3.1 has loaded for a test, it loads no more for the form.
    if airflow.installation.is_airflow_2:
        check_form_of_2(airflow, gateway)
    else:
        check_form_of_3(airflow)
    body = {"connection_id": "new", "conn_type": "sora2", "host": gateway.url, "password": KEY}
    answer = airflow.rest.post("/connections/test", body)
    assert answer == {
        "status": True,
        "message": "The key works, and the gateway offers sora-2 (also sora-2-pro, sora-2-all).",
    }
    refused = airflow.rest.post("/connections/test", {**body, "password": "a-wrong-key-of-the-form"})
    assert refused["status"] is False
    assert "does not accept the key" in refused["message"]


def check_custom_fields(airflow: LocalAirflow) -> None:
    """Compare what a person sees with the table."""
    shown = custom_fields(airflow)
    assert list(shown) == [field.name for field in FIELDS]
    kinds = {"string": "text", "integer": "text" if airflow.installation.is_airflow_2 else "integer"}
    for field in FIELDS:
        assert (shown[field.name].label, shown[field.name].kind) == (field.label, kinds.get(field.kind, field.kind))
        assert str(shown[field.name].default or "") == str(field.default or "")


def check_form_of_3(airflow: LocalAirflow) -> None:
    """Compare what the browser is told with the table."""
    form = form_of_3(airflow)
    assert form["hook_name"] == "Sora 2"
    if airflow.installation.version.startswith("3.0.") and find_spec("flask_appbuilder") is None:
        # This Airflow takes forms from the FAB provider. docs/connection.md says what people see then.
        assert form["standard_fields"] is None
        assert custom_fields(airflow) == {}
        return
    check_custom_fields(airflow)
    for name, label in connection_form.RELABELING.items():
        shown = form["standard_fields"][name]
        assert (shown["title"], shown["hidden"]) == (label, False)
        assert shown["placeholder"] == connection_form.PLACEHOLDERS[name]
    extra = form["extra_fields"]
    assert list(extra) == [field.name for field in FIELDS]
    for field in FIELDS:
        shown = extra[field.name]
        assert shown["description"] == field.description
        assert shown["value"] == field.default


def check_form_of_2(airflow: LocalAirflow, gateway: Emulator) -> None:
    """Look at the page, store a connection with secrets, change its address, and look for the secrets."""
    check_custom_fields(airflow)
    form = FormOf2(airflow)
    page = html.unescape(form.page("/connection/add"))
    for field in FIELDS:
        assert field.description in page

    secrets = {"extra__sora2__extra_headers": '{"X-Team": "films-secret"}', "extra__sora2__proxy": "http://127.0.0.1:1"}
    form.save("/connection/add", conn_id="second", host=gateway.url, password=KEY, **secrets)
    ((number,),) = airflow.query("SELECT id FROM connection WHERE conn_id = 'second'")
    edit = f"/connection/edit/{number}"
    assert "films-secret" not in form.page(edit)
    form.save(edit, host="https://moved.example.com")

    stored = form.stored("second")
    assert (stored["host"], stored["password"]) == ("https://moved.example.com", KEY)
    assert stored["extra_dejson"]["extra_headers"] == '{"X-Team": "films-secret"}'
    assert stored["extra_dejson"]["proxy"] == "http://127.0.0.1:1"
