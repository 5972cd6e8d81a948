"""What docs/kubernetes.md tells people to write can be read, and names options and commands that Airflow has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sora2_provider import get_provider_info
from sora2_provider.compat import conf
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.hooks.sora2 import Sora2Hook

PAGE = Path(__file__).parents[2] / "docs" / "kubernetes.md"
TEXT = PAGE.read_text(encoding="utf-8")
VALUES = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)]

#: The values that the page uses, as they are called in the chart (1.20 to 1.22), with the type of each.
CHART = {
    "executor": str,
    "airflowVersion": str,
    "images.airflow.repository": str,
    "images.airflow.tag": str,
    "secret": list,
    "workers.celery.replicas": int,
    "workers.celery.terminationGracePeriodSeconds": int,
    "workers.kubernetes.terminationGracePeriodSeconds": int,
    "triggerer.replicas": int,
    "triggerer.terminationGracePeriodSeconds": int,
    "triggerer.resources.requests.cpu": str,
    "triggerer.resources.requests.memory": str,
    "redis.persistence.enabled": bool,
}

#: Names of options that Airflow has changed, by what they were called on 2.11.
NAMES_OF_2 = {("triggerer", "capacity"): ("triggerer", "default_capacity")}
#: Sections that bring their own names, which no Airflow knows beforehand.
FREE_SECTIONS = {"celery_broker_transport_options"}
#: Of a provider that need not be installed here.
CELERY = {("celery", "worker_concurrency")}


def leaves(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


def options() -> list[tuple[str, str]]:
    return sorted({(section, name) for one in VALUES for section, part in one["config"].items() for name in part})


def test_every_value_is_one_of_the_charts_and_of_its_type():
    assert len(VALUES) == 2
    for values in VALUES:
        for name, value in leaves({key: part for key, part in values.items() if key != "config"}).items():
            assert type(value) is CHART[name], name


@pytest.mark.parametrize("option", options(), ids=".".join)
def test_every_option_is_one_of_airflows_or_ours(option):
    section, name = option
    if section in FREE_SECTIONS or option in CELERY:
        return
    ours = get_provider_info()["config"].get(section, {}).get("options", {})
    # The name of 2.11 counts only where the new one is not known.
    assert name in ours or conf.has_option(section, name) or conf.has_option(*NAMES_OF_2[option])


@pytest.mark.parametrize("name", sorted(CHART | {f"config.{section}.{name}": str for section, name in options()}))
def test_every_value_that_needs_a_reason_has_one(name):
    table = TEXT.partition("| value | why |")[2].partition("\n\n")[0]
    explained = re.findall(r"`([\w.]+)`", "\n".join(line.split("|")[1] for line in table.splitlines() if "`" in line))
    elsewhere = {"executor", "airflowVersion", "config.sora2.state_path", "config.sora2.deployment"}
    grace = name.endswith("terminationGracePeriodSeconds")
    assert grace or name in elsewhere or any(name == one or name.startswith(f"{one}.") for one in explained)


def test_the_connection_is_one_that_the_hook_reads(monkeypatch):
    (block,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    assert "\n" not in block.strip()
    monkeypatch.setenv("AIRFLOW_CONN_SORA2_DEFAULT", block.strip())
    # It refuses an address that is none, and a missing key.
    Sora2Hook().get_conn().close()


def test_the_grace_period_outlasts_a_create():
    settings = GatewaySettings(base_url="https://gateway.example", api_key="sk-x")
    longest = settings.connect_timeout + 2 * settings.read_timeout
    assert f"{longest:.0f} s by default" in TEXT
    for name, seconds in leaves(VALUES[0]).items():
        if name.startswith("workers.") and name.endswith("terminationGracePeriodSeconds"):
            assert seconds > longest
