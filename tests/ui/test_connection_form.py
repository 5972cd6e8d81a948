"""The connection form of Airflow, and its Test button."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from dev.harness.connection_form import SUCCESS, fill_in, open_extra_fields, open_form, press_test, save
from sora2_provider.emulator.history import fingerprint
from sora2_provider.hooks.connection_fields import FIELDS
from sora2_provider.hooks.connection_form import HIDDEN, PLACEHOLDERS, RELABELING

NAME = "made_in_the_form"
KEY = "sk-typed-into-the-form"


@pytest.fixture
def page(open_page, world) -> Iterator[Page]:
    yield open_page("connections")
    if any(one["connection_id"] == NAME for one in world.airflow.rest.get("/connections")["connections"]):
        world.airflow.rest.request("DELETE", f"/connections/{NAME}")


def field(dialog: Locator, name: str) -> Locator:
    return dialog.locator(f"[name={name}]")


def test_it_explains_itself(page, screenshot):
    dialog = open_form(page, NAME)
    for label in RELABELING.values():
        expect(dialog.get_by_text(label, exact=True)).to_be_visible()
    for name in RELABELING:
        expect(field(dialog, name)).to_have_attribute("placeholder", PLACEHOLDERS[name])
    for name in set(HIDDEN) - {"extra"}:
        expect(field(dialog, name)).to_have_count(0)
    expect(field(dialog, "password")).to_have_attribute("type", "password")
    screenshot(page, "connection-form")
    open_extra_fields(dialog)
    for one in FIELDS:
        if one.kind == "password":
            expect(field(dialog, f"element_{one.name}")).to_have_attribute("type", "password")
    for one in FIELDS:
        expect(dialog.get_by_text(one.label, exact=True)).to_be_visible()
        expect(dialog.get_by_text(one.description, exact=True)).to_be_visible()
    screenshot(page, "connection-form-extra")


def test_what_is_typed_is_stored_and_its_test_asks_the_gateway(page, world, screenshot):
    dialog = open_form(page, NAME)
    fill_in(dialog, {"host": world.emulator.url, "port": str(world.emulator.port), "password": KEY})
    open_extra_fields(dialog)
    fill_in(dialog, {"element_query_path": "/v1/videos/{id}", "element_extra_headers": '{"X-Team": "a-secret-team"}'})
    save(dialog)
    stored = world.airflow.rest.get(f"/connections/{NAME}")
    assert stored["conn_type"] == "sora2"
    assert json.loads(stored["extra"])["query_path"] == "/v1/videos/{id}"

    billed, asked = len(world.emulator.billed), len(world.emulator.requests)
    press_test(page, NAME)
    expect(page.get_by_text(SUCCESS)).to_be_visible()
    screenshot(page, "connection-test")
    mine = [one for one in world.emulator.requests[asked:] if one.key_fingerprint == fingerprint(KEY)]
    assert {one.route for one in mine} == {"models"}
    assert {one.headers["x-team"] for one in mine} == {"a-secret-team"}
    assert len(world.emulator.billed) == billed


def test_a_key_that_is_wrong_is_said_in_the_gateways_words(page, world, screenshot):
    error = {"message": "Invalid token", "code": "invalid_api_key"}
    world.emulator.fault(route="models", status=401, body={"error": error})
    dialog = open_form(page, NAME)
    fill_in(dialog, {"host": world.emulator.url, "port": str(world.emulator.port), "password": KEY})
    save(dialog)
    press_test(page, NAME)
    expect(page.get_by_text("Invalid token")).to_be_visible()
    expect(page.get_by_text(SUCCESS)).to_have_count(0)
    screenshot(page, "connection-test-wrong-key")
