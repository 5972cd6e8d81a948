"""``doctor``: a connection is checked end to end over real HTTP, nothing is paid, and each fault is named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dev.harness.processes import free_port
from sora2_provider.cli.doctor import network
from sora2_provider.cli.doctor.examine import examine
from sora2_provider.cli.doctor.report import CheckResult, Report, State
from sora2_provider.emulator import Emulator

KEY = "sk-secret-of-the-tests-4711"
OK, WARN, FAIL, SKIP = State.OK, State.WARN, State.FAIL, State.SKIP
INSTALLATION = ("storage", "triggerer", "versions")


def examined(conn_id: str = "sora2_default") -> dict[str, CheckResult]:
    return {result.check: result for result in examine(conn_id).results}


def states(results: dict[str, CheckResult]) -> dict[str, State]:
    """Return how the checks of the gateway ended: those of this machine have their own tests."""
    return {check: result.state for check, result in results.items() if check not in INSTALLATION}


@pytest.fixture(autouse=True)
def nothing_was_paid(request: pytest.FixtureRequest) -> Iterator[None]:
    emulator = request.getfixturevalue("gateway") if "gateway" in request.fixturenames else None
    yield
    if emulator is not None:
        assert emulator.billed == ()
        assert not [one for one in emulator.requests if one.route == "create" or one.method != "GET"]


FINE = {"connection": OK, "address": OK, "key": OK, "routes": OK, "models": OK, "balance": OK, "clock": OK}
KEY_FAILS = {"key": FAIL, "routes": SKIP, "models": SKIP, "balance": SKIP}
UNREADABLE = {"key": SKIP, "routes": FAIL, "models": SKIP, "balance": SKIP}
UNAVAILABLE = {"key": SKIP, "routes": FAIL, "models": WARN, "balance": WARN}


def test_a_good_connection_passes_every_check(gateway: Emulator) -> None:
    results = examined()
    assert states(results) == FINE
    assert not any(result.to_do for check, result in results.items() if check not in INSTALLATION)
    assert "100.00 USD" in results["balance"].seen
    assert {one.route for one in gateway.requests} == {"models", "query", "billing"}


def error(status: int, message: str, **fault: Any) -> dict[str, Any]:
    return {"status": status, "body": {"error": {"message": message}}, **fault}


def test_a_balance_below_the_minimum_fails(gateway, connect):
    connect(gateway.url, min_balance="100.5")
    result = examined()["balance"]
    assert result.state is FAIL
    assert "100.00 USD left. That is below the min_balance of 100.50 USD" in result.seen
    connect(gateway.url, min_balance="2500000 quota")
    assert "is in another unit: 2,500,000 quota" in examined()["balance"].seen
    gateway.fault(route="billing", times=9, **error(404, "Invalid URL"))
    assert examined()["balance"].state is FAIL


def test_a_cap_needs_a_folder_to_count_in(gateway, connect, monkeypatch, tmp_path):
    assert "caps" not in examined()
    connect(gateway.url, max_creates_per_hour="5")
    assert examined()["caps"].state is FAIL
    monkeypatch.setenv("AIRFLOW__SORA2__SPENDING_PATH", str(tmp_path))
    assert (examined()["caps"].state, list(tmp_path.iterdir())) == (OK, [])
    connect(gateway.url, max_creates_per_hour="many")
    assert "max_creates_per_hour" in examined()["connection"].seen


# What the emulator does, the checks that do not end as with a good gateway, and what the one that matters says.
FAULTS: dict[str, tuple[dict[str, Any], dict[str, State], str, str]] = {
    "an odd 401": ({"status": 401, "body": {"detail": "who are you"}}, KEY_FAILS, "key", "who are you"),
    "a key without access": (error(403, "This token has no access"), KEY_FAILS, "key", "no access"),
    "models for everybody": (error(401, "bad key", route="query"), {"key": FAIL, "routes": SKIP}, "key", "bad key"),
    "a web page": ({"html": True}, UNREADABLE, "routes", "AI gateway console"),
    "a redirect": ({"redirect": "https://elsewhere.example.com/"}, UNREADABLE, "routes", "elsewhere.example.com"),
    "a proxy's error page": ({"html": True, "status": 502}, UNAVAILABLE, "routes", "502"),
    "silence": ({"reset": "before"}, {**UNAVAILABLE, "clock": SKIP}, "routes", "the connection broke"),
    "too many requests": (error(429, "slow down", route="query"), {"routes": WARN}, "routes", "slow down"),
    "a status for any id": (
        {"route": "query", "body": {"id": "x", "status": "pending"}},
        {"routes": WARN},
        "routes",
        'a status ("pending") even of a video that cannot exist',
    ),
    "a gateway that knows none of the made-up ids for one": (
        error(422, "id: not one of ours.", route="query"),
        {"routes": WARN},
        "routes",
        "takes none of the made-up ids for one: id: not one of ours. (HTTP 422)",
    ),
    **{
        f"a query route that refuses every id with {status}": (
            error(status, said, route="query"),
            {"routes": FAIL},
            "routes",
            f"GET /v1/video/query refuses every id that it was asked for, and does not say that there is no such video: {said}",
        )
        for status, said in ((400, "invalid parameter"), (422, "task_id is required"), (400, "参数错误"))
    },
    **{
        f"a firewall that answers {status}": (
            {"status": status, "body": body, "content_type": content_type},
            UNAVAILABLE,
            "routes",
            "A firewall in front of the gateway (",
        )
        for status, body, content_type in (
            (403, "<html><title>Attention Required! | Cloudflare</title></html>", "text/html"),
            (405, "<html><title>405</title>您的访问被阻断 errors.aliyun.com</html>", "text/html"),
            (403, {"code": 1020, "message": "Access denied"}, "application/json"),
        )
    },
    "an empty account in other words": (
        error(401, "您的账户已欠费。"),
        {"key": SKIP, "routes": FAIL, "models": SKIP, "balance": FAIL},
        "balance",
        "The account is empty: 您的账户已欠费。 (HTTP 401)",
    ),
    "an upstream's key": (
        error(500, "Incorrect API key provided."),
        UNAVAILABLE,
        "routes",
        'the gateway\'s own key, and not yours: "Incorrect API key provided."',
    ),
    "an odd 404": ({"status": 404, "body": {"detail": "Not Found"}}, UNAVAILABLE, "routes", "no GET /v1/video/query"),
    "a 404 in words of the query route": (
        {"route": "query", "status": 404, "body": {"detail": "Task not found"}},
        {},
        "routes",
        "GET /v1/video/query answers",
    ),
    "no list of models": (error(404, "Invalid URL", route="models"), {"models": WARN}, "models", "Invalid URL"),
    "another model": (
        {"route": "models", "body": {"data": [{"id": "veo3.1"}, {"id": "sora-2-pro"}]}},
        {"models": WARN},
        "models",
        "sora-2 is not among the models of this key: veo3.1, sora-2-pro.",
    ),
    "no billing routes": (error(404, "Invalid URL", route="billing"), {"balance": WARN}, "balance", "Invalid URL"),
    "an empty account": (
        {"route": "billing", "body": {"data": {"total_granted": 5, "total_used": 5, "total_available": 0}}},
        {"balance": FAIL},
        "balance",
        "0.00 USD left",
    ),
    "a clock years off": (
        {"headers": {"Date": "Tue, 01 Jan 2030 00:00:00 GMT"}},
        {"clock": FAIL},
        "clock",
        "days behind",
    ),
    "a date that is none": ({"headers": {"Date": "yesterday"}}, {"clock": SKIP}, "clock", "hold no time"),
}


@pytest.mark.parametrize(("fault", "ends", "check", "text"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_gateway_is_named(
    gateway: Emulator, fault: dict[str, Any], ends: dict[str, State], check: str, text: str
) -> None:
    gateway.fault(times=None, **{"route": "any", **fault})
    results = examined()
    assert states(results) == {**FINE, **ends}
    assert text in results[check].seen
    for result in results.values():
        assert bool(result.to_do) == (result.state in (WARN, FAIL)), result
        assert not re.search(r"(?<!\.)\.\.(?!\.)|[。!?]\.", f"{result.seen} {result.to_do}"), result


HELPED_BY_OTHERS = {
    "a firewall": ({"status": 403, "body": "error code: 1020"}, "allow the addresses of your workers"),
    "an upstream's key": (error(500, "Incorrect API key provided"), "Tell the gateway's operator"),
}


@pytest.mark.parametrize(("fault", "to_do"), HELPED_BY_OTHERS.values(), ids=HELPED_BY_OTHERS)
def test_who_can_help_is_named_by_every_check(gateway: Emulator, fault: dict[str, Any], to_do: str) -> None:
    gateway.fault(times=None, **fault)
    results = examined()
    assert all(to_do in results[check].to_do for check in ("routes", "models", "balance"))


def test_a_wrong_key_is_named(gateway: Emulator, connect: Callable[..., None]) -> None:
    connect(gateway.url, password="not-a-key-of-this-gateway")
    results = examined()
    assert states(results) == {**FINE, **KEY_FAILS}
    assert "无效的令牌 (HTTP 401" in results["key"].seen
    assert "API key field" in results["key"].to_do


def test_a_wrong_query_path_is_named_with_the_right_one(gateway: Emulator, connect: Callable[..., None]) -> None:
    connect(gateway.url, query_path="/v2/video/query")
    results = examined()
    assert states(results) == {**FINE, "routes": FAIL}
    assert "There is no GET /v2/video/query, but GET /v1/video/query answers" in results["routes"].seen
    assert "Write /v1/video/query into the Query path" in results["routes"].to_do


@pytest.mark.parametrize("name", ["https_proxy", "ALL_PROXY"])
def test_a_socks_proxy_of_the_environment_is_named(connect, monkeypatch, name):
    monkeypatch.setenv(name, "socks5h://127.0.0.1:1080")
    connect("https://gateway.invalid")
    result = examined()["address"]
    assert result.state is FAIL
    assert result.seen.startswith("The proxy of the environment is a SOCKS proxy")
    assert "requests[socks]" in result.to_do


# The connection's host and extra, and what the check of the address says.
UNREACHABLE = {
    "a closed port": ("http://127.0.0.1:{port}", {}, "accepts no connection: connection refused"),
    "an unknown name": ("https://gateway.invalid", {}, "gateway.invalid cannot be resolved"),
    "no proxy": ("https://gateway.invalid", {"proxy": "http://me:pass-word@127.0.0.1:{port}"}, "The proxy 127.0.0.1"),
}


@pytest.mark.parametrize(("host", "extra", "text"), UNREACHABLE.values(), ids=UNREACHABLE)
def test_an_address_that_cannot_be_reached(connect: Callable[..., None], host, extra, text) -> None:
    port = free_port()
    connect(host.format(port=port), **{name: value.format(port=port) for name, value in extra.items()})
    results = examined()
    assert (results["address"].state, text in results["address"].seen) == (FAIL, True)
    assert {results[check].state for check in ("key", "routes", "models", "balance", "clock")} == {SKIP}
    assert "pass-word" not in json.dumps(results)


def test_plain_http_to_the_internet_fails_and_the_key_is_not_sent(
    gateway: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "classify_address", lambda _: None)
    results = examined()
    assert results["address"].state is FAIL
    assert "https://" in results["address"].to_do
    assert gateway.requests == ()


def test_a_proxy_is_checked_in_place_of_the_gateway(gateway: Emulator, connect: Callable[..., None]) -> None:
    connect("http://gateway.invalid", proxy=gateway.url)
    results = examined()
    assert results["address"].state is OK
    assert "Through the proxy 127.0.0.1" in results["address"].seen
    assert results["key"].state is OK


def test_no_secret_is_repeated_whoever_says_it(gateway: Emulator, connect: Callable[..., None]) -> None:
    connect(gateway.url, extra_headers={"X-Team": "secret-header-value"})
    gateway.fault(times=None, status=401, body={"error": {"message": f"Bad {KEY} and secret-header-value"}})
    text = json.dumps(examine("sora2_default").to_dict())
    assert KEY not in text
    assert "secret-header-value" not in text
    assert "Bad *** and ***" in text


CONNECTIONS = {
    "none": (None, "There is no connection 'sora2_default'"),
    "of another type": ({"conn_type": "http", "password": KEY}, "is of the type 'http'"),
    "without a key": ({"conn_type": "sora2"}, "has no API key"),
    "without a scheme": ({"conn_type": "sora2", "host": "gateway", "password": KEY}, "it must begin with https://"),
}


@pytest.mark.parametrize(("connection", "text"), CONNECTIONS.values(), ids=CONNECTIONS)
def test_a_connection_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, connection: dict[str, str] | None, text: str
) -> None:
    if connection is not None:
        monkeypatch.setenv("AIRFLOW_CONN_SORA2_DEFAULT", json.dumps(connection))
    report = examine("sora2_default")
    assert not report.is_healthy
    first, *rest = [result for result in report.results if result.check not in INSTALLATION]
    assert (first.check, first.state) == ("connection", FAIL)
    assert text in first.seen
    assert first.to_do
    assert {result.state for result in rest} == {SKIP}
    assert [result.check for result in rest] == ["address", "key", "routes", "models", "balance", "clock"]


def test_a_report_is_healthy_without_failures() -> None:
    results = tuple(CheckResult(str(state), state, "") for state in (OK, WARN, SKIP))
    assert Report("c", "", results).is_healthy
    assert not Report("c", "", (*results, CheckResult("x", FAIL, ""))).is_healthy
