"""The README's Python runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_a_python_block_runs(gateway, block):
    exec(compile(block, str(README), "exec"), {"__name__": "a_dag_file"})


def test_there_are_blocks_to_run():
    assert len(BLOCKS) >= 2


def test_every_field_of_the_connection_is_in_the_table():
    from sora2_provider.hooks.connection_form import FIELDS

    text = README.read_text(encoding="utf-8")
    for field in FIELDS:
        label = field.label.removesuffix(" (seconds)")
        assert f"| {label} | `extra.{field.name}` |" in text


def test_every_parameter_of_the_operators_is_in_a_table():
    import inspect

    from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
    from sora2_provider.sensors.sora2 import Sora2VideoSensor

    text = README.read_text(encoding="utf-8")
    for operator in (Sora2CreateVideoOperator, Sora2DownloadVideoOperator, Sora2VideoSensor):
        section = text.partition(f"## `{operator.__name__}`")[2].partition("\n## ")[0]
        signature = inspect.signature(operator.__init__)
        named = [name for name, one in signature.parameters.items() if name != "self" and one.kind is one.KEYWORD_ONLY]
        assert named
        for name in named:
            assert f"| `{name}` |" in section, f"{operator.__name__}: {name}"
