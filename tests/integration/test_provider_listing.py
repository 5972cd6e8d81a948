"""What Airflow itself says of the provider: its commands list it, and its web interface shows the connection form."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from typing import Any

import pytest

import sora2_provider
from dev.harness.airflow import LocalAirflow
from sora2_provider.hooks.connection_fields import FIELDS
from sora2_provider.hooks.connection_form import RELABELING
from tests.integration.connection_forms import custom_fields, labels_of_standard_fields


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    """An Airflow of which only the web interface runs."""
    dags = tmp_path_factory.mktemp("dags")
    with LocalAirflow(dags_folder=dags) as airflow:
        airflow.migrate()
        if airflow.installation.is_airflow_2:
            airflow.create_admin()
        airflow.start_component("webserver" if airflow.installation.is_airflow_2 else "api-server")
        airflow.wait_until(lambda: bool(airflow.rest.health()), timeout=300, what="the web interface to answer")
        yield airflow


@pytest.fixture
def is_3_0(airflow: LocalAirflow) -> bool:
    return airflow.installation.version.startswith("3.0.")


def listed(airflow: LocalAirflow, *arguments: str) -> list[dict[str, Any]]:
    """Return what ``airflow providers ...`` prints as JSON."""
    output = airflow.run("providers", *arguments, "--output", "json").check().output
    # Airflow's log lines come before it, and some after.
    start = output.index("[{") if "[{" in output else output.index("[]")
    rows, _ = json.JSONDecoder().raw_decode(output[start:])
    return rows


def test_the_provider_is_listed_with_its_version(airflow: LocalAirflow) -> None:
    versions = {row["package_name"]: row["version"] for row in listed(airflow, "list")}
    assert versions["airflow-provider-sora2"] == sora2_provider.__version__


def test_the_provider_is_described(airflow: LocalAirflow) -> None:
    described = airflow.run("providers", "get", "airflow-provider-sora2", "--full", "--output", "yaml").check().output
    assert "Sora 2 video generation" in described
    assert "sora2_provider.hooks.sora2.Sora2Hook" in described


def test_the_hook_is_listed(airflow: LocalAirflow) -> None:
    hooks = {row["connection_type"]: row for row in listed(airflow, "hooks")}
    assert hooks["sora2"]["class"] == "sora2_provider.hooks.sora2.Sora2Hook"
    assert hooks["sora2"]["hook_name"] == "Sora 2"


def test_the_options_are_known(airflow: LocalAirflow) -> None:
    assert airflow.run("config", "get-value", "sora2", "triggerer_connections").check().output.split()[-1] == "100"


def test_the_form_has_the_fields_that_this_airflow_can_show(airflow: LocalAirflow, is_3_0: bool) -> None:
    shown = custom_fields(airflow)
    if is_3_0 and importlib.util.find_spec("flask_appbuilder") is None:
        # As docs/versions.md says: this Airflow takes forms from the FAB provider.
        assert shown == {}
        return
    assert list(shown) == [field.name for field in FIELDS]
    kinds = {"string": "text", "integer": "text" if airflow.installation.is_airflow_2 else "integer"}
    for field in FIELDS:
        assert (shown[field.name].label, shown[field.name].kind) == (field.label, kinds.get(field.kind, field.kind))
        assert str(shown[field.name].default or "") == str(field.default or "")


def test_the_built_in_fields_are_named_after_what_they_hold(airflow: LocalAirflow, is_3_0: bool) -> None:
    if airflow.installation.is_airflow_2:
        assert "sora2" in {row["field_behaviours"] for row in listed(airflow, "behaviours")}
        return
    labels = labels_of_standard_fields(airflow)
    if is_3_0 and importlib.util.find_spec("flask_appbuilder") is None:
        assert labels == {"host": None, "password": None}
    else:
        assert labels == {name: RELABELING[name] for name in ("host", "password")}
