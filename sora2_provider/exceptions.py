"""What the author of a DAG may catch, besides the errors of :mod:`sora2_provider.gateway.errors`."""

from __future__ import annotations

from sora2_provider.compat import AirflowException, AirflowFailException


class InvalidParameter(AirflowFailException, ValueError):
    """A parameter or a connection that cannot work. Raised before anything is sent; a retry would change nothing."""


class RenderingFailed(AirflowException):
    """A rendering ended without a video, and the same request may well succeed: Airflow's retries may submit it again."""


class LeftRendering(AirflowException):
    """A task ends before its video is delivered, and a retry goes on with the same video: nothing is submitted again."""


class CapReached(AirflowException):
    """A connection's creates of this hour or day are used up. A later retry may submit.

    :param retry_after: seconds until then.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BalanceTooLow(AirflowFailException):
    """The account has less left than the connection wants to keep. Topping up helps, a retry does not."""
