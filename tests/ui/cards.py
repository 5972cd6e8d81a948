"""The page of videos and its cards, as a person finds them."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.ui import films

PAGE = "plugin/sora2"
#: Narrowed down to what every test but the one of the archive is about.
FILMS = f"{PAGE}?dag_id=ui_films"
#: One of many that went well, on the first page.
USUAL = films.batch()[20]["prompt"]


def cards(page: Page) -> Locator:
    return page.locator(".sora2-page article")


def card(page: Page, text: str) -> Locator:
    """Return the card whose prompt holds the text, found as a person finds it."""
    page.get_by_label("Text on this page").fill(text)
    expect(cards(page)).to_have_count(1)
    return cards(page).first
