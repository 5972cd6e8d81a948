"""The parts of the page that need no Airflow: what a card says of a video, and which videos are read when."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from sora2_provider.plugins.video_page import FILES

NOW = "2026-11-22T12:00:00Z"
TASK = {
    "id": "1",
    "dag_id": "films",
    "dag_display_name": "films",
    "dag_run_id": "manual__1",
    "task_id": "create",
    "map_index": -1,
    "state": "success",
    "start_date": "2026-11-22T11:50:00Z",
    "end_date": "2026-11-22T11:59:00Z",
    "rendered_fields": {"prompt": "a cat", "model": "sora-2", "duration": 10, "orientation": "portrait"},
}
VIDEO = {
    "id": "video_1",
    "status": "completed",
    "url": "https://files.example.com/1.mp4",
    "created_at": "2026-11-22T11:50:00Z",
    "completed_at": "2026-11-22T11:52:05Z",
    "expires_at": "2026-11-23T12:00:00Z",
    "stored_uri": None,
    "request": {"prompt": "a cat", "model": "sora-2", "duration": 10, "orientation": "portrait", "images": []},
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the page's files are served, without an Airflow."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=FILES))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{address}/")
        yield page


def ask(page: Page, module: str, code: str, *values: Any) -> Any:
    """Run a function of one of the page's modules: ``code`` sees the module as ``m`` and the values as ``v``."""
    return page.evaluate(
        f"async (v) => {{ const m = await import('/{module}.js'); return await (async () => {code})(); }}", list(values)
    )


def card(page: Page, video: Any, task: Any = None, **options: Any) -> dict[str, Any]:
    """Return what a card says; ``video`` may be ``None`` for a task that has pushed none."""
    code = "m.describe(v[0], v[1], { now: new Date(v[2]), ...v[3] })"
    return ask(page, "video", code, {**TASK, **(task or {})}, video, NOW, options)


DEFERRED, FAILED, RUNNING = ({"state": state} for state in ("deferred", "failed", "running"))
KINDS = {
    "ready": ({}, {}, "ready", "Ready"),
    "expired": ({"expires_at": "2026-11-22T11:59:59Z"}, {}, "expired", "Link expired"),
    "no link": ({"url": None}, {}, "stored", "Ready"),
    "rendering": ({"status": "in_progress", "url": None, "progress": 40}, DEFERRED, "rendering", "Rendering"),
    "submitted by a task that does not wait": ({"status": "queued", "url": None}, {}, "rendering", "Rendering"),
    "silent": ({"status": "queued", "url": None, "created_at": "2026-11-22T08:00:00Z"}, {}, "gone", "Submitted"),
    "given up": ({"status": "in_progress", "url": None}, FAILED, "stopped", "Task failed"),
    "failed": ({"status": "failed", "url": None, "error_message": "blocked"}, FAILED, "failed", "Failed"),
    "cancelled": ({"status": "cancelled", "url": None}, FAILED, "failed", "Cancelled"),
    "a status of tomorrow": ({"status": "unknown", "url": None}, RUNNING, "rendering", "Rendering"),
}


@pytest.mark.parametrize(("video", "task", "kind", "label"), KINDS.values(), ids=KINDS)
def test_what_a_card_says(page: Page, video: Any, task: Any, kind: str, label: str) -> None:
    said = card(page, {**VIDEO, **video}, task)
    assert (said["kind"], said["label"]) == (kind, label)


WITHOUT = {
    None: "Waiting",
    "queued": "Waiting",
    "running": "Waiting",
    "up_for_retry": "Waiting",
    "failed": "Failed",
    "upstream_failed": "Not started",
    "skipped": "Skipped",
    "success": "No record",
}


@pytest.mark.parametrize(("state", "label"), WITHOUT.items())
def test_what_a_card_says_where_there_is_no_video(page: Page, state: str | None, label: str) -> None:
    said = card(page, None, {"state": state})
    assert said["label"] == label
    assert said["words"]
    assert said["prompt"] == "a cat"


HARMLESS = ["https://files.example.com/1.mp4", "http://127.0.0.1:8900/files/1.mp4"]
HARMFUL = [
    "javascript:alert(1)",
    " javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "//files.example.com/1.mp4",
    "/files/1.mp4",
    "ftp://files.example.com/1.mp4",
    "https://user:secret@files.example.com/1.mp4",
    "blob:https://files.example.com/1",
    "",
    None,
    7,
    {"href": "https://files.example.com"},
]


