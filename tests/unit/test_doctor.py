"""``doctor``: a connection is examined end to end over real HTTP, nothing is paid, and each fault is named."""

from __future__ import annotations

import contextlib
import http.server
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import pytest

from dev.harness.processes import free_port
from sora2_provider import compat
from sora2_provider.cli.doctor import examine as doctor
from sora2_provider.cli.doctor import installation
from sora2_provider.cli.doctor import network as address
from sora2_provider.cli.doctor.report import CheckResult, Report, State
from sora2_provider.emulator import Emulator
from sora2_provider.storage import Target
from tests.benchmarks.certificate import Certificate, make_certificate

KEY = "sk-secret-of-the-tests-4711"
OK, WARN, FAIL, SKIP = State.OK, State.WARN, State.FAIL, State.SKIP
HERE = ("storage", "triggerer", "versions")


def examined(conn_id: str = "sora2_default") -> dict[str, CheckResult]:
    """Return the results by their check, in their order."""
    return {result.check: result for result in doctor.examine(conn_id).results}


def states(results: dict[str, CheckResult]) -> dict[str, State]:
    """Return how the checks of the gateway ended: those of this machine have tests of their own."""
    return {check: result.state for check, result in results.items() if check not in HERE}


def test_less_is_left_than_the_connection_keeps_back(gateway, connect):
    connect(gateway.url, min_balance="100.5")
    result = examined()["balance"]
    assert result.state is FAIL
    assert "100.00 USD left. The connection keeps 100.50 USD back" in result.seen
    connect(gateway.url, min_balance="2500000 quota")
    assert "a number of points" in examined()["balance"].seen
    gateway.fault(route="billing", status=404, body={"error": {"message": "Invalid URL"}}, times=9)
    assert examined()["balance"].state is FAIL


def test_a_cap_wants_a_place_to_count(gateway, connect, monkeypatch, tmp_path):
    assert "caps" not in examined()
    connect(gateway.url, max_creates_per_hour="5")
    assert examined()["caps"].state is FAIL
    monkeypatch.setenv("AIRFLOW__SORA2__SPENDING_PATH", str(tmp_path))
    result = examined()["caps"]
    assert (result.state, list(tmp_path.iterdir())) == (OK, [])
    connect(gateway.url, max_creates_per_hour="many")
    assert "max_creates_per_hour" in examined()["connection"].seen


@pytest.fixture(autouse=True)
def nothing_was_paid(request: pytest.FixtureRequest) -> Iterator[None]:
    emulator = request.getfixturevalue("gateway") if "gateway" in request.fixturenames else None
    yield
    if emulator is not None:
        assert emulator.billed == ()
        assert not [one for one in emulator.requests if one.route == "create" or one.method != "GET"]


FINE = {"connection": OK, "address": OK, "key": OK, "routes": OK, "models": OK, "balance": OK, "clock": OK}


def test_a_good_connection_passes_every_check(gateway: Emulator) -> None:
    results = examined()
    assert states(results) == FINE
    assert not any(result.to_do for check, result in results.items() if check not in HERE)
    assert "100.00 USD" in results["balance"].seen
    assert {one.route for one in gateway.requests} == {"models", "query", "billing"}


