"""The link of each task, on the task's own page."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.ui import films

NAME = "Watch the video"


def details(world, task: str) -> str:
    """Return the address of a task's page, on the tab that holds its links."""
    return f"dags/ui_films/runs/{quote(world.films_run)}/tasks/{task}/details"


@pytest.mark.parametrize("task", ["stored", "batch/mapped/0", "film.wait/mapped/1", "film.store/mapped/1"])
def test_it_leads_to_the_video(open_page, world, task):
    page = open_page(details(world, task))
    link = page.get_by_role("link", name=NAME)
    expect(link).to_have_attribute("href", re.compile(f"^{re.escape(world.emulator.url)}/files/"))


def test_each_mapped_task_has_its_own(world):
    run = quote(world.films_run, safe="")
    links = {
        world.airflow.rest.get(f"/dags/ui_films/dagRuns/{run}/taskInstances/batch/links?map_index={index}")[
            "extra_links"
        ][NAME]
        for index in range(5)
    }
    assert len(links) == 5


def test_before_there_is_a_link_it_leads_to_the_card(open_page, world):
    page = open_page(details(world, f"rendering/mapped/{len(films.RENDERING) - 1}"))
    page.get_by_role("link", name=NAME).click()
    page = page.context.pages[-1]
    cards = page.locator(".sora2-page article")
    expect(cards).to_have_count(1)
    expect(cards.first).to_contain_text(films.RENDERING[-1])
    page.get_by_role("button", name="Show all videos").click()
    expect(cards).not_to_have_count(1)


def test_a_rendering_that_failed_leads_to_the_card_that_says_why(open_page, world):
    number = [each["prompt"] for each in films.batch()].index(films.SPECIAL["moderated"])
    page = open_page(details(world, f"batch/mapped/{number}"))
    page.get_by_role("link", name=NAME).click()
    expect(page.context.pages[-1].locator(".sora2-page article")).to_contain_text("A real person was detected.")


def test_a_task_that_made_no_video_offers_none(open_page, world):
    number = [each["prompt"] for each in films.batch()].index(films.SPECIAL["refused"])
    page = open_page(details(world, f"batch/mapped/{number}"))
    expect(page.get_by_text("Task ID")).to_be_visible()
    expect(page.get_by_role("link", name=NAME)).to_have_count(0)
