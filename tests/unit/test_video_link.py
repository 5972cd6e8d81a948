"""The link that each task has: to the video where there is one, and to its card on the page before that."""

from __future__ import annotations

from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from sora2_provider import compat, get_provider_info
from sora2_provider.links import sora2 as links
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor

KEY = SimpleNamespace(dag_id="films", run_id="manual__2026-11-22T12:00:00+00:00", task_id="create", map_index=3)
URL = "https://files.example.com/1.mp4"


@pytest.fixture
def link(monkeypatch, ti):
    """Ask for the link of a task whose XComs are those of ``ti``."""
    monkeypatch.setattr(links, "read_xcom", lambda key, ti_key: ti.xcoms.get(key))

    def link(operator=None):
        return links.Sora2VideoLink().get_link(operator or SimpleNamespace(), ti_key=KEY)

    return link


def leads_to_the_page(address: str, **shown: str) -> bool:
    """Return whether the address is that of the page; before Airflow 3.1, which takes no pages, of nothing."""
    if not compat.UI_TAKES_PAGES:
        return address == ""
    path, _, query = address.partition("?")
    assert path == "plugin/sora2"
    return {name: value for name, (value,) in parse_qs(query, strict_parsing=True).items()} == shown


CARD = {"dag_id": "films", "run_id": KEY.run_id, "task_id": "create", "map_index": "3"}


def test_a_video_with_a_link_is_linked(link, ti):
    ti.xcoms["video"] = {"id": "1", "status": "completed", "url": URL, "request": {}}
    assert link() == URL


def test_a_task_that_has_no_video_has_no_link(link):
    assert link() == ""


def test_before_there_is_a_link_it_leads_to_the_card_of_the_very_task(link, ti):
    ti.xcoms["video"] = {"id": "1", "status": "in_progress", "url": None, "request": {}}
    assert leads_to_the_page(link(), **CARD)


def test_the_page_is_linked_so_that_the_link_holds_below_any_path():
    address = links.page_address(dag_id="films")
    assert not urlsplit(address).netloc
    assert not address.startswith("/")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//files.example.com", "file:///etc/passwd", "", None, 7])
def test_only_web_addresses_are_linked(link, ti, url):
    ti.xcoms["video"] = {"id": "1", "status": "completed", "url": url, "request": {}}
    assert leads_to_the_page(link(), **CARD)


def test_a_sensor_that_waits_leads_to_the_videos_of_its_run(link):
    waits = SimpleNamespace(video_id="video_1")
    assert leads_to_the_page(link(waits), dag_id="films", run_id=KEY.run_id, text="video_1")
    assert link(SimpleNamespace(video_id="{{ ti.xcom_pull() }}")) == ""


def test_a_download_of_a_file_that_was_kept_leads_to_the_videos_of_its_run(link, ti):
    ti.xcoms["video"] = {"id": "1", "stored_uri": "s3://bucket/1.mp4"}
    assert leads_to_the_page(link(), dag_id="films", run_id=KEY.run_id, text="1")


def test_each_operator_offers_it_and_airflow_is_told():
    for operator in (Sora2CreateVideoOperator, Sora2VideoSensor, Sora2DownloadVideoOperator):
        (offered,) = operator.operator_extra_links
        assert isinstance(offered, links.Sora2VideoLink)
    (told,) = get_provider_info()["extra-links"]
    assert told == f"{links.Sora2VideoLink.__module__}.{links.Sora2VideoLink.__qualname__}"


def test_a_task_at_work_offers_its_card(gateway, context, ti):
    gateway.settings(render_seconds=100)
    Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    own = {"dag_id": ti.dag_id, "run_id": ti.run_id, "task_id": ti.task_id, "map_index": str(ti.map_index)}
    # Airflow 2 asks for the link when a person looks.
    assert leads_to_the_page(ti.xcoms.get("_link_Sora2VideoLink", ""), **own)


def test_a_link_that_cannot_be_offered_fails_no_task(gateway, context, ti, monkeypatch):
    def only_the_video(key, value, push=ti.xcom_push):
        if key != "video":
            raise RuntimeError("no XComs today")
        push(key, value)

    monkeypatch.setattr(ti, "xcom_push", only_the_video)
    assert Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    assert len(gateway.billed) == 1


def test_the_sensor_and_the_download_say_what_they_have_seen(gateway, context, ti, tmp_path):
    video_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    assert ti.xcoms["video"]["url"] is None
    Sora2VideoSensor(task_id="wait", video_id=video_id, poke_interval=0.01).execute(context)
    assert ti.xcoms["video"]["status"] == "completed"
    assert ti.xcoms["video"]["url"].startswith(gateway.url)
    uri = Sora2DownloadVideoOperator(task_id="store", video_id=video_id, path=f"{tmp_path}/").execute(context)
    assert ti.xcoms["video"]["stored_uri"] == uri
    assert ti.xcoms["video"]["id"] == video_id
    # The file that is there is kept, and the gateway is not asked.
    kept = {"if_exists": "skip", "path": f"{tmp_path}/"}
    Sora2DownloadVideoOperator(task_id="store", video_id=video_id, **kept).execute(context)
    assert ti.xcoms["video"] == {"id": video_id, "conn_id": "sora2_default", "stored_uri": uri}