# What the emulator does, how the checks end that differ from the good ones, and what the one that matters says.
FAULTS: dict[str, tuple[dict[str, Any], dict[str, State], str, str]] = {
    "an odd 401": (
        {"status": 401, "body": {"detail": "who are you"}},
        {"key": FAIL, "routes": SKIP, "models": SKIP, "balance": SKIP},
        "key",
        "who are you",
    ),
    "a key that may not": (
        {"status": 403, "body": {"error": {"message": "This token has no access to this group"}}},
        {"key": FAIL, "routes": SKIP, "models": SKIP, "balance": SKIP},
        "key",
        "no access to this group",
    ),
    "models for everybody, the rest for a key": (
        {"route": "query", "status": 401, "body": {"error": {"message": "bad key"}}},
        {"key": FAIL, "routes": SKIP},
        "key",
        "bad key",
    ),
    "a web page": (
        {"html": True},
        {"key": SKIP, "routes": FAIL, "models": SKIP, "balance": SKIP},
        "routes",
        "AI gateway console",
    ),
    "a redirect": (
        {"redirect": "https://elsewhere.example.com/"},
        {"key": SKIP, "routes": FAIL, "models": SKIP, "balance": SKIP},
        "routes",
        "elsewhere.example.com",
    ),
    "a proxy's error page": (
        {"html": True, "status": 502},
        {"key": SKIP, "routes": FAIL, "models": WARN, "balance": WARN},
        "routes",
        "502",
    ),
    "silence": (
        {"reset": "before"},
        {"key": SKIP, "routes": FAIL, "models": WARN, "balance": WARN, "clock": SKIP},
        "routes",
        "the connection broke",
    ),
    "too many requests": (
        {"route": "query", "status": 429, "body": {"error": {"message": "slow down"}}},
        {"routes": WARN},
        "routes",
        "slow down",
    ),
    "a state for whatever id": (
        {"route": "query", "body": {"id": "x", "status": "pending"}},
        {"routes": WARN},
        "routes",
        'a status ("pending") even of a video that cannot exist',
    ),
    "a gateway that checks ids by their form": (
        {"route": "query", "status": 422, "body": {"error": {"message": "id: not a UUID"}}},
        {},
        "routes",
        "not a UUID",
    ),
    "no list of models": (
        {"route": "models", "status": 404, "body": {"error": {"message": "Invalid URL (GET /v1/models)"}}},
        {"models": WARN},
        "models",
        "Invalid URL",
    ),
    "another model": (
        {"route": "models", "body": {"data": [{"id": "veo3.1"}, {"id": "sora-2-pro"}]}},
        {"models": WARN},
        "models",
        "sora-2 is not among the models of this key: veo3.1, sora-2-pro.",
    ),
    "no billing routes": (
        {"route": "billing", "status": 404, "body": {"error": {"message": "Invalid URL"}}},
        {"balance": WARN},
        "balance",
        "Invalid URL",
    ),
    "an empty account": (
        {"route": "billing", "body": {"data": {"total_granted": 5, "total_used": 5, "total_available": 0}}},
        {"balance": FAIL},
        "balance",
        "0.00 USD left",
    ),
    "a clock that is years off": (
        {"headers": {"Date": "Tue, 01 Jan 2030 00:00:00 GMT"}},
        {"clock": FAIL},
        "clock",
        "days behind the gateway's",
    ),
    "a date that is none": ({"headers": {"Date": "yesterday"}}, {"clock": SKIP}, "clock", "tells no time"),
}


