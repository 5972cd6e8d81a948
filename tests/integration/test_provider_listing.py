"""What Airflow's commands say of the provider."""

from __future__ import annotations

import json
from typing import Any

import sora2_provider
from tests.integration.command_console import Console


def shown(console: Console, *arguments: str) -> str:
    result = console.run(*arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def listed(console: Console, *arguments: str) -> list[dict[str, Any]]:
    """Return what ``airflow providers ...`` prints as JSON."""
    output = shown(console, "providers", *arguments, "--output", "json")
    # Airflow's log lines come before it, and some after.
    start = output.index("[{") if "[{" in output else output.index("[]")
    rows, _ = json.JSONDecoder().raw_decode(output[start:])
    return rows


def test_the_provider_is_listed_with_its_version(console: Console) -> None:
    versions = {row["package_name"]: row["version"] for row in listed(console, "list")}
    assert versions["airflow-provider-sora2"] == sora2_provider.__version__


def test_the_provider_is_described(console: Console) -> None:
    described = shown(console, "providers", "get", "airflow-provider-sora2", "--full", "--output", "yaml")
    assert "Sora 2 video generation" in described
    assert "sora2_provider.hooks.sora2.Sora2Hook" in described


def test_the_hook_is_listed(console: Console) -> None:
    hooks = {row["connection_type"]: row for row in listed(console, "hooks")}
    assert hooks["sora2"]["class"] == "sora2_provider.hooks.sora2.Sora2Hook"
    assert hooks["sora2"]["hook_name"] == "Sora 2"
    if console.airflow.installation.is_airflow_2:
        assert "sora2" in {row["field_behaviours"] for row in listed(console, "behaviours")}


def test_the_options_are_known(console: Console) -> None:
    assert shown(console, "config", "get-value", "sora2", "triggerer_connections").split()[-1] == "100"
