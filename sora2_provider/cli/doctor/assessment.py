"""What a gateway's answers mean for its connection. Pure: answers in, findings out."""

from __future__ import annotations

from sora2_provider.cli.doctor.probes import QUERY_PATHS, Answers, Question
from sora2_provider.cli.doctor.report import Finding, fail, ok, skip, warn
from sora2_provider.gateway.errors import (
    AuthenticationError,
    GatewayError,
    InsufficientBalance,
    InvalidRequest,
    PermissionDenied,
    RateLimited,
    UnreadableResponse,
    VideoNotFound,
)
from sora2_provider.gateway.models import Balance, Video
from sora2_provider.spending.limits import LeastBalance

DEFAULT_MODEL = "sora-2"

#: What it takes to believe a clock wrong: answers take seconds, and the header has whole ones.
_CLOCK_IS_OFF = 60.0
#: S3 refuses requests that are signed by a clock that is off by more.
_CLOCK_IS_REFUSED = 900.0
_UNITS = {"usd": "USD", "quota": "points"}
_NO_LEAST = "Until then create tasks submit nothing: correct min_balance in the connection's extra or in [sora2], or take it out."
_CHECKS = ("key", "routes", "models", "balance", "clock")


def judge(answers: Answers, *, create_path: str, least: LeastBalance | None = None) -> list[Finding]:
    """Return the checks of the key, the routes, the models, the balance and the clock."""
    return [
        judge_key(answers),
        judge_routes(answers.query, answers.other_path, create_path=create_path),
        judge_models(answers.models),
        judge_balance(answers.balance, least),
        judge_clock(answers.skew),
    ]


def not_asked(why: str) -> list[Finding]:
    """Return the same checks where the gateway could not be asked."""
    return [skip(check, why) for check in _CHECKS]


def judge_key(answers: Answers) -> Finding:
    """Judge by the models and the query route: a gateway may list its models to everybody."""
    heard = (answers.models, answers.query.answer)
    refused = next((one for one in heard if isinstance(one, (AuthenticationError, PermissionDenied))), None)
    if isinstance(refused, AuthenticationError):
        to_do = (
            "Copy the key anew from the gateway's console into the API key field (password). If it is the right one, the Base "
            "URL may be another gateway's."
        )
        return fail("key", f"The gateway does not accept it: {refused}.", to_do)
    if refused is not None:
        return fail("key", f"The gateway knows it, but refuses: {refused}.", _without_clearing(refused.remedy))
    if answers.query.is_served:
        return ok("key", "Accepted.")
    if isinstance(answers.models, tuple):
        return ok("key", "Accepted for the list of models; the query route did not judge it.")
    return skip("key", "No route has judged it: see routes.")


def judge_routes(query: Question, other_path: str, *, create_path: str) -> Finding:
    """Judge by what the query route says of an id that cannot exist. The create route would cost money."""
    asked, answer = f"GET {query.path}", query.answer
    if query.is_served:
        return ok("routes", f"{asked} answers. (POST {create_path} was not called: that costs money.)")
    if isinstance(answer, Video):
        return warn(
            "routes",
            f'{asked} tells a status ("{answer.status_word or answer.status.value}") even of a video that cannot exist.',
            "If tasks work, nothing: this gateway will not tell you of a mistyped id, which is then waited for in vain.",
        )
    if isinstance(answer, (AuthenticationError, PermissionDenied, InsufficientBalance)):
        return skip("routes", f"{asked} asks for a key that is accepted first.")
    if isinstance(answer, UnreadableResponse):
        return fail(
            "routes", str(answer), f"{answer.remedy} It must be the address that the gateway's API guide names."
        )
    if isinstance(answer, RateLimited):
        return warn("routes", f"{asked} is busy: {answer}.", _without_clearing(answer.remedy))
    if other_path:
        return fail(
            "routes",
            f"There is no {asked}, but GET {other_path} answers as it should.",
            f"Write {other_path} into the Query path field of the connection.",
        )
    if isinstance(answer, VideoNotFound) or answer.http_status in (404, 405):
        paths = " or ".join(QUERY_PATHS)
        return fail(
            "routes",
            f"There is no {asked}: {answer}.",
            f"Correct the Base URL and the Query path. Gateways of this family have {paths}.",
        )
    if isinstance(answer, InvalidRequest) and answer.http_status in (400, 422):
        return ok("routes", f"{asked} answers; it refuses a made-up id with: {answer}.")
    return fail("routes", f"{asked}: {answer}.", _without_clearing(answer.remedy))


