"""An exchange that ended without an answer, in words that both clients share."""

from __future__ import annotations

import ssl
from dataclasses import KW_ONLY, dataclass, field

from sora2_provider.gateway.errors import GatewayError, GatewayUnavailable, InvalidRequest

SILENT = "no answer within the read timeout"
NOT_HTTP = "the answer cannot be read as HTTP"
CUT = "closed before the answer was complete"
CLOSED = "closed at once"

#: TLS errors that a handshake with the same server ends with again.
_LASTING_TLS_ERRORS = (
    *("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNSUPPORTED_PROTOCOL"),
    *("TLSV1_ALERT_PROTOCOL_VERSION", "SSLV3_ALERT_HANDSHAKE_FAILURE"),
)


@dataclass(eq=False)
class NoResponse(Exception):
    """An exchange ended without an answer.

    :param reason: what happened, in a few words without the URL.
    :param sent: whether the request may have reached the server.
    :param permanent: trying again would end the same way.
    :param to_do: what a person does next, where this says more than the class of the error.
    :param began: what came of the answer before it broke off, without the key.
    """

    reason: str
    _: KW_ONLY
    sent: bool
    permanent: bool = False
    to_do: str = ""
    began: bytes = field(default=b"", repr=False)

    def as_error(self, what: str) -> GatewayError:
        """Return the error for a call that may be made again safely."""
        message = f"{what}: {self.reason}."
        if self.permanent:
            return InvalidRequest(message, to_do=self.to_do)
        return GatewayUnavailable(message, transient=True, to_do=self.to_do)


def tls_failed(error: Exception) -> NoResponse:
    """Return the ending of a handshake that failed."""
    lasting = isinstance(error, ssl.SSLError) and error.reason in _LASTING_TLS_ERRORS
    to_do = (
        "If the server has a CA of its own, write the path of its CA bundle into Verify TLS of the connection; if it speaks no "
        "TLS, its address begins with http://."
    )
    return NoResponse(f"TLS failed ({_tls_text(error)})", sent=False, permanent=lasting, to_do=to_do if lasting else "")


def tls_broke(error: ssl.SSLError) -> NoResponse:
    """Return the ending of a TLS connection over which the request was sent."""
    return NoResponse(f"the TLS connection broke ({_tls_text(error)})", sent=True)


def proxy_refused(status: str) -> NoResponse:
    """Return the ending at a proxy that does not open a tunnel, by its status and reason."""
    return NoResponse(
        f"the proxy refused ({status.strip().lower()}): check the Proxy field of the connection",
        sent=False,
    )


def _tls_text(error: Exception) -> str:
    reason = getattr(error, "reason", "") or "handshake"
    return getattr(error, "verify_message", "") or str(reason).replace("_", " ").lower()
