"""Passes on to Airflow's retries how long to wait: what the gateway asked for, or until a cap allows the next create.

Airflow can take that from 3.3 on.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sora2_provider import compat
from sora2_provider.exceptions import CapReached
from sora2_provider.gateway.errors import GatewayError

#: A retry is never put off for longer than this (seconds), whatever a gateway says. A cap that was reached is another
#: thing: before its hour or day is over, a retry would only be used up.
_LONGEST_DELAY = 3600.0


def pass_on_retry_after(operator: Any) -> bool:
    """Let a running task's retry wait for as long as it must, unless the DAG's author chose a policy.

    Airflow asks the policy in the worker, when the task has failed, so a DAG file need not pay for making one.

    :returns: whether the retry will wait.
    """
    types = compat.retry_types()
    if types is None:
        return False
    if getattr(operator, "retry_policy", None) is None:
        operator.retry_policy = _policy(*types)
    return bool(getattr(operator.retry_policy, "passes_waits_on", False))


def warn_of_ignored_retry_after(error: BaseException | None, log: Any) -> None:
    """Say that the gateway's Retry-After does not become the delay of the retry, where Airflow cannot take it."""
    if not isinstance(error, GatewayError) or not error.transient:
        return
    seconds = retry_after(error)
    if seconds is not None and compat.retry_types() is None:
        log.warning(
            "The gateway asked to wait %.0f s. This Airflow cannot take that over (3.3 and later can): a retry comes after "
            "the task's own retry_delay. Set that to at least as long.",
            seconds,
        )


def retry_after(error: BaseException | None) -> float | None:
    """Return the seconds to wait that stand in the error that made a task fail."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, GatewayError) and error.retry_after is not None:
            return min(error.retry_after, _LONGEST_DELAY)
        if isinstance(error, CapReached):
            return error.retry_after
        error = error.__cause__
    return None


def _policy(base: Any, decision: Any) -> Any:
    class GatewayRetryPolicy(base):  # type: ignore[misc]
        """Retries when a create can be served again, where that is known; in all else Airflow's own way."""

        passes_waits_on = True

        def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> Any:
            """Return the decision for one failure."""
            seconds = retry_after(exception)
            if seconds is None:
                return decision.default()
            return decision.retry(delay=timedelta(seconds=seconds), reason=f"nothing is served for {seconds:.0f} s")

    return GatewayRetryPolicy()
