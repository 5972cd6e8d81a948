"""What a gateway's answers mean for its connection. Pure: answers in, results out."""

from __future__ import annotations

import re

from sora2_provider.cli.doctor.probes import ProbeResults, QueryProbe
from sora2_provider.cli.doctor.report import CheckResult, fail, ok, skip, warn
from sora2_provider.gateway.errors import (
    AuthenticationError,
    GatewayError,
    InsufficientBalance,
    InvalidRequest,
    PermissionDenied,
    RateLimited,
    UnreadableResponse,
    VideoNotFound,
    as_sentence,
)
from sora2_provider.gateway.models import Balance, Video
from sora2_provider.gateway.settings import QUERY_PATHS
from sora2_provider.spending.limits import MinimumBalance, money

DEFAULT_MODEL = "sora-2"

#: From so many seconds on a difference is the clock's: answers take seconds, and the header has whole ones.
_CLOCK_IS_OFF = 60.0
#: S3 refuses requests that are signed by a clock that is off by more.
_CLOCK_IS_REFUSED = 900.0
_NO_CREATES = (
    "Until then create tasks submit nothing: correct min_balance in the connection's extra or in [sora2], or remove it."
)
_KNOWN_PATHS = f"Gateways of this family have {', '.join(QUERY_PATHS[:-1])} or {QUERY_PATHS[-1]}."
#: Whether a refusal is about the form of the id; or about an id that is missing, so that it was not found in the request.
_ABOUT_THE_ID = re.compile(r"(?<![a-z])(?:id|ids|uuid|\w+_id)(?![a-z])|sora2-doctor-|编号|标识|任务号|ＩＤ", re.I)
_MISSING = re.compile(
    r"required|missing|empty|blank|not (?:given|provided)|must be provided|缺少|不能为空|必填|必須|필수|обязател", re.I
)
_LOOK_IT_UP = "Look up the balance in the gateway's console now and then."


def assess(
    probed: ProbeResults, *, create_path: str, api: str = "", minimum: MinimumBalance | None = None
) -> tuple[CheckResult, ...]:
    """Return the results of all checks.

    :param create_path: the route that a create would go to.
    :param api: a sentence on the API that was found out, if it was.
    """
    return (
        assess_key(probed),
        assess_routes(probed.query, probed.other_path, create_path=create_path, api=api),
        assess_models(probed.models),
        assess_balance(probed.balance, minimum),
        assess_clock(probed.skew),
    )


def not_assessed(why: str) -> tuple[CheckResult, ...]:
    """Return the same checks where the gateway could not be asked."""
    return tuple(skip(check, why) for check in ("key", "routes", "models", "balance", "clock"))


def assess_key(probed: ProbeResults) -> CheckResult:
    """Assess the key by the models and the query route: a gateway may list its models without a key."""
    answers = (probed.models, probed.query.answer)
    refused = next((one for one in answers if isinstance(one, (AuthenticationError, PermissionDenied))), None)
    if isinstance(refused, AuthenticationError):
        to_do = (
            "Copy the key again from the gateway's console into the API key field (password). If the key is right, the Base "
            "URL may be another gateway's."
        )
        return fail("key", f"The gateway does not accept it: {_sentence(refused)}", to_do)
    if refused is not None:
        return fail(
            "key", f"The gateway accepts the key, but denies access: {_sentence(refused)}", _without_clearing(refused)
        )
    if probed.query.is_served:
        return ok("key", "Accepted.")
    if isinstance(probed.models, tuple):
        return ok("key", "Accepted for the list of models; the query route did not check it.")
    return skip("key", "No route has checked it: see routes.")


def assess_routes(query: QueryProbe, other_path: str, *, create_path: str, api: str = "") -> CheckResult:
    """Assess the query route by its answer about an id that cannot exist. The create route would cost money."""
    route, answer = f"GET {query.path}", query.answer
    if query.is_served:
        seen = f"{api} {route} answers. (POST {create_path} was not called, because that costs money.)"
        return ok("routes", seen.lstrip())
    if isinstance(answer, Video):
        return warn(
            "routes",
            f'{route} returns a status ("{answer.status_word or answer.status.value}") even of a video that cannot exist.',
            "Nothing, if tasks work. This gateway does not report a mistyped id: a task waits for such a video until its timeout.",
        )
    if isinstance(answer, (AuthenticationError, PermissionDenied)):
        return skip("routes", f"{route} needs a key that the gateway accepts.")
    if isinstance(answer, UnreadableResponse):
        return fail("routes", _sentence(answer), f"{answer.remedy} It must be the address in the gateway's API guide.")
    if isinstance(answer, RateLimited):
        return warn("routes", f"{route} is busy: {_sentence(answer)}", _without_clearing(answer))
    if answer.to_do or isinstance(answer, InsufficientBalance):
        return fail("routes", f"{route}: {_sentence(answer)}", _without_clearing(answer))
    is_absent = isinstance(answer, VideoNotFound) or answer.http_status in (404, 405)
    if other_path:
        seen = f"There is no {route}" if is_absent else f"{route} refuses every id"
        to_do = f"Write {other_path} into the Query path field of the connection."
        return fail("routes", f"{seen}, but GET {other_path} answers as it should.", to_do)
    if is_absent:
        return fail(
            "routes",
            f"There is no {route}: {_sentence(answer)}",
            f"Correct the Base URL and the Query path. {_KNOWN_PATHS}",
        )
    if isinstance(answer, InvalidRequest):
        return _of_a_refusal(route, answer)
    return fail("routes", f"{route}: {_sentence(answer)}", _without_clearing(answer))


