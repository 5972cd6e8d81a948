"""A guard that is misspelt, and an extra that cannot be read, are refused before anything is sent."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from sora2_provider.cli.doctor.examine import examine
from sora2_provider.cli.doctor.report import State
from sora2_provider.compat import Connection
from sora2_provider.exceptions import InvalidParameter
from sora2_provider.gateway.errors import InvalidRequest
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.hooks.connection import limits_of, settings_of
from sora2_provider.hooks.connection_fields import FIELDS
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.spending.limits import SpendingLimits
from sora2_provider.triggers import lookup
from tests.unit.test_connection import connection_with
from tests.unit.test_trigger import asked, create, watched

HOUR, DAY, BALANCE, TLS = "max_creates_per_hour", "max_creates_per_day", "min_balance", "verify_tls"

#: What people write, and the guard that it must be taken for.
MISSPELT = {
    "max_create_per_day": DAY,
    "max_creates_per_hr": HOUR,
    "max_creats_per_hour": HOUR,
    "MaxCreatesPerHour": HOUR,
    "maxCreatesPerDay": DAY,
    "MAX_CREATES_PER_DAY": DAY,
    "max-creates-per-hour": HOUR,
    "max creates per day": DAY,
    " max_creates_per_day": DAY,
    "max_creates_day": DAY,
    "max_creates_hourly": HOUR,
    "hourly_max_creates": HOUR,
    "max_videos_per_day": DAY,
    "max_requests_per_hour": HOUR,
    "max_per_hour": HOUR,
    "creates_per_day": DAY,
    "min_balanc": BALANCE,
    "minimum_balance": BALANCE,
    "minBalance": BALANCE,
    "balance_min": BALANCE,
    "min_balance_usd": BALANCE,
    "hourly_cap": HOUR,
    "limit_per_hour": HOUR,
    "dailyLimit": DAY,
    "budget_per_day": DAY,
    "balance_floor": BALANCE,
    "low_balance": BALANCE,
    "verify_tsl": TLS,
    "VerifyTLS": TLS,
    "tls_verify": TLS,
    "extra__sora2__max_create_per_day": DAY,
}
NESTED = {
    "limits": {"max_creates_per_day": 5},
    "extra": {"min_balance": 5},
    "sora2": {"limits": {"max_create_per_hour": 5}},
}
#: What is none of our business: named, and not refused.
OTHERS = (
    "team",
    "timeout",
    "verify",
    "verify_ssl",
    "proxies",
    "max_retries",
    "max_connections",
    "headers",
    "notes",
    "daily_report",
    "max_age_in_days",
    "bill_of_the_day",
    "rate_limit_policy",
    "region",
)

UNREADABLE = {
    "no JSON": ('{"max_creates_per_hour": 3', "the extra is no JSON (Expecting ',' delimiter, line 1, column 27)"),
    "Python": ("{'max_creates_per_hour': 3}", "the extra is no JSON"),
    "a text": ("max_creates_per_hour=3", "the extra is no JSON"),
    "a list": ('["max_creates_per_hour"]', "the extra must be a JSON object"),
    "JSON in JSON": (json.dumps('{"max_creates_per_hour": 3}'), "the extra must be a JSON object"),
    "a field twice": ('{"max_creates_per_hour": 3, "max_creates_per_hour": 300}', "has 'max_creates_per_hour' twice"),
    "a prefix and none": (
        '{"max_creates_per_hour": 3, "extra__sora2__max_creates_per_hour": 300}',
        "has 'max_creates_per_hour' twice",
    ),
}


def nothing_is_sent(gateway: Any, context: dict[str, Any]) -> list[str]:
    """Try all that pays, the Test button and the doctor, and return what they say."""
    said = []
    for pays in (
        lambda: Sora2Hook().create_video(VideoRequest("a cat")),
        lambda: Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context),
    ):
        with pytest.raises(InvalidParameter) as caught:
            pays()
        said.append(str(caught.value))
    status, message = Sora2Hook().test_connection()
    assert status is False
    found = next(one for one in examine("sora2_default").results if one.check == "connection")
    assert found.state is State.FAIL
    assert gateway.requests == ()
    return [*said, message, found.seen + found.to_do]


@pytest.mark.parametrize(("key", "meant"), MISSPELT.items(), ids=MISSPELT)
def test_a_guard_that_is_misspelt_is_refused_with_its_right_name(gateway, connect, context, key, meant):
    connect(gateway.url, **{key: 5})
    for said in nothing_is_sent(gateway, context):
        assert f"It looks like {meant}:" in said


@pytest.mark.parametrize("key", NESTED)
def test_so_is_a_guard_inside_of_another_field(gateway, connect, context, key):
    connect(gateway.url, **{key: NESTED[key]})
    for said in nothing_is_sent(gateway, context):
        assert "stands inside of" in said


@pytest.mark.parametrize("option", ["MAX_CREATE_PER_DAY", "MIN_BALANC", "MAX_CREATES_PER_HR"])
def test_so_is_one_in_the_configuration(gateway, context, monkeypatch, option):
    monkeypatch.setenv(f"AIRFLOW__SORA2__{option}", "5")
    for said in nothing_is_sent(gateway, context):
        assert f"[sora2]: {option.lower()} is not known" in said


def test_an_option_that_a_command_prints_is_not_taken_for_another(monkeypatch):
    monkeypatch.setenv("AIRFLOW__SORA2__MIN_BALANCE_CMD", "echo 5")
    assert limits_of("c", {"max_creates_per_day": 3}).max_creates_per_day == 3


@pytest.mark.parametrize(("extra", "said"), UNREADABLE.values(), ids=UNREADABLE)
def test_an_extra_that_cannot_be_read_is_refused(gateway, context, monkeypatch, extra, said):
    facts = {"conn_type": "sora2", "host": gateway.url, "password": "sk-x-of-the-tests", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SORA2_DEFAULT", json.dumps(facts))
    # As in a task: outside of one, Airflow 3.0 and 3.1 do not even load it.
    made = Connection(conn_id="sora2_default", **facts)
    monkeypatch.setattr(Sora2Hook, "get_connection", lambda *_: made)
    *told, doctor = nothing_is_sent(gateway, context)
    assert all(said in one for one in told), told
    # Nor does the command line of Airflow 3.
    assert said in doctor or "if its extra is no JSON object" in doctor


def test_a_trigger_does_not_ask_by_an_extra_that_cannot_be_read(gateway, context, monkeypatch):
    (video_id,) = create(context)
    made = Connection(
        conn_id="c", conn_type="sora2", host=gateway.url, password="sk-x-of-the-tests", extra='{"proxy": '
    )

    monkeypatch.setattr(lookup, "read_connection", lambda _: (made, {}))
    with pytest.raises(InvalidRequest, match="cannot be used: .*the extra is no JSON"):
        asyncio.run(asked(watched(video_id)))
    assert [request.route for request in gateway.requests] == ["create"]


@pytest.mark.parametrize("key", OTHERS)
def test_another_unknown_field_is_named_by_the_test_and_the_doctor_and_not_refused(gateway, connect, context, key):
    connect(gateway.url, **{key: "x"})
    status, message = Sora2Hook().test_connection()
    assert status is True
    assert f"no effect: {key!r}" in message
    found = next(one for one in examine("sora2_default").results if one.check == "connection")
    assert (found.state, found.to_do) == (State.WARN, "Correct their names, or remove them.")
    assert f"no effect: {key!r}" in found.seen
    Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)


def test_a_field_that_is_nearly_known_is_named_with_the_known_one(gateway, connect):
    connect(gateway.url, createPath="/v2", read_time_out=3, nothing="")
    assert (
        "'createPath' (did you mean create_path?), 'read_time_out' (did you mean read_timeout?)."
        in Sora2Hook().test_connection()[1]
    )


def test_fields_under_the_names_of_old_forms_are_read():
    values = {"max_creates_per_hour": 3, "read_timeout": 90, "create_path": "/v2/create"}
    connection = connection_with(**{f"extra__sora2__{name}": value for name, value in values.items()})
    settings = settings_of(connection)
    assert (settings.read_timeout, settings.create_path) == (90, "/v2/create")
    assert limits_of("c", connection.extra_dejson) == SpendingLimits(3)


def test_no_known_field_is_taken_for_another():
    full = {field.name: field.default for field in FIELDS} | {
        "max_creates_per_hour": 3,
        "min_balance": 5,
        "max_video_mb": 9,
    }
    full["extra_headers"] = {"Min-Balance": "5"}
    settings_of(connection_with(**full))
    assert limits_of("c", full).max_creates_per_hour == 3


def test_a_misspelt_field_that_is_blank_guards_nothing():
    assert limits_of("c", {"max_create_per_day": "", "min_balanc": None}) == SpendingLimits()
