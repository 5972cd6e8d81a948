"""Fill in the connection form of Airflow 3 as a person does, and press its Test button."""

from __future__ import annotations

from collections.abc import Mapping

from playwright.sync_api import Locator, Page

#: What the Test button says when all is well.
SUCCESS = "The key works, and the gateway offers sora-2"


def open_form(page: Page, connection_id: str) -> Locator:
    """Open the form of a new Sora 2 connection, on the page of connections; return its dialog."""
    page.get_by_role("button", name="Add Connection").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[name=connection_id]").fill(connection_id)
    dialog.locator("input[role=combobox]").first.fill("Sora 2")
    dialog.get_by_role("option", name="Sora 2", exact=True).click()
    return dialog


def fill_in(dialog: Locator, values: Mapping[str, str]) -> None:
    """Fill in the usual fields, by Airflow's names for them: ``host``, ``port``, ``password``."""
    for name, value in values.items():
        dialog.locator(f"input[name={name}]").fill(value)


def open_extra_fields(dialog: Locator) -> None:
    """Open the section with the provider's own fields, which are called ``element_NAME``; the other section closes."""
    dialog.get_by_role("button", name="Extra Fields", exact=True).click()


def save(dialog: Locator) -> None:
    """Save the connection, and wait until the dialog is gone."""
    dialog.get_by_role("button", name="Save").click()
    dialog.wait_for(state="hidden")


def press_test(page: Page, connection_id: str) -> None:
    """Press the Test button of a connection in the list."""
    row = page.get_by_role("row").filter(has_text=connection_id)
    row.get_by_role("button", name="Test Connection").click()