@pytest.mark.parametrize(("fault", "ends", "check", "text"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_gateway_is_named(
    gateway: Emulator, fault: dict[str, Any], ends: dict[str, State], check: str, text: str
) -> None:
    gateway.fault(times=None, **fault)
    results = examined()
    assert states(results) == {**FINE, **ends}
    assert text in results[check].seen
    for result in results.values():
        assert bool(result.to_do) == (result.state in (WARN, FAIL)), result


def test_a_wrong_key_is_the_keys_fault_alone(gateway: Emulator, connect: Callable[..., None]) -> None:
    connect(gateway.url, password="not-a-key-of-this-gateway")
    results = examined()
    assert states(results) == {**FINE, "key": FAIL, "routes": SKIP, "models": SKIP, "balance": SKIP}
    assert "无效的令牌 (HTTP 401" in results["key"].seen
    assert "API key field" in results["key"].to_do


def test_a_wrong_query_path_is_told_with_the_right_one(gateway: Emulator, connect: Callable[..., None]) -> None:
    connect(gateway.url, query_path="/v2/video/query")
    results = examined()
    assert states(results) == {**FINE, "key": OK, "routes": FAIL}
    assert "There is no GET /v2/video/query, but GET /v1/video/query answers" in results["routes"].seen
    assert "Write /v1/video/query into the Query path" in results["routes"].to_do


def test_a_route_that_says_not_found_like_any_other_is_no_route(gateway: Emulator) -> None:
    gateway.fault(route="any", times=None, status=404, body={"detail": "Not Found"})
    results = examined()
    assert results["routes"].state is FAIL
    assert "There is no GET /v1/video/query" in results["routes"].seen


def test_a_route_that_says_not_found_in_words_of_its_own_is_one(gateway: Emulator) -> None:
    gateway.fault(route="query", times=None, status=404, body={"detail": "Task not found"})
    assert states(examined()) == FINE


def test_a_port_that_nobody_listens_on(connect: Callable[..., None]) -> None:
    connect(f"http://127.0.0.1:{free_port()}")
    results = examined()
    asked = ("key", "routes", "models", "balance", "clock")
    assert states(results) == {"connection": OK, "address": FAIL, **dict.fromkeys(asked, SKIP)}
    assert "takes no connection: connection refused" in results["address"].seen


def test_a_name_that_nobody_has(connect: Callable[..., None]) -> None:
    connect("https://gateway.invalid")
    results = examined()
    assert (results["address"].state, results["key"].state) == (FAIL, SKIP)
    assert "gateway.invalid cannot be resolved" in results["address"].seen


def test_plain_http_to_the_internet_fails_and_the_key_is_not_sent(
    gateway: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address, "kind_of", lambda _: None)
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


def test_a_proxy_that_is_away_is_named(connect: Callable[..., None]) -> None:
    connect("https://gateway.invalid", proxy=f"http://me:pass-of-the-proxy@127.0.0.1:{free_port()}")
    report = doctor.examine("sora2_default")
    results = {result.check: result for result in report.results}
    assert results["address"].state is FAIL
    assert "The proxy 127.0.0.1" in results["address"].seen
    assert "pass-of-the-proxy" not in json.dumps(report.to_dict())


def test_no_secret_is_repeated_whoever_says_it(gateway: Emulator, connect: Callable[..., None]) -> None:
    connect(gateway.url, extra_headers={"X-Team": "secret-header-value"})
    gateway.fault(times=None, status=401, body={"error": {"message": f"Bad {KEY} and secret-header-value"}})
    text = json.dumps(doctor.examine("sora2_default").to_dict())
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
    report = doctor.examine("sora2_default")
    assert not report.is_healthy
    first, *rest = [result for result in report.results if result.check not in HERE]
    assert (first.check, first.state) == ("connection", FAIL)
    assert text in first.seen
    assert first.to_do
    assert {result.state for result in rest} == {SKIP}
    assert [result.check for result in rest] == ["address", "key", "routes", "models", "balance", "clock"]


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


class _Refusing(http.server.BaseHTTPRequestHandler):
    """Answers everything with "no such task"."""

    def do_GET(self) -> None:
        body = b'{"code": "task_not_exist", "message": "task_not_exist", "data": null}'
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving_tls(certificate: Certificate) -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_certificate_that_ends_soon_is_worth_a_word(certificate: Certificate, connect: Callable[..., None]) -> None:
    with serving_tls(certificate) as port:
        connect(f"https://localhost:{port}", verify_tls=str(certificate.authority))
        results = examined()
    assert (results["address"].state, results["tls"].state, results["routes"].state) == (OK, WARN, OK)
    assert "TLSv1.3; the certificate is valid for 1 more days" in results["tls"].seen


def test_a_certificate_of_an_unknown_authority_is_refused_and_no_key_is_sent(
    certificate: Certificate, connect: Callable[..., None]
) -> None:
    with serving_tls(certificate) as port:
        connect(f"https://localhost:{port}")
        results = examined()
    assert (results["tls"].state, results["key"].state) == (FAIL, SKIP)
    assert "certificate" in results["tls"].seen
    assert "Verify TLS" in results["tls"].to_do


def test_certificates_that_are_not_verified_are_a_warning(
    certificate: Certificate, connect: Callable[..., None]
) -> None:
    with serving_tls(certificate) as port:
        connect(f"https://localhost:{port}", verify_tls=False)
        results = examined()
    assert (results["tls"].state, results["routes"].state) == (WARN, OK)


def test_https_to_a_port_that_speaks_http(gateway: Emulator, connect: Callable[..., None]) -> None:
    connect(gateway.url.replace("http://", "https://"))
    results = examined()
    assert (results["tls"].state, results["key"].state) == (FAIL, SKIP)
    assert "does not speak TLS as it should: wrong version number" in results["tls"].seen


def test_a_ca_bundle_of_the_environment_that_is_missing_is_named(
    certificate: Certificate, connect: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with serving_tls(certificate) as port:
        connect(f"https://localhost:{port}")
        results = examined()
    assert results["tls"].state is FAIL
    assert "/nowhere/ca.pem cannot be read: no such file" in results["tls"].seen


# This machine's Airflow


def test_a_state_path_is_tried_with_a_file_that_is_removed(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path / "records"))
    result = installation.check_storage()
    assert result.state is OK
    assert "All workers must share it" in result.seen
    assert list((tmp_path / "records").iterdir()) == []


def test_a_state_path_that_cannot_be_written_fails(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "records").write_text("a file, and no folder")
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path / "records"))
    result = installation.check_storage()
    assert result.state is FAIL
    assert str(tmp_path / "records") in result.seen
    assert "create tasks submit nothing" in result.to_do


