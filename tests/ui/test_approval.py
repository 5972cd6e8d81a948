"""A person approves a video in Airflow, or rejects it: the example DAG as it ships, answered in the browser."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect
from ui_world import APPROVAL, World

DAG_ID = APPROVAL.stem
PROMPT = "A red kite over a harvested field"


class Asked:
    """A run of the example whose question waits for an answer."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        billed_before = len(world.emulator.billed)
        self.run_id = world.airflow.rest.trigger(DAG_ID, {"folder": str(folder), "prompt": PROMPT})
        self.path = f"/dags/{DAG_ID}/dagRuns/{self.run_id}"
        # Nobody answers before the scheduler has noticed that the task sleeps: it would take it for dead.
        world.airflow.wait_until(
            lambda: ("approve", 1) in world.airflow.noticed_ends(DAG_ID, self.run_id), timeout=240, what="the question"
        )
        (paid,) = world.emulator.billed[billed_before:]
        self.video_id = paid.id

    def file(self, where: str) -> Path:
        return self.folder / where / f"{self.video_id}.mp4"

    def await_success(self) -> None:
        def state() -> str:
            return str(self.world.airflow.rest.get(self.path)["state"])

        self.world.airflow.wait_until(lambda: state() in ("success", "failed"), timeout=240, what="the run's end")
        assert state() == "success"


@pytest.fixture
def asked(world, tmp_path) -> Asked:
    return Asked(world, tmp_path)


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
    assert film.body() == asked.file("drafts").read_bytes()
    expect(form.get_by_text(str(asked.file("drafts"))).first).to_be_visible()
    screenshot(form, "approval")

    form.get_by_role("button", name="Approve").click()

    asked.await_success()
    assert asked.file("published").read_bytes() == asked.file("drafts").read_bytes()


def test_what_a_person_rejects_is_not_published(asked, form, world, screenshot):
    form.locator("[name=element_comment]").fill("the kite is blue")
    form.get_by_role("button", name="Reject").click()

    asked.await_success()
    assert not asked.file("published").exists()
    assert not asked.file("drafts").exists()
    assert "the kite is blue" in world.airflow.task_log(DAG_ID, "discard", asked.run_id)
    form.goto(f"{world.airflow.url}/dags/{DAG_ID}/runs/{quote(asked.run_id)}/tasks/approve")
    screenshot(form, "approval-answered")
