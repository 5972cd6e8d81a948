"""A create task that keeps a record, and what Airflow and people do to it."""

from __future__ import annotations

import copy
import json
from typing import Any

from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.submission.stores import STATE_KEY

WAITS: dict[str, Any] = {"wait_for_completion": True, "timeout": 60, "poll_interval": 0.01}
TOO_SHORT: dict[str, Any] = {**WAITS, "timeout": 0.02}


def create(**options: Any) -> Sora2CreateVideoOperator:
    return Sora2CreateVideoOperator(**{"task_id": "create", "prompt": "a cat", **options})


def record(state) -> dict[str, Any]:
    return json.loads(state.values[STATE_KEY])


def clear(ti) -> None:
    """What Airflow does to a task instance that a person clears."""
    ti.max_tries += 3
    ti.xcoms.clear()


def as_try(context, number: int) -> dict[str, Any]:
    """The context of another process of the same task instance."""
    ti = copy.copy(context["ti"])
    ti.try_number = number
    return {**context, "ti": ti}
