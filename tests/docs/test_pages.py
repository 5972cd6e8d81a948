"""The pages agree with the code where a table names what the code has."""

from __future__ import annotations

import re

import pytest

from sora2_provider import get_provider_info
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor
from tests.docs.blocks import PROJECT, pages

REFERENCE = PROJECT / "docs" / "reference.md"
INDEX = PROJECT / "docs" / "index.md"


@pytest.fixture
def pushed(ti):
    """The XComs that a task pushes, by key."""

    def keys() -> dict[str, object]:
        found = {call.kwargs["key"]: call.kwargs["value"] for call in ti.xcom_push.call_args_list}
        # A link's key is Airflow's business.
        return {key: value for key, value in found.items() if not key.startswith("_link")}

    return keys


def rows(task: str) -> dict[str, str]:
    """Return the table of XComs of a task, by key."""
    return dict(re.findall(rf"^\| {task} \| `(\w+)` \| (.*) \|$", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE))


def test_the_xcoms_of_the_tasks_are_those_of_the_table(gateway, ti, pushed, tmp_path):
    video_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat", retries=0).execute({"ti": ti})
    assert {"return_value", *pushed()} == set(rows("create"))
    assert isinstance(video_id, str)
    assert re.findall(r"`(\w+)`", rows("create")["video"]) == list(pushed()["video"])
    ti.xcom_push.reset_mock()
    waited = Sora2VideoSensor(task_id="wait", video_id=video_id, poke_interval=1).execute({"ti": ti})
    assert {"return_value", *pushed()} == set(rows("sensor"))
    ti.xcom_push.reset_mock()
    Sora2DownloadVideoOperator(task_id="store", video_id=waited, path=f"{tmp_path}/").execute({"ti": ti})
    assert {"return_value", *pushed()} == set(rows("download"))


def test_the_options_are_those_that_airflow_is_told_of():
    table = re.findall(r"^\| `(\w+)` \| (?:`(.*)`)? ?\| (.*) \|$", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)
    options = get_provider_info()["config"]["sora2"]["options"]
    told = [(name, option["default"], option["description"]) for name, option in options.items()]
    assert [row for row in table if row[0] in options] == told


def test_every_page_is_in_the_list_of_pages():
    text = INDEX.read_text(encoding="utf-8")
    for page in pages():
        if page.parent == INDEX.parent and page != INDEX:
            assert f"]({page.name})" in text, f"docs/index.md does not list {page.name}"


def test_the_modules_that_the_design_names_are_there():
    text = (PROJECT / "docs" / "design.md").read_text(encoding="utf-8")
    package = PROJECT / "sora2_provider"
    names = set(re.findall(r"`((?:\w+/)*\w+\.py)`", text))
    assert len(names) > 20
    for name in names:
        places = (package / name, package / "gateway" / name, PROJECT / name)
        assert any(place.exists() for place in places), f"docs/design.md names {name}"
