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
    :param began: what came of the answer before it broke off, without the key.
    """

    reason: str
    _: KW_ONLY
    sent: bool
    permanent: bool = False
    began: bytes = field(default=b"", repr=False)

    def as_error(self, what: str) -> GatewayError:
        """Return the error for a call that may be made again safely."""
        message = f"{what}: {self.reason}."
        return InvalidRequest(message) if self.permanent else GatewayUnavailable(message, transient=True)


def tls_failed(error: Exception) -> NoResponse:
    """Return the ending of a handshake that failed."""
    lasting = isinstance(error, ssl.SSLError) and error.reason in _LASTING_TLS_ERRORS
    return NoResponse(f"TLS failed ({_tls_text(error)})", sent=False, permanent=lasting)


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
