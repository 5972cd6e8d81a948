"""The page of videos, as a person sees it: which videos are there, and what it says where there are none."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.ui import films
from tests.ui.cards import FILMS, PAGE, USUAL, card, cards
from tests.ui.ui_world import CREW, GUEST

#: Run before anything of the page: notes each request for an XCom.
COUNT_XCOMS = """
    window.xcoms = [];
    const ask = window.fetch;
    window.fetch = (address, ...rest) => {
        if (String(address).includes("/xcomEntries")) window.xcoms.push(String(address));
        return ask(address, ...rest);
    };
"""

#: The promise of the seconds from now until there is a card with a prompt.
NOTE_THE_FIRST_CARD = """() => {
    const begun = performance.now();
    window.firstCard = new Promise((resolve) => {
        const look = () => {
            if (document.querySelector(".sora2-page article .prompt")) resolve((performance.now() - begun) / 1000);
            else requestAnimationFrame(look);
        };
        look();
    });
}"""


def number_in(text: str | None) -> int:
    """Return the number of a text such as "5,001 videos"."""
    return int(re.match(r"[\d,]+", text or "")[0].replace(",", ""))


def total(page: Page) -> int:
    counter = page.get_by_role("status").filter(has_text="video")
    expect(counter).to_be_visible()
    return number_in(counter.text_content())


def older(page: Page) -> None:
    before = cards(page).first.text_content()
    page.get_by_role("button", name="Older").click()
    expect(cards(page).first).not_to_have_text(before)


def test_the_navigation_leads_to_it(open_page):
    page = open_page("")
    page.get_by_role("link", name="Sora 2").click()
    expect(page.get_by_role("heading", name="Sora 2 videos")).to_be_visible()
    expect(cards(page).first).to_be_visible()


def test_the_states_are_filtered_on_the_server(open_page):
    page = open_page(FILMS)
    everything = total(page)
    assert everything == films.TOTAL
    page.get_by_label("Task state").select_option("Failed")
    expect(page.get_by_role("status").filter(has_text="video")).not_to_have_text(re.compile(f"^{everything} videos"))
    failed = total(page)
    expect(cards(page)).to_have_count(failed)
    assert {text.strip() for text in page.locator(".sora2-page .pill").all_text_contents()} <= {"Failed", "Cancelled"}
    page.get_by_label("Task state").select_option("Succeeded")
    expect(page.get_by_role("status").filter(has_text="video")).not_to_have_text(re.compile(f"^{failed} videos"))
    assert failed + total(page) >= everything - len(films.RENDERING)


def test_the_dag_is_chosen_among_those_that_there_are(open_page, world):
    page = open_page(PAGE)
    assert total(page) == films.TOTAL + 1 + world.archived
    page.get_by_label("DAG", exact=True).press_sequentially("ui_sec")
    page.locator("datalist option[value=ui_secret]").wait_for(state="attached")
    page.get_by_label("DAG", exact=True).fill("ui_secret")
    expect(cards(page)).to_have_count(1)
    expect(cards(page).first).to_contain_text("The unreleased product")
    page.reload()
    expect(cards(page)).to_have_count(1)
    page.get_by_label("DAG", exact=True).fill("no_such_dag")
    page.get_by_label("DAG", exact=True).press("Enter")
    expect(page.get_by_role("alert").or_(page.get_by_text("No video fits these filters"))).to_be_visible()


def test_who_may_not_read_a_dag_does_not_see_its_videos(open_page, world):
    page = open_page(PAGE, user=CREW)
    assert total(page) == films.TOTAL
    older(page)
    expect(page.get_by_role("button", name="Older")).to_be_disabled()
    page.get_by_label("Text on this page").fill("unreleased")
    expect(page.get_by_text("No card on this page holds that text")).to_be_visible()
    page.goto(f"{world.airflow.url}/{PAGE}?dag_id=ui_secret")
    expect(page.get_by_role("alert")).to_contain_text("You may not see the videos of ui_secret")
    expect(cards(page)).to_have_count(0)
    page.goto(f"{world.airflow.url}/{PAGE}?dag_id=ui_secret&run_id={quote(world.secret_run)}&task_id=unreleased")
    expect(page.get_by_role("alert")).to_contain_text("You may not see")
    assert "turntable" not in page.content()


def test_who_may_read_nothing_is_told_what_it_takes(open_page):
    page = open_page(PAGE, user=GUEST)
    told = page.get_by_role("alert").or_(page.get_by_text("No videos yet"))
    expect(told).to_contain_text("permission to read")
    expect(cards(page)).to_have_count(0)


PROBLEMS = {401: "You are logged out", 403: "You may not see", 500: "Airflow's API has a problem", 503: "HTTP 503"}


@pytest.mark.parametrize(("status", "words"), PROBLEMS.items())
def test_when_airflows_api_says_no_the_page_says_what_to_do(open_page, status, words):
    page = open_page("")
    refused = {"status": status, "json": {"detail": "not today"}}
    page.route("**/api/v2/dags/*/dagRuns/*/taskInstances*", lambda route: route.fulfill(**refused))
    page.get_by_role("link", name="Sora 2").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(words)
    if status == 401:
        expect(alert.get_by_role("link", name="Log in")).to_have_attribute("href", re.compile("/api/v2/auth/login"))
        return
    page.unroute_all()
    alert.get_by_role("button", name="Try again").click()
    expect(cards(page).first).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_what_was_there_stays_while_airflow_is_away(open_page):
    page = open_page(f"{FILMS}&state=running")
    expect(cards(page).first).to_be_visible()
    page.route("**/taskInstances*", lambda route: route.abort())
    expect(page.get_by_role("alert")).to_contain_text("Airflow cannot be reached")
    expect(cards(page).first).to_be_visible()
    page.unroute_all()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_where_there_is_nothing_it_says_how_to_begin(open_page):
    page = open_page("")
    empty = {"task_instances": [], "total_entries": 0, "next_cursor": None}
    page.route("**/taskInstances*", lambda route: route.fulfill(json=empty))
    page.get_by_role("link", name="Sora 2").click()
    expect(page.get_by_role("heading", name="No videos yet")).to_be_visible()
    expect(page.get_by_text("Sora2CreateVideoOperator(")).to_be_visible()
    page.get_by_label("Task state").select_option("Failed")
    expect(page.get_by_text("No video fits these filters")).to_be_visible()
    page.get_by_role("button", name="Show all videos").click()
    expect(page.get_by_role("heading", name="No videos yet")).to_be_visible()


def test_a_dag_run_has_a_tab_with_its_own_videos(open_page, world):
    page = open_page(f"dags/ui_secret/runs/{quote(world.secret_run)}")
    page.get_by_role("link", name="Sora 2").last.click()
    page.wait_for_url(re.compile("sora2-run"))
    expect(cards(page)).to_have_count(1)
    expect(cards(page).first).to_contain_text("The unreleased product")
    expect(page.get_by_label("DAG", exact=True)).to_have_count(0)


def test_thousands_of_videos_cost_no_more_than_those_in_view(open_page, world):
    page = open_page("")
    link = page.get_by_role("link", name="Sora 2")
    expect(link).to_be_visible()
    page.evaluate(COUNT_XCOMS)
    # From the press of the button, in Airflow's interface as it stands open, to cards that can be read.
    page.evaluate(NOTE_THE_FIRST_CARD)
    link.click()
    seconds = page.evaluate("firstCard")
    print(f"\n{total(page)} videos: the first page is usable after {seconds:.2f} s")
    assert seconds < 3
    page.get_by_label("DAG", exact=True).fill("ui_archive")
    page.get_by_label("DAG", exact=True).press("Enter")
    expect(cards(page).first).to_contain_text("A lighthouse in a storm")
    assert total(page) == world.archived
    expect(cards(page)).to_have_count(48)
    page.evaluate("xcoms.length = 0")
    older(page)
    in_view = page.evaluate(
        "[...document.querySelectorAll('.sora2-page article')].filter((card) => card.getBoundingClientRect().top < innerHeight + 200).length"
    )
    expect(page.get_by_text("The gateway's link has expired.").first).to_be_visible()
    # Each card may ask twice: for what its own task says, and for what others of its run say.
    assert 0 < page.evaluate("xcoms.length") <= 2 * in_view + 2
    seen = {page.locator(".sora2-page .origin").first.text_content()}
    for _ in range(2):
        older(page)
        seen.add(page.locator(".sora2-page .origin").first.text_content())
    assert len(seen) == 3
    page.get_by_role("button", name="Newer").click()
    expect(page.get_by_text("Page 3")).to_be_visible()


def test_it_is_served_below_a_path_too(open_page, below_a_path):
    page = open_page(FILMS, url=below_a_path)
    one = card(page, USUAL)
    expect(one.locator("video")).to_be_visible()
    one.get_by_role("link", name="batch [20]").click()
    page.wait_for_url(re.compile(r"/airflow/dags/ui_films/runs/.*/tasks/batch/mapped/20"))