def judge_models(models: tuple[str, ...] | GatewayError) -> Finding:
    """Judge whether the model that tasks ask for by default is to be had."""
    if isinstance(models, GatewayError):
        return _unanswered(
            "models", "The list of models", models, "Nothing, where tasks work: the list is a convenience."
        )
    if DEFAULT_MODEL in models:
        others = [name for name in models if name != DEFAULT_MODEL]
        also = f", and {_some(others)}" if others else ""
        return ok("models", f"{DEFAULT_MODEL} is offered{also}.")
    return warn(
        "models",
        f"{DEFAULT_MODEL} is not among the models of this key: {_some(models) or 'it has none'}.",
        f"Have {DEFAULT_MODEL} enabled for the key in the gateway's console, or write model=... in your tasks.",
    )


def judge_balance(balance: Balance | GatewayError, least: LeastBalance | None = None) -> Finding:
    """Judge whether a create can be paid for.

    :param least: the balance below which the connection submits nothing.
    """
    if least is not None and (
        isinstance(balance, GatewayError) or (balance.remaining is None and not balance.unlimited)
    ):
        seen = balance if isinstance(balance, GatewayError) else "the gateway does not say what is left"
        return fail("balance", f"The connection has a min_balance, and there is no balance: {seen}.", _NO_LEAST)
    if isinstance(balance, GatewayError):
        return _unanswered("balance", "The balance", balance, "Look into the gateway's console now and then.")
    if balance.unlimited:
        return ok("balance", "Without a limit.")
    if balance.remaining is None:
        return warn(
            "balance", "The gateway does not say what is left.", "Look into the gateway's console now and then."
        )
    unit = _UNITS[balance.unit]
    left = f"{balance.remaining:,.2f} {unit} left."
    if least is not None and balance.unit != least.unit:
        return fail("balance", f"{left} The min_balance is a number of {_UNITS[least.unit]}.", _NO_LEAST)
    if least is not None and balance.remaining < least.amount:
        kept = f"{left} The connection keeps {least.amount:,.2f} {unit} back (min_balance), so it submits nothing."
        return fail("balance", kept, "Top up the account, or lower min_balance.")
    if balance.remaining <= 0:
        return fail("balance", left, "Top up the account, or raise the key's limit, in the gateway's console.")
    return ok("balance", left)


def judge_clock(skew: float | None) -> Finding:
    """Judge this machine's clock by the gateway's."""
    if skew is None:
        return skip("clock", "The gateway tells no time.")
    if abs(skew) < _CLOCK_IS_OFF:
        return ok("clock", "This machine and the gateway agree on the time.")
    found = fail if abs(skew) > _CLOCK_IS_REFUSED else warn
    return found(
        "clock",
        f"This machine's clock is {_amount(abs(skew))} {'behind' if skew > 0 else 'ahead of'} the gateway's.",
        "Set this machine's clock by NTP (or tell the gateway's operator): links that look expired, certificates, and "
        "uploads to S3 depend on it.",
    )


def _unanswered(check: str, what: str, error: GatewayError, to_do: str) -> Finding:
    if isinstance(error, (AuthenticationError, PermissionDenied)):
        return skip(check, f"{what} is told to an accepted key only.")
    if isinstance(error, UnreadableResponse):
        return skip(check, f"{what} cannot be read: see routes.")
    return warn(check, f"{what} is not to be had: {error}.", to_do)


def _without_clearing(remedy: str) -> str:
    """Return an error's remedy for somebody who has no task to clear."""
    return remedy.replace(", then clear the task", "")


def _some(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _amount(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
