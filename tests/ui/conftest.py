"""One whole Airflow and one browser for all tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from dev.harness.browser import running_browser
from tests.ui.ui_world import World, second_api_server, ui_world

#: Generous, because a machine that is busy is slow; a test waits only for as long as it must.
PATIENCE_MS = 30_000

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ui_world(tmp_path_factory.mktemp("airflow")) as world:
        yield world


@pytest.fixture(scope="session")
def below_a_path(world: World) -> Iterator[str]:
    """The address of the same Airflow, served below a path."""
    with second_api_server(world.airflow, "/airflow") as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def sessions() -> dict[tuple[str, str], Any]:
    """The cookies of those who have logged in, by Airflow and user."""
    return {}


@pytest.fixture
def open_page(world: World, browser: Browser, sessions: dict[tuple[str, str], Any]) -> Iterator[Callable[..., Page]]:
    """Open an address of Airflow as somebody.

    ``open_page("plugin/sora2", user="crew", url=..., **options of the browser's window)``
    """
    contexts: list[BrowserContext] = []

    def open_page(path: str, *, user: str = "admin", url: str | None = None, **options: Any) -> Page:
        root = url or world.airflow.url
        context = browser.new_context(
            **{"viewport": {"width": 1440, "height": 900}, "storage_state": sessions.get((root, user)), **options}
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        if (root, user) not in sessions:
            log_in(page, root, user, world.password(user))
            sessions[root, user] = context.storage_state()
        page.goto(f"{root}/{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()


def log_in(page: Page, root: str, user: str, password: str) -> None:
    page.goto(f"{root}/auth/login/")
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign In").click()
    page.wait_for_url(lambda address: "/auth/login" not in address)


@pytest.fixture
def screenshot() -> Callable[[Page, str], None]:
    """Keep a picture of what is in the window, where ``UI_SCREENSHOTS`` names a folder."""
    folder = os.environ.get("UI_SCREENSHOTS")

    def screenshot(page: Page, name: str) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(folder) / f"{name}.png")

    return screenshot
