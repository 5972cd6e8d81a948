"""The page of videos in Airflow's web interface, from Airflow 3.1 on; on older versions the plugin is empty.

Every component of Airflow imports this, and only the API server uses it, so it loads nothing and reads nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from sora2_provider.compat import UI_TAKES_PAGES, conf, plugin_base

FILES = Path(__file__).with_name("page")

#: Where the API server serves the page's files, below its own path.
FILES_PREFIX = "/sora2-page"

Message = MutableMapping[str, Any]


class PageFiles:
    """Serves the page's files: an ASGI application that loads its server when it is first asked.

    The files hold no data, so no one has to log in for them. The browser asks each time whether they have changed, so
    that nobody sees the page of an earlier release.
    """

    def __init__(self) -> None:
        self._server: Any = None

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer a request."""
        if self._server is None:
            from starlette.staticfiles import StaticFiles

            self._server = StaticFiles(directory=FILES)

        async def send_fresh(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"cache-control", b"no-cache"),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        await self._server(scope, receive, send_fresh)


def page_apps() -> list[dict[str, Any]]:
    """Return what Airflow is told about the page: an entry of the navigation, and a tab of each DAG run."""
    # Airflow before 3.3 loads an address without a leading slash from beside its own scripts, so it must be a whole path.
    files = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/") + FILES_PREFIX
    # Both have one name, because a browser that has loaded the page for one keeps it under that name.
    app = {
        "name": "Sora 2",
        "bundle_url": f"{files}/main.js",
        "icon": f"{files}/icon.svg",
        "icon_dark_mode": f"{files}/icon-dark.svg",
    }
    return [
        {**app, "destination": "nav", "url_route": "sora2"},
        {**app, "destination": "dag_run", "url_route": "sora2-run"},
    ]


class Sora2Plugin(plugin_base()):  # type: ignore[misc]
    """The page."""

    name = "sora2"
    fastapi_apps: ClassVar[list[Any]] = (
        [{"app": PageFiles(), "url_prefix": FILES_PREFIX, "name": "Sora 2 page"}] if UI_TAKES_PAGES else []
    )
    react_apps: ClassVar[list[Any]] = page_apps() if UI_TAKES_PAGES else []
