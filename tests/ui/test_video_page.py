"""The page of videos, as a person sees it."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.ui import films
from tests.ui.ui_world import CREW, GUEST

PAGE = "plugin/sora2"
#: Narrowed down to what every test but the one of the archive is about.
FILMS = f"{PAGE}?dag_id=ui_films"

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

#: One of many that went well, on the first page.
USUAL = films.batch()[20]["prompt"]


def cards(page: Page) -> Locator:
    return page.locator(".sora2-page article")


def card(page: Page, text: str) -> Locator:
    """Return the card whose prompt holds the text, found as a person finds it."""
    page.get_by_label("Text on this page").fill(text)
    expect(cards(page)).to_have_count(1)
    return cards(page).first


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


def test_a_finished_video_plays(open_page):
    page = open_page(FILMS)
    player = card(page, USUAL).locator("video")
    expect(player).to_be_visible()
    played = player.evaluate(
        """async (player) => {
            player.muted = true;
            await player.play();
            await new Promise((resolve) => player.addEventListener("timeupdate", resolve, { once: true }));
            return { seconds: player.duration, width: player.videoWidth, error: player.error };
        }"""
    )
    assert played["error"] is None
    assert played["seconds"] > 1
    assert played["width"] > 0


def test_a_card_tells_what_was_asked_for_and_where_it_came_from(open_page, world):
    page = open_page(FILMS)
    one = card(page, USUAL)
    expect(one).to_contain_text("Ready")
    expect(one).to_contain_text("sora-2 · 15 s · portrait")
    expect(one.get_by_role("link", name="ui_films")).to_have_attribute(
        "href", re.compile(f"/dags/ui_films/runs/{re.escape(quote(world.films_run, safe=''))}$")
    )
    one.get_by_role("link", name="batch [20]").click()
    page.wait_for_url(re.compile(r"/tasks/batch/mapped/20"))
    page.go_back()
    expect(page.get_by_label("Text on this page")).to_have_value(USUAL)
    expect(cards(page)).to_have_count(1)


ENDS = {
    "(moderated)": ("Failed", "A real person was detected.", "content_policy_violation", "would fail again"),
    "(cancelled)": ("Cancelled",),
    "(refused)": ("Failed", "No video was made.", "log says why"),
    "(no link)": ("Ready", "only the file itself"),
    "(dead link)": ("Ready", "cannot be played here"),
}


@pytest.mark.parametrize(("prompt", "words"), ENDS.items(), ids=ENDS)
def test_what_went_wrong_is_said_in_words(open_page, prompt, words):
    page = open_page(FILMS)
    one = card(page, prompt)
    one.scroll_into_view_if_needed()
    for each in words:
        expect(one).to_contain_text(each)
    expect(one.locator("video")).to_have_count(0)


def test_what_renders_says_since_when_and_the_page_notices_the_end(open_page, world):
    page = open_page(f"{FILMS}&state=running")
    expect(cards(page)).to_have_count(len(films.RENDERING))
    one = card(page, films.RENDERING[0])
    expect(one).to_contain_text(re.compile(r"Rendering since .*\d\d:\d\d"))
    page.goto(page.url.replace("&state=running", "").replace("state=running", ""))
    expect(one).to_contain_text("Rendering since")
    (video,) = [video for video in world.emulator.videos if video.prompt == films.RENDERING[0]]
    world.emulator.finish(video.id)
    expect(one.locator("video")).to_be_visible(timeout=90_000)
    expect(one).to_contain_text("Ready")


def test_a_video_that_other_tasks_have_awaited_and_stored_is_shown_by_the_one_that_made_it(open_page):
    page = open_page(FILMS)
    one = card(page, films.FILMS[0])
    expect(one.locator("video")).to_be_visible()
    expect(one).to_contain_text("15 s · landscape")


@pytest.mark.parametrize(
    ("task", "folder"), [("task_id=stored", "/stored/"), ("task_id=film.create&map_index=1", "/films/")]
)
def test_an_expired_link_gives_way_to_the_stored_file(open_page, world, task, folder):
    page = open_page(f"{FILMS}&run_id={quote(world.films_run)}&{task}")
    page.route("**/files/**", lambda route: route.fulfill(status=403, body="expired"))
    page.reload()
    one = cards(page)
    expect(one).to_contain_text("cannot be played here")
    expect(one).to_contain_text("Stored at")
    expect(one.locator("code")).to_contain_text(folder)


@pytest.mark.parametrize(
    ("prompt", "shown"), [(films.HOSTILE[-20:], films.HOSTILE), ("(hostile reason)", films.HOSTILE_REASON)]
)
def test_markup_stays_text(open_page, prompt, shown):
    page = open_page(FILMS)
    alerts = []
    page.on("dialog", lambda dialog: alerts.append(dialog.message))
    one = card(page, prompt)
    expect(one).to_contain_text(shown)
    assert page.locator(".sora2-page img, .sora2-page script").count() == 0
    assert page.title() != "owned"
    assert alerts == []


def test_a_long_prompt_is_cut_and_can_be_opened_by_keyboard(open_page):
    page = open_page(FILMS)
    one = card(page, "(long)")
    prompt = one.locator(".prompt p")
    short = prompt.bounding_box()["height"]
    one.get_by_role("button", name="Show all").press("Enter")
    expect(one.get_by_role("button", name="Show less")).to_have_attribute("aria-expanded", "true")
    assert prompt.bounding_box()["height"] > 1.5 * short


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_legible_in_both_of_airflows_colour_modes(open_page, screenshot, scheme):
    page = open_page(FILMS, color_scheme=scheme)
    expect(page.locator("html")).to_have_class(re.compile(scheme))
    expect(page.locator(".sora2-page video").first).to_be_visible()
    for selector in (".count", ".pill", ".facts", ".origin a", ".words", ".hint", ".filters span"):
        for one in page.locator(f".sora2-page {selector}").all()[:20]:
            assert one.evaluate(CONTRAST) >= 4.5, (selector, one.text_content())
    page.wait_for_function(FRAMES_ARE_THERE)
    screenshot(page, f"page-{scheme}")


#: The ratio of a text's colour to what stands behind it, as WCAG counts it. A canvas knows every way to write a colour.
CONTRAST = """(element) => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const layers = [];
    for (let each = element; each; each = each.parentElement) layers.unshift(getComputedStyle(each).backgroundColor);
    const light = (...colours) => {
        canvas.fillStyle = "white"; canvas.fillRect(0, 0, 1, 1);
        for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((value) => {
            const share = value / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = light(...layers), text = light(...layers, getComputedStyle(element).color);
    return (Math.max(behind, text) + 0.05) / (Math.min(behind, text) + 0.05);
}"""

FRAMES_ARE_THERE = """() => [...document.querySelectorAll(".sora2-page video")]
    .filter((player) => player.getBoundingClientRect().top < innerHeight)
    .every((player) => player.readyState >= 2)"""


def test_nothing_moves_for_those_who_want_no_motion(open_page):
    for motion, moves in (("reduce", False), ("no-preference", True)):
        page = open_page(f"{FILMS}&state=running", reduced_motion=motion)
        expect(cards(page).first).to_contain_text("Rendering")
        name = page.locator(".sora2-page .pill").first.evaluate(
            "(pill) => getComputedStyle(pill, '::before').animationName"
        )
        assert (name != "none") is moves


def test_everything_can_be_reached_by_keyboard(open_page):
    page = open_page(FILMS)
    one = card(page, USUAL)
    expect(one.locator("video")).to_be_visible()
    page.get_by_label("Text on this page").focus()
    reached = []
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.tagName + ' ' + (document.activeElement.innerText ?? '')").strip()
        )
    assert any(each.startswith("VIDEO") for each in reached)
    assert "A ui_films" in reached
    assert "A batch [20]" in reached
    assert "A Open ↗" in reached
