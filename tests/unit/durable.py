"""A create task that keeps a record, and what Airflow and people do to it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from sora2_provider.decorators.sora2 import sora2_video_task
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.submission.stores import STATE_KEY

WAITS: dict[str, Any] = {"wait_for_completion": True, "timeout": 60, "poll_interval": 0.01}
TOO_SHORT: dict[str, Any] = {**WAITS, "timeout": 0.02}


def create(**options: Any) -> Sora2CreateVideoOperator:
    return Sora2CreateVideoOperator(**{"task_id": "create", "prompt": "a cat", **options})


def record(state) -> dict[str, Any]:
    return json.loads(state.values[STATE_KEY])


def failing(error: BaseException) -> Callable[..., Any]:
    """What raises an error, however it is called."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


def clear(ti) -> None:
    """What Airflow does to a task instance that a person clears."""
    ti.max_tries += 3
    ti.xcoms.clear()


def as_try(context, number: int) -> dict[str, Any]:
    """The context of another process of the same task instance."""
    ti = copy.copy(context["ti"])
    ti.try_number = number
    return {**context, "ti": ti}


class Film:
    """A decorated function that notes its calls."""

    def __init__(self, returned: Any = "a cat", **options: Any) -> None:
        self.calls = 0
        self.returned = returned
        self.options = options

    def task(self, **options: Any) -> Sora2CreateVideoOperator:
        def film():
            self.calls += 1
            if isinstance(self.returned, Exception):
                raise self.returned
            return self.returned

        return sora2_video_task(film, **{**self.options, **options})().operator

    def run(self, context: Any, **options: Any) -> str:
        return self.task(**options).execute(context)


def prompts(gateway) -> list[str]:
    return [billed.request["prompt"] for billed in gateway.billed]
