"""The cards of videos, as a person sees them: what they say, and whether everybody can read and reach it."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.ui import films
from tests.ui.cards import FILMS, USUAL, card, cards


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
