"""The plugin that brings the page: what Airflow is told, and which files are served."""

from __future__ import annotations

import re
from importlib.metadata import entry_points

import pytest

from sora2_provider import compat
from sora2_provider.plugins import video_page


def test_airflow_finds_the_plugin():
    (found,) = [one for one in entry_points(group="airflow.plugins") if one.name == "sora2"]
    assert found.load() is video_page.Sora2Plugin


def test_an_airflow_that_takes_no_pages_gets_none():
    expected = 2 if compat.UI_TAKES_PAGES else 0
    assert len(video_page.Sora2Plugin.react_apps) == expected
    assert len(video_page.Sora2Plugin.fastapi_apps) == (1 if expected else 0)


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("", "/sora2-page"),
        ("http://localhost:8080", "/sora2-page"),
        ("http://localhost:8080/", "/sora2-page"),
        ("https://example.com/team/airflow", "/team/airflow/sora2-page"),
        ("https://example.com/airflow/", "/airflow/sora2-page"),
    ],
)
def test_the_files_are_asked_for_below_airflows_own_path(monkeypatch, base_url, expected):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)
    for app in video_page.page_apps():
        assert app["bundle_url"] == f"{expected}/main.js"
        assert app["icon"].startswith(f"{expected}/")


def test_each_place_has_an_address_of_its_own():
    apps = video_page.page_apps()
    assert {app["destination"] for app in apps} == {"nav", "dag_run"}
    assert len({app["url_route"] for app in apps}) == len(apps)
    assert apps[0]["url_route"] == "sora2"


def test_what_a_module_imports_is_there():
    """A file that was forgotten would leave the whole page blank."""
    for module in video_page.FILES.glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', module.read_text()):
            assert (video_page.FILES / name).is_file(), f"{module.name} imports {name}"


#: Airflow before 3.1 need not have the server with which the API server of later ones serves files.
if compat.UI_TAKES_PAGES:

    @pytest.fixture
    def fetch():
        """Ask a server for a file, as Airflow's API server has the application: mounted."""
        from starlette.applications import Starlette
        from starlette.testclient import TestClient

        server = Starlette()
        for each in video_page.Sora2Plugin.fastapi_apps:
            server.mount(each["url_prefix"], each["app"])
        return lambda path: TestClient(server).get(f"/sora2-page{path}")

    def test_the_files_are_served_and_never_stale(fetch):
        for path, kind in (("/main.js", "javascript"), ("/style.css", "text/css"), ("/icon.svg", "image/svg+xml")):
            answer = fetch(path)
            assert answer.status_code == 200
            assert kind in answer.headers["content-type"]
            assert answer.headers["cache-control"] == "no-cache"
            assert answer.headers["etag"]
            assert answer.content == (video_page.FILES / path[1:]).read_bytes()

    @pytest.mark.parametrize("path", ["", "/", "/nothing.js", "/%2e%2e/video_page.py", "//etc/passwd", "/.."])
    def test_nothing_else_is_served(fetch, path):
        assert fetch(path).status_code == 404