@pytest.mark.parametrize("link", HARMLESS)
def test_a_web_link_is_played(page: Page, link: str) -> None:
    assert card(page, {**VIDEO, "url": link})["url"] == link


@pytest.mark.parametrize("link", HARMFUL)
def test_no_other_link_is_followed(page: Page, link: Any) -> None:
    said = card(page, {**VIDEO, "url": link})
    assert said["kind"] == "stored"
    assert said.get("url") is None


def test_it_says_what_was_asked_for_and_how_long_the_rendering_took(page: Page) -> None:
    assert card(page, VIDEO)["took"] == "2 min 5 s"
    assert card(page, {**VIDEO, "completed_at": None})["took"] is None
    asked = {**VIDEO["request"], "images": ["https://example.com/a.png"], "size": "large"}
    said = card(page, {**VIDEO, "request": asked})
    assert said["facts"] == ["sora-2", "10 s", "portrait", "large", "from an image"]


def test_a_link_that_cannot_be_played_is_offered_to_be_opened(page: Page) -> None:
    said = card(page, {**VIDEO, "stored_uri": "s3://bucket/1.mp4"}, broken=True)
    assert (said["kind"], said["url"], said["storedUri"]) == ("expired", VIDEO["url"], "s3://bucket/1.mp4")


def test_what_an_xcom_backend_keeps_elsewhere_is_said(page: Page) -> None:
    assert card(page, {"unreadable": True})["label"] == "Kept elsewhere"


def test_what_other_tasks_have_seen_completes_the_picture(page: Page) -> None:
    own = {**VIDEO, "status": "queued", "url": None}
    others = [
        {"id": "video_1", "status": "completed", "url": VIDEO["url"], "completed_at": VIDEO["completed_at"]},
        {"id": "video_1", "stored_uri": "s3://bucket/1.mp4"},
    ]
    both = ask(page, "video", "m.merged(v[0], v[1])", own, others)
    assert (both["status"], both["url"], both["stored_uri"]) == ("completed", VIDEO["url"], "s3://bucket/1.mp4")
    assert both["request"] == VIDEO["request"]


def test_the_run_s_other_tasks_are_asked_by_the_names_that_airflows_api_has(page: Page) -> None:
    run = "/api/v2/dags/films/dagRuns/manual__1/taskInstances"
    entries = [
        {"dag_id": "films", "run_id": "manual__1", "task_id": name, "map_index": 3}
        for name in ("create", "wait", "else")
    ]
    answers = {
        f"{run}/~/xcomEntries?xcom_key=video&map_index=3&limit=20": {"xcom_entries": entries},
        f"{run}/wait/xcomEntries/video?map_index=3": {"value": {"id": "video_1", "status": "completed"}},
        f"{run}/else/xcomEntries/video?map_index=3": {"value": {"id": "video_2"}},
    }

    def answer(route: Any) -> None:
        parts = urlsplit(route.request.url)
        route.fulfill(json=answers[f"{parts.path}?{parts.query}"])

    page.route("**/api/v2/**", answer)
    told = ask(page, "airflow_api", "m.readFurther(v[0], 'video_1')", {**TASK, "map_index": 3})
    page.unroute("**/api/v2/**")
    assert told == [{"id": "video_1", "status": "completed"}]


DURATIONS = {0: "0 s", 59.6: "1 min", 125: "2 min 5 s", 3600: "1 h", 7380: "2 h 3 min", 200_000: "2 days"}
SEARCHES = {"CAT": True, "films cat": True, "video_1": True, "sora-2 portrait": True, "dog": False}
FOUND = "m.matches(v[0], m.describe(v[0], v[1], { now: new Date() }), v[2])"
NEXT, PARSED = "m.nextPosition(v[0], v[1], 48)", "m.parsed(v[0])"
KEPT_ELSEWHERE = ("s3://bucket/xcom/1.json", '"text"', 7, [], {"no": "id"})
#: Module, expression, values, and what comes of them.
ANSWERS = [
    *(("words", "m.durationText(v[0])", [seconds], text) for seconds, text in DURATIONS.items()),
    *(("video", FOUND, [TASK, VIDEO, text], found) for text, found in SEARCHES.items()),
    # The cursor where there is one, else the count.
    ("airflow_api", NEXT, [{"next_cursor": "abc"}, None], {"cursor": "abc"}),
    ("airflow_api", NEXT, [{"next_cursor": None, "total_entries": 5000}, None], None),
    ("airflow_api", NEXT, [{"total_entries": 100}, None], {"offset": 48}),
    ("airflow_api", NEXT, [{"total_entries": 96}, {"offset": 48}], None),
    *(("airflow_api", PARSED, [value], {"unreadable": True}) for value in KEPT_ELSEWHERE),
    ("airflow_api", PARSED, ['{"id": "video_1"}'], {"id": "video_1"}),
]


