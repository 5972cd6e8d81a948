"""The tables of the README name what the code has, and its Chinese sister says the same. Its blocks are run elsewhere here."""

from __future__ import annotations

import inspect
import re

import pytest

from sora2_provider.hooks.connection_fields import FIELDS
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor
from tests.docs.blocks import PROJECT, blocks_of

ENGLISH, CHINESE = PROJECT / "README.md", PROJECT / "README.zh-CN.md"
_CHINESE = re.compile(r"[\u3000-\u9fff\uff00-\uffef]+")


def parameters_of(operator):
    signature = inspect.signature(operator.__init__)
    return [one for name, one in signature.parameters.items() if name != "self" and one.kind is one.KEYWORD_ONLY]


def test_every_field_of_the_connection_is_in_the_table():
    text = ENGLISH.read_text(encoding="utf-8")
    for field in FIELDS:
        label = field.label.removesuffix(" (seconds)")
        assert f"| {label} | `extra.{field.name}` |" in text


@pytest.mark.parametrize("operator", [Sora2CreateVideoOperator, Sora2DownloadVideoOperator, Sora2VideoSensor])
def test_every_parameter_of_the_operators_is_in_a_table(operator):
    section = ENGLISH.read_text(encoding="utf-8").partition(f"## `{operator.__name__}`")[2].partition("\n## ")[0]
    parameters = parameters_of(operator)
    assert parameters
    for parameter in parameters:
        assert f"| `{parameter.name}` |" in section, f"{operator.__name__}: {parameter.name}"


def test_the_chinese_table_names_parameters_with_their_defaults():
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*?)\|", CHINESE.read_text(encoding="utf-8"), re.MULTILINE))
    known = {parameter.name: parameter for parameter in parameters_of(Sora2CreateVideoOperator)}
    assert len(rows) > 5
    for name, default in rows.items():
        said = default.strip().strip("`")
        meant = known[name].default
        if said and not _CHINESE.search(said):
            assert said.replace('"', "'") == repr(meant), name
        else:
            assert meant in (inspect.Parameter.empty, None), name


def test_both_readmes_tell_to_type_the_same():
    english, chinese = (
        [(block.language, re.sub(r'prompt=".*?"', 'prompt="..."', block.text)) for block in blocks_of(page)]
        for page in (ENGLISH, CHINESE)
    )
    assert chinese
    assert [block for block in chinese if block not in english] == []


def test_both_readmes_lead_to_each_other():
    assert "(README.zh-CN.md)" in ENGLISH.read_text(encoding="utf-8").partition("\n## ")[0]
    assert "(README.md)" in CHINESE.read_text(encoding="utf-8").partition("\n## ")[0]


def test_the_chinese_readme_links_to_what_is_there():
    for target in re.findall(r"\]\(([^)#\s]+)", CHINESE.read_text(encoding="utf-8")):
        assert (PROJECT / target).exists(), target