def _of_a_refusal(route: str, answer: InvalidRequest) -> CheckResult:
    """Assess a route that refuses each made-up id, whatever its form, and does not say that there is no such video."""
    said = _sentence(answer)
    if _ABOUT_THE_ID.search(answer.message) and not _MISSING.search(answer.message):
        return warn(
            "routes",
            f"{route} answers, but takes none of the made-up ids for one: {said}",
            "Nothing, if tasks work: this gateway may know only ids of its own form. To be sure, ask for a video that it has "
            "rendered: airflow sora2 get ID.",
        )
    return fail(
        "routes",
        f"{route} refuses every id that it was asked for, and does not say that there is no such video: {said}",
        "Correct the Query path by the gateway's API guide: the route may be another one, or the id a parameter of another name "
        f"(/v1/video/query?task_id={{id}}). {_KNOWN_PATHS}",
    )


def assess_models(models: tuple[str, ...] | GatewayError) -> CheckResult:
    """Assess whether the key may use the model that tasks use by default."""
    if isinstance(models, GatewayError):
        return _unavailable(
            "models", "The list of models", models, "Nothing, if tasks work: they do not need the list."
        )
    names = [name for name in models if name != DEFAULT_MODEL]
    others = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    if DEFAULT_MODEL in models:
        return ok("models", f"{DEFAULT_MODEL} is offered{f', and {others}' if others else ''}.")
    return warn(
        "models",
        f"{DEFAULT_MODEL} is not among the models of this key: {others or 'it has none'}.",
        f"Enable {DEFAULT_MODEL} for the key in the gateway's console, or set model=... in your tasks.",
    )


def assess_balance(balance: Balance | GatewayError, minimum: MinimumBalance | None = None) -> CheckResult:
    """Assess whether a create can be paid for.

    :param minimum: the connection's.
    """
    is_unknown = isinstance(balance, GatewayError) or (balance.remaining is None and not balance.unlimited)
    if minimum is not None and is_unknown:
        why = balance if isinstance(balance, GatewayError) else "the gateway does not show it"
        return fail(
            "balance",
            f"The connection has a min_balance, and its balance cannot be read: {as_sentence(str(why))}",
            _NO_CREATES,
        )
    if isinstance(balance, InsufficientBalance):
        return fail("balance", f"The account is empty: {_sentence(balance)}", _without_clearing(balance))
    if isinstance(balance, GatewayError):
        return _unavailable("balance", "The balance", balance, _LOOK_IT_UP)
    if balance.unlimited:
        return ok("balance", "Unlimited.")
    if balance.remaining is None:
        return warn("balance", "The gateway does not show it.", _LOOK_IT_UP)
    left = f"{money(balance.remaining, balance.unit)} left."
    if minimum is not None and balance.unit != minimum.unit:
        return fail("balance", f"{left} The min_balance is in another unit: {minimum}.", _NO_CREATES)
    if minimum is not None and balance.remaining < minimum.amount:
        below = f"{left} That is below the min_balance of {minimum}, so create tasks submit nothing."
        return fail("balance", below, "Top up the account, or lower min_balance.")
    if balance.remaining <= 0:
        return fail("balance", left, "Top up the account, or raise the key's limit, in the gateway's console.")
    return ok("balance", left)


def assess_clock(skew: float | None) -> CheckResult:
    if skew is None:
        return skip("clock", "The gateway's answers hold no time.")
    if abs(skew) < _CLOCK_IS_OFF:
        return ok("clock", "This machine and the gateway agree on the time.")
    result = fail if abs(skew) > _CLOCK_IS_REFUSED else warn
    return result(
        "clock",
        f"This machine's clock is {_duration(abs(skew))} {'behind' if skew > 0 else 'ahead of'} the gateway's.",
        "Set this machine's clock by NTP, or report it to the gateway's operator. Expiry times of links, certificates and "
        "uploads to S3 depend on it.",
    )


def _unavailable(check: str, what: str, error: GatewayError, to_do: str) -> CheckResult:
    if isinstance(error, (AuthenticationError, PermissionDenied)):
        return skip(check, f"{what} needs a key that the gateway accepts.")
    if isinstance(error, InsufficientBalance):
        return skip(check, f"{what} is not shown for an empty account: {_sentence(error)}")
    if isinstance(error, UnreadableResponse):
        return skip(check, f"{what} cannot be read: see routes.")
    return warn(check, f"{what} is not available: {_sentence(error)}", error.to_do or to_do)


def _sentence(error: GatewayError) -> str:
    return as_sentence(str(error))


def _without_clearing(error: GatewayError) -> str:
    """Return an error's remedy for a person who has no task to clear."""
    return error.remedy.replace(", then clear the task", "")


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