@pytest.mark.parametrize(("module", "code", "values", "answer"), ANSWERS)
def test_what_a_function_answers(page: Page, module: str, code: str, values: list[Any], answer: Any) -> None:
    assert ask(page, module, code, *values) == answer


@pytest.mark.parametrize("status", [0, 401, 403, 404, 422, 500, 503])
def test_a_problem_is_said_with_what_to_do(page: Page, status: int) -> None:
    words = ask(page, "words", "m.problemWords({ status: v[0], detail: '' }, 'films')", status)
    assert words["title"]
    assert len(words["advice"]) > 20
    assert bool(words.get("login")) == (status == 401)


STORE = """
    const asked = [];
    const video = v[1];
    const store = new m.VideoStore({
        read: async (task) => { asked.push(task.id); return video; },
        readFurther: async (task) => { asked.push(task.id + " further"); return []; },
        clock: () => new Date(v[2]),
    });
    const known = (task) => new Promise((resolve) => {
        const stop = store.subscribe(() => { if (store.get(task)) { stop(); resolve(); } });
        store.want(task);
    });
"""


def test_a_settled_video_is_read_once_and_an_unsettled_one_again(page: Page) -> None:
    code = (
        "{"
        + STORE
        + """
        const [task, busy] = [v[0], { ...v[0], id: "2", state: "running" }];
        await known(task);
        store.want(task);
        await known(busy);
        await known(busy);
        await known({ ...busy, state: "success" });
        store.want({ ...busy, state: "success" });
        return asked;
    }"""
    )
    assert ask(page, "video_store", code, TASK, VIDEO, NOW) == ["1", "2", "2", "2"]


def test_other_tasks_are_asked_only_about_what_the_own_one_does_not_know(page: Page) -> None:
    code = "{" + STORE + "await known(v[0]); return asked; }"
    assert ask(page, "video_store", code, TASK, VIDEO, NOW) == ["1"]
    for lacking in ({"status": "queued", "url": None}, {"expires_at": "2026-11-22T11:00:00Z"}, {"url": None}):
        assert ask(page, "video_store", code, TASK, {**VIDEO, **lacking}, NOW) == ["1", "1 further"]
    stored = {**VIDEO, "url": None, "stored_uri": "s3://bucket/1.mp4"}
    assert ask(page, "video_store", code, TASK, stored, NOW) == ["1"]


def test_few_are_read_at_a_time_and_none_that_nobody_looks_at_any_more(page: Page) -> None:
    code = """{
        let reading = 0, most = 0; const ends = []; const asked = [];
        const store = new m.VideoStore({
            read: (task) => new Promise((resolve) => {
                asked.push(task.id); reading += 1; most = Math.max(most, reading);
                ends.push(() => { reading -= 1; resolve(v[1]); });
            }),
            readFurther: async () => [],
        });
        const tasks = Array.from({ length: 10 }, (_, index) => ({ ...v[0], id: String(index) }));
        tasks.forEach((task) => store.want(task));
        tasks.slice(4, 8).forEach((task) => store.unwant(task));
        while (ends.length) { ends.shift()(); await new Promise((resolve) => setTimeout(resolve)); }
        return { most, asked };
    }"""
    assert ask(page, "video_store", code, TASK, VIDEO) == {"most": 4, "asked": ["0", "1", "2", "3", "8", "9"]}


def test_a_video_that_could_not_be_read_is_tried_again_and_what_was_known_stays(page: Page) -> None:
    code = """{
        const answers = [v[1], null, v[1]];
        const store = new m.VideoStore({
            read: async () => { const answer = answers.shift(); if (!answer) throw { status: 503 }; return answer; },
            readFurther: async () => [],
        });
        const task = { ...v[0], state: "running" };
        const seen = [];
        for (let round = 0; round < 3; round += 1) {
            await new Promise((resolve) => { const stop = store.subscribe(() => { stop(); resolve(); }); store.want(task); });
            seen.push([store.get(task).video?.id, store.get(task).problem?.status ?? null]);
        }
        return seen;
    }"""
    expected = [["video_1", None], ["video_1", 503], ["video_1", None]]
    assert ask(page, "video_store", code, TASK, VIDEO) == expected
