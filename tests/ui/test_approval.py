"""A person approves a video in Airflow, or rejects it: the example DAG as it ships, answered in the browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.system.approval_run import DAG_ID, PROMPT, ApprovalRun


@pytest.fixture
def asked(world, tmp_path) -> Iterator[ApprovalRun]:
    run = ApprovalRun(world.airflow, world.emulator, tmp_path)
    run.await_question()
    yield run
    # Other tests count the videos that are there.
    world.airflow.rest.request("DELETE", run.path)


@pytest.fixture
def form(open_page, asked) -> Page:
    """The list of what waits for a person, and in it, the question."""
    page = open_page("required_actions")
    # Other runs have asked too. The end of a run's id needs no quoting in an address.
    microseconds = asked.run_id.partition(".")[2][:6]
    page.locator(f'a[href*="{microseconds}"]').filter(has_text="Publish this video?").click()
    expect(page.get_by_text(PROMPT).first).to_be_visible()
    return page


def test_what_a_person_approves_is_published(asked, form, world, screenshot):
    link = form.get_by_role("link", name="Watch the video").first
    address = link.get_attribute("href") or ""
    assert address.startswith(f"{world.emulator.url}/files/")
    film = form.request.get(address)
    assert film.ok
    assert film.body() == asked.draft.read_bytes()
    expect(form.get_by_text(str(asked.draft)).first).to_be_visible()
    screenshot(form, "approval")

    form.get_by_role("button", name="Approve").click()

    assert asked.await_end() == "success"
    assert asked.published.read_bytes() == asked.draft.read_bytes()


def test_what_a_person_rejects_is_not_published(asked, form, world):
    form.locator("[name=element_comment]").fill("the kite is blue")
    form.get_by_role("button", name="Reject").click()

    assert asked.await_end() == "success"
    assert not asked.published.exists()
    assert not asked.draft.exists()
    assert "the kite is blue" in world.airflow.task_log(DAG_ID, "discard", asked.run_id)
