"""The pages agree with the code where a table names what the code has, and with one another."""

from __future__ import annotations

import inspect
import re

import pytest

from sora2_provider import get_provider_info
from sora2_provider.hooks.connection_fields import FIELDS
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor
from tests.docs.pages import DOCUMENTS, PROJECT, blocks

README, CHINESE, REFERENCE, DESIGN, INDEX = (
    DOCUMENTS[page].text
    for page in ("README.md", "README.zh-CN.md", "docs/reference.md", "docs/design.md", "docs/index.md")
)


def parameters_of(operator) -> dict[str, inspect.Parameter]:
    signature = inspect.signature(operator.__init__).parameters
    return {name: one for name, one in signature.items() if name != "self" and one.kind is one.KEYWORD_ONLY}


def xcoms_of(task: str) -> dict[str, str]:
    """Return the table of XComs of a task, by key."""
    return dict(re.findall(rf"^\| {task} \| `(\w+)` \| (.*) \|$", REFERENCE, re.MULTILINE))


def test_the_xcoms_of_the_tasks_are_those_of_the_table(sora2_emulator, ti, tmp_path):
    def pushed() -> dict[str, object]:
        found = {call.kwargs["key"]: call.kwargs["value"] for call in ti.xcom_push.call_args_list}
        ti.xcom_push.reset_mock()
        # A link's key is Airflow's business.
        return {key: value for key, value in found.items() if not key.startswith("_link")}

    video_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat", retries=0).execute({"ti": ti})
    assert isinstance(video_id, str)
    created = pushed()
    assert {"return_value", *created} == set(xcoms_of("create"))
    assert re.findall(r"`(\w+)`", xcoms_of("create")["video"]) == list(created["video"])
    waited = Sora2VideoSensor(task_id="wait", video_id=video_id, poke_interval=1).execute({"ti": ti})
    assert {"return_value", *pushed()} == set(xcoms_of("sensor"))
    Sora2DownloadVideoOperator(task_id="store", video_id=waited, path=f"{tmp_path}/").execute({"ti": ti})
    assert {"return_value", *pushed()} == set(xcoms_of("download"))


def test_the_options_are_those_that_airflow_is_told_of():
    table = re.findall(r"^\| `(\w+)` \| (?:`(.*)`)? ?\| (.*) \|$", REFERENCE, re.MULTILINE)
    options = get_provider_info()["config"]["sora2"]["options"]
    told = [(name, option["default"], option["description"]) for name, option in options.items()]
    assert [row for row in table if row[0] in options] == told


def test_every_page_is_in_the_list_of_pages():
    names = {page.removeprefix("docs/") for page in DOCUMENTS if page.startswith("docs/")} - {"index.md"}
    assert names <= set(re.findall(r"\]\(([\w-]+\.md)", INDEX))


def test_the_modules_that_the_design_names_are_there():
    names = set(re.findall(r"`((?:\w+/)*\w+\.py)`", DESIGN))
    assert len(names) > 20
    # A name may leave out the folders that the sentence has named already.
    files = [file.as_posix() for folder in ("sora2_provider", "tests") for file in (PROJECT / folder).rglob("*.py")]
    assert [name for name in names if not any(file.endswith(f"/{name}") for file in files)] == []


def test_every_field_of_the_connection_is_in_the_table():
    labels = {field.name: field.label.removesuffix(" (seconds)") for field in FIELDS}
    assert [name for name, label in labels.items() if f"| {label} | `extra.{name}` |" not in README] == []


@pytest.mark.parametrize("operator", [Sora2CreateVideoOperator, Sora2DownloadVideoOperator, Sora2VideoSensor])
def test_every_parameter_of_the_operators_is_in_a_table(operator):
    section = README.partition(f"## `{operator.__name__}`")[2].partition("\n## ")[0]
    assert set(parameters_of(operator)) <= set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def test_the_chinese_table_names_parameters_with_their_defaults():
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*?)\|", CHINESE, re.MULTILINE))
    known = parameters_of(Sora2CreateVideoOperator)
    assert len(rows) > 5
    for name, default in rows.items():
        said, meant = default.strip().strip("`"), known[name].default
        if said and not re.search(r"[\u3000-\u9fff\uff00-\uffef]", said):
            assert said.replace('"', "'") == repr(meant), name
        else:
            assert meant in (inspect.Parameter.empty, None), name


@pytest.mark.parametrize("language", ["shell", "python"])
def test_both_readmes_tell_to_type_the_same(language):
    english, chinese = (
        [re.sub(r'prompt=".*?"', 'prompt="..."', text) for text in blocks(language, page)]
        for page in ("README.md", "README.zh-CN.md")
    )
    assert chinese
    assert set(chinese) <= set(english)


def test_both_readmes_lead_to_each_other():
    assert "(README.zh-CN.md)" in README.partition("\n## ")[0]
    assert "(README.md)" in CHINESE.partition("\n## ")[0]