def test_a_storage_that_creates_over_a_file_is_a_warning(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path))
    monkeypatch.setattr(Target, "create", lambda self, content: self.write(lambda file: file.write(content)))
    result = installation.check_storage()
    assert result.state is WARN
    assert "created over another one" in result.seen


def test_without_a_place_for_records_airflow_3_3_serves_and_earlier_ones_are_warned_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compat, "never_expire", lambda: None)
    assert installation.check_storage().state is WARN
    monkeypatch.setattr(compat, "never_expire", lambda: object())
    assert installation.check_storage().state is OK
    monkeypatch.setenv("AIRFLOW__STATE_STORE__CLEAR_ON_SUCCESS", "True")
    assert 'on_clear="reuse" finds nothing' in installation.check_storage().seen


def test_a_triggerer_that_cannot_be_asked_about_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("no such table: job")

    monkeypatch.setattr(compat, "latest_triggerer", broken)
    assert installation.check_triggerer().state is SKIP


@pytest.mark.parametrize(("default_deferrable", "state"), [("True", FAIL), ("False", WARN)])
def test_no_triggerer_is_as_bad_as_it_is_needed(
    monkeypatch: pytest.MonkeyPatch, default_deferrable: str, state: State
) -> None:
    monkeypatch.setattr(compat, "latest_triggerer", lambda: None)
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", default_deferrable)
    assert installation.check_triggerer().state is state


def test_the_installed_versions_are_what_this_package_asks_for() -> None:
    result = installation.check_versions()
    assert result.state is OK
    assert metadata.version("apache-airflow") in result.seen


def test_packages_that_are_too_old_or_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["requests>=999", "no-such-package-of-anybody>=1", "pendulum>=3.0", "av>=13; extra == 'emulator'"]
    monkeypatch.setattr(metadata, "requires", lambda _: asked)
    result = installation.check_versions()
    assert result.state is FAIL
    assert f"requests>=999 (installed: {metadata.version('requests')})" in result.seen
    assert "no-such-package-of-anybody>=1 (not installed)" in result.seen
    assert "pendulum" not in result.seen
    assert "av>=13" not in result.seen


def test_a_report_is_healthy_without_failures() -> None:
    results = tuple(CheckResult(str(state), state, "") for state in (OK, WARN, SKIP))
    assert Report("c", "", results).is_healthy
    assert not Report("c", "", (*results, CheckResult("x", FAIL, ""))).is_healthy
