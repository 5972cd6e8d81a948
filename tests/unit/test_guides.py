"""The Python of the guides on TaskFlow, lineage and metrics is a DAG file that Airflow accepts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCKS = [
    pytest.param(block, id=f"{name}-{number}")
    for name in ("taskflow.md", "lineage.md")
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", (DOCS / name).read_text("utf-8"), re.DOTALL))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_python_block_makes_its_dag(block):
    made = {"__name__": "a_dag_file"}
    exec(compile(block, "a guide", "exec"), made)
