"""When a wait ends: at its own deadline, or when the task's ``execution_timeout`` is over.

Airflow 3 begins to count ``execution_timeout`` anew when a deferred task comes back, so the trigger must end the wait. Airflow 2
goes on counting, and gives a task that comes back too late up before any of its code runs: it only calls ``on_kill``.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from typing import Any

from sora2_provider.compat import AirflowTaskTimeout, Context, running_context
from sora2_provider.gateway.polling.progress import duration_text
from sora2_provider.reporting.endings import End, Ending

#: What ends a wait.
TIMEOUT, EXECUTION_TIMEOUT = "timeout", "execution_timeout"


def end_of_wait(operator: Any, context: Context, deadline: float) -> tuple[float, str]:
    """Return when a wait ends, in seconds since the epoch, and which parameter of the task ends it.

    :param deadline: when its own ``timeout`` is over.
    """
    is_over = _over_at(operator, context["ti"])
    return (deadline, TIMEOUT) if is_over is None or is_over >= deadline else (is_over, EXECUTION_TIMEOUT)


def as_out_of_time(ending: Ending, operator: Any, *, ends_by: str = TIMEOUT) -> Ending:
    """Return an ending as one that the task's ``execution_timeout`` made, if it did: in the triggerer or in the worker.

    :param ends_by: which parameter of the task ended the wait, if nothing else did.
    """
    in_triggerer = ending.end is End.TIMEOUT and ends_by == EXECUTION_TIMEOUT
    if not in_triggerer and not isinstance(ending.error, AirflowTaskTimeout):
        return ending
    allowed = operator.execution_timeout
    text = duration_text(allowed.total_seconds()) if allowed is not None else ""
    return replace(ending, end=End.OUT_OF_TIME, waited=text)


def context_of_late_resume() -> Context | None:
    """Return the context of a task that Airflow 2 gives up because it came back too late; ``None`` if it is another one."""
    context: Any = running_context()
    if context is None or not getattr(context["ti"], "next_method", None):
        return None
    is_over = _over_at(context["task"], context["ti"])
    return context if is_over is not None and is_over <= time.time() else None


def _over_at(operator: Any, task_instance: Any) -> float | None:
    allowed = operator.execution_timeout
    if allowed is None:
        return None
    began = getattr(task_instance, "start_date", None)
    return (began.timestamp() if isinstance(began, datetime) else time.time()) + float(allowed.total_seconds())
