"""What the author of a DAG may catch, besides the errors of :mod:`sora2_provider.gateway.errors`.

::

    Sora2Error              a task ended without what it is for; Airflow's retries may help
    ├── RenderingFailed     the rendering ended without a video; a retry may submit the request again
    ├── LeftRendering       the video goes on rendering; a retry picks it up
    ├── CapReached          the connection's creates of this hour or day are used up
    └── FinalError          a retry would pay again, or change nothing: Airflow does not retry
        ├── InvalidParameter    a parameter or a connection that cannot work
        └── BalanceTooLow       the account has less left than the connection's minimum

Every one says what happened, what became of the money, and what to do next.
"""

from __future__ import annotations

import enum

from sora2_provider.compat import AirflowException, AirflowFailException
from sora2_provider.gateway import errors
from sora2_provider.gateway.errors import as_sentence


class Fate(enum.StrEnum):
    """What became of the money."""

    NOTHING_SENT = "Nothing was sent, and nothing was paid."
    NOTHING_PAID = "Nothing was paid for this call."
    RENDERING = "The video goes on rendering and is paid for."
    RENDERED = "The video is rendered and paid for."
    UNKNOWN = "A video may be rendering, and billed."
    FAILED = "Failed renderings are usually refunded: look at your balance."
    FREE_QUESTION = "Asking costs nothing."
    FREE_DOWNLOAD = "Downloads cost nothing."
    UNSAID = ""


class Sora2Error(AirflowException):
    """A task ended without what it is for, and Airflow's retries may help.

    Its text is the three parts in their order.

    :param problem: what happened, with the gateway's own words where it said any.
    :param fate: what became of the money.
    :param remedy: what to do next.
    """

    #: Whether Airflow retries the task.
    retry = True

    def __init__(self, problem: str, fate: Fate | str = Fate.UNSAID, remedy: str = "") -> None:
        self.problem = problem
        self.fate = fate
        self.remedy = remedy
        rest = [part for part in (str(fate), remedy) if part]
        super().__init__(" ".join([as_sentence(problem), *rest]) if rest else problem)


class FinalError(Sora2Error, AirflowFailException):
    """A task failed, and a retry would pay again or change nothing: Airflow does not retry it."""

    retry = False


class InvalidParameter(FinalError, ValueError):
    """A parameter or a connection that cannot work. Raised before anything is sent."""


class RenderingFailed(Sora2Error):
    """A rendering ended without a video. The same request may succeed, so a retry may submit it again."""


class LeftRendering(Sora2Error):
    """A task ended before its video was delivered. A retry picks the same video up; nothing is submitted again."""


class CapReached(Sora2Error):
    """A connection's creates of this hour or day are used up. A later retry may submit.

    :param retry_after: seconds until then.
    """

    def __init__(self, problem: str, retry_after: float = 0.0, *, fate: Fate = Fate.UNSAID, remedy: str = "") -> None:
        super().__init__(problem, fate, remedy)
        self.retry_after = retry_after


class BalanceTooLow(FinalError):
    """The balance is below the connection's ``min_balance``. Topping up helps; a retry does not."""


class FinalGatewayError(errors.GatewayError, AirflowFailException):
    """A gateway's error that Airflow does not retry: this one and those below are what the hook's create raises."""


class FinalAuthenticationError(errors.AuthenticationError, AirflowFailException):
    """The same, not retried."""


class FinalPermissionDenied(errors.PermissionDenied, AirflowFailException):
    """The same, not retried."""


class FinalInsufficientBalance(errors.InsufficientBalance, AirflowFailException):
    """The same, not retried."""


class FinalInvalidRequest(errors.InvalidRequest, AirflowFailException):
    """The same, not retried."""


class FinalContentRejected(errors.ContentRejected, AirflowFailException):
    """The same, not retried."""


class FinalUnreadableResponse(errors.UnreadableResponse, AirflowFailException):
    """The same, not retried."""


class FinalSubmissionUnknown(errors.SubmissionUnknown, AirflowFailException):
    """The same, not retried."""
