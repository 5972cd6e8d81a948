"""The example in which a person approves a video, on the Airflow that is installed and on one that cannot ask people."""

from __future__ import annotations

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from sora2_provider import compat

EXAMPLE = Path(__file__).parents[2] / "example_dags" / "sora2_approve_then_publish.py"
HITL = "airflow.providers.standard.operators.hitl"


def loaded() -> Any:
    return runpy.run_path(str(EXAMPLE))["sora2_approve_then_publish"]()


def can_ask_people() -> bool:
    version = tuple(int(part) for part in compat.airflow_version().split(".")[:2])
    return version >= (3, 1) and find_spec("airflow.providers.standard") is not None


def test_the_dag_asks_a_person_where_airflow_can() -> None:
    asking = {"create_video", "approve", "decide", "publish", "discard"}
    assert set(loaded().task_ids) == (asking if can_ask_people() else {"needs_airflow_3_1"})


def test_elsewhere_it_renders_nothing_and_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    # None: importing it fails as if it were not installed.
    monkeypatch.setitem(sys.modules, HITL, None)
    (task,) = loaded().tasks
    with pytest.raises(compat.AirflowException, match=r"needs Airflow 3\.1 or later.*Nothing was rendered"):
        task.python_callable()
