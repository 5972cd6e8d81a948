"""What Airflow is told about this package."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import airflow
import jsonschema

import sora2_provider


def test_it_is_what_this_airflow_asks_for():
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(sora2_provider.get_provider_info(), schema)


def test_every_module_that_it_names_can_be_imported():
    info = sora2_provider.get_provider_info()
    named = [
        name
        for kind in ("operators", "sensors", "hooks", "triggers")
        for one in info[kind]
        for name in one["python-modules"]
    ]
    assert len(named) >= 4
    for name in named:
        importlib.import_module(name)
