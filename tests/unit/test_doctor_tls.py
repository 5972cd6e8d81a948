"""``doctor``: the certificate is checked with the CA bundle that tasks use, before the key is sent."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest
import trustme

from sora2_provider.cli.doctor.report import State
from sora2_provider.emulator import Emulator
from tests.unit.link_hosts import LinkHost, answer
from tests.unit.test_doctor import FAIL, OK, SKIP, WARN, examined


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


class TlsHost(LinkHost):
    """Answers "no such task", with a certificate that is valid for a day more."""

    def __init__(self, authority: trustme.CA) -> None:
        tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", not_after=tomorrow).configure_cert(self._context)
        refusal = answer(b'{"code": "task_not_exist", "message": "task_not_exist"}', status="400 Bad Request")
        super().__init__(refusal, address="127.0.0.1")

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            super()._answer(self._context.wrap_socket(connection, server_side=True))


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
    with TlsHost(authority) as host:
        connect(f"https://localhost:{host.port}", verify_tls=str(bundle) if verify == "CA" else verify)
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
