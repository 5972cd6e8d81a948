"""What can go wrong at the gateway: one class for each thing that a caller does about it.

A caller that only wants to know whether to try again reads :attr:`GatewayError.transient`.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass


def as_sentence(text: str) -> str:
    """Return a text with a stop at its end: the words of a gateway may lack one."""
    return text if not text or text.endswith((".", "!", "?", "。", "！", "？")) else f"{text}."


@dataclass(eq=False, repr=False)
class GatewayError(Exception):
    """A call to the gateway failed.

    :param message: what happened, in the gateway's own words where it said any. Never a whole response body.
    :param code: the gateway's machine-readable code, the innermost one where codes are nested.
    :param http_status: the HTTP status of the answer; ``None`` when there was no answer.
    :param request_id: the gateway's id of the request, which its support asks for.
    :param retry_after: seconds to wait before the next call, where the gateway named a time.
    :param transient: the same call may succeed later, and nothing was accepted.
    :param to_do: what a person does next, where that is not what the class says.
    :ivar remedy: what a person does next; shown at the end of a task's message.
    """

    remedy = "Look at the gateway's answer above, and at its status page."

    message: str
    _: KW_ONLY
    code: str | None = None
    http_status: int | None = None
    request_id: str | None = None
    retry_after: float | None = None
    transient: bool = False
    to_do: str = ""

    def __post_init__(self) -> None:
        super().__init__(self.message)
        self.remedy = self.to_do or self.remedy

    def __str__(self) -> str:
        """Return the message with what support asks for: ``text (HTTP 429, code x, request y)``."""
        facts = {"HTTP": self.http_status, "code": self.code, "request": self.request_id}
        known = ", ".join(f"{name} {fact}" for name, fact in facts.items() if fact not in (None, ""))
        return f"{self.message} ({known})" if known else self.message


class AuthenticationError(GatewayError):
    """The gateway does not accept the API key."""

    remedy = "Put a valid API key into the API key field (password) of the connection, then clear the task."


class PermissionDenied(GatewayError):
    """The key is known, but may not do this: another model group, a blocked address, a closed account."""

    remedy = "Give the key the right to use this model in the gateway's console, or choose another model."


class InsufficientBalance(GatewayError):
    """The account or the key has no money left."""

    remedy = "Top up the account, or raise the key's limit, in the gateway's console, then clear the task."


class InvalidRequest(GatewayError):
    """A parameter, the model's name or the route is wrong: the same request fails again."""

    remedy = (
        "Correct the parameter that the gateway names. If it names the URL, correct the connection's base URL "
        "or its paths."
    )


class ContentRejected(GatewayError):
    """The gateway's moderation refused the prompt, an image or the rendering."""

    remedy = (
        "This is moderation: the same input is refused again. Change the prompt or the images, then clear the task."
    )


class VideoNotFound(GatewayError):
    """The gateway does not know a video of this id (or no longer does)."""

    remedy = "Check the id, and that the connection is the one the video was created with."


class RateLimited(GatewayError):
    """The gateway answers HTTP 429: too many requests, or too much load."""

    remedy = "Try again later. A pool with few slots keeps a DAG below the gateway's limit."


class GatewayUnavailable(GatewayError):
    """The gateway, the network or the upstream model cannot serve this call now."""

    remedy = "Try again later. If it lasts, check the connection's base URL and the gateway's status page."


class UnreadableResponse(GatewayError):
    """An answer that cannot be read: an HTML page, cut JSON, nothing at all."""

    remedy = "Check the connection's base URL: this is what a web site or a proxy answers, not the gateway's API."


class InternalAddress(GatewayError):
    """A video's link leads to an address inside a network. Nothing was sent there."""

    remedy = (
        "If your videos are really kept there, tick Allow internal links (extra.allow_internal_links) in the connection, "
        "then clear the task."
    )


class FileTooLarge(GatewayError):
    """A video's file is larger than the connection allows."""

    remedy = "If such a file is expected, raise Max video size (extra.max_video_mb, in MB) in the connection, then clear the task."


class SubmissionUnknown(GatewayError):
    """A create was sent and its answer was lost: whether a video is rendering, and billed, is not known.

    Never transient. No call can tell, without idempotency keys and a list route: a person must look.
    """

    remedy = (
        "Look into the gateway's console for a video of this time: if there is one, pick it up with "
        "Sora2VideoSensor(video_id=...); if there is none, clear the task to submit again."
    )
