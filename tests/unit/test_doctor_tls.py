"""``doctor``: the certificate is checked with the CA bundle that tasks use, before the key is sent."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme

from sora2_provider.cli.doctor.examine import examine
from sora2_provider.cli.doctor.report import CheckResult, State
from sora2_provider.emulator import Emulator

OK, WARN, FAIL, SKIP = State.OK, State.WARN, State.FAIL, State.SKIP


def examined() -> dict[str, CheckResult]:
    return {result.check: result for result in examine("sora2_default").results}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


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
def serving_tls(authority: trustme.CA) -> Iterator[int]:
    """Serve with a certificate that is valid for a day more."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    authority.issue_cert("localhost", not_after=tomorrow).configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# Whether the CA is known, the environment, how the checks end, and what ``tls`` says.
CERTIFICATES: dict[str, tuple[Any, dict[str, str], dict[str, State], str]] = {
    "expires soon": ("CA", {}, {"tls": WARN, "routes": OK}, "TLSv1.3; the certificate is valid for 1 more days"),
    "of an unknown CA": (None, {}, {"tls": FAIL, "key": SKIP}, "The certificate of localhost is not accepted"),
    "not verified": (False, {}, {"tls": WARN, "routes": OK}, "not verified"),
    "with a CA bundle of the environment that is missing": (
        None,
        {"REQUESTS_CA_BUNDLE": "/nowhere/ca.pem"},
        {"tls": FAIL, "key": SKIP},
        "/nowhere/ca.pem cannot be read: no such file",
    ),
}


@pytest.mark.parametrize(("verify", "environment", "ends", "text"), CERTIFICATES.values(), ids=CERTIFICATES)
def test_a_certificate(authority, connect, monkeypatch, tmp_path, verify, environment, ends, text) -> None:
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(bundle)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with serving_tls(authority) as port:
        connect(f"https://localhost:{port}", verify_tls=str(bundle) if verify == "CA" else verify)
        results = examined()
    assert results["address"].state is OK
    assert {check: results[check].state for check in ends} == ends
    assert text in results["tls"].seen
    assert "Verify TLS" in results["tls"].to_do or ends["tls"] is WARN


def test_https_to_a_port_that_speaks_http(gateway: Emulator, connect: Callable[..., None]) -> None:
    connect(gateway.url.replace("http://", "https://"))
    results = examined()
    assert (results["tls"].state, results["key"].state) == (FAIL, SKIP)
    assert "has no working TLS: wrong version number" in results["tls"].seen
