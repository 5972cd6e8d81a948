"""Puts the provider's own code on stage: it gets a made-up clock, gateway, storage, log and signals, and nothing else.

Everything that has an effect outside the process becomes a step of it here.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from sora2_provider.compat import AirflowException
from sora2_provider.hooks.connection import limits_of
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators import create_run as creating  # noqa: F401  (only a task loads it, and it must be there to be changed)
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.spending import caps, counter  # noqa: F401  (the same)
from sora2_provider.storage import StoredVideo
from sora2_provider.submission import signals, task_try
from sora2_provider.submission import stores as records
from sora2_provider.submission.records import TaskRecords
from tests.histories.paid_gateway import Client
from tests.histories.processes import SIGNALS, THREADS, Log, Process, Stage, running
from tests.histories.record_stores import SteppedSlot, SteppedTarget

REPLACE = TaskRecords.replace


class Clock:
    """Stands for the module ``time``: a wait takes none of it, and no two moments are the same."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        self.now += 0.001
        return self.now

    def sleep(self, seconds: float) -> None:
        running().step("wait")
        self.now += max(0.0, seconds)
        running().step("wait", "after")


class TaskInstance:
    """``context["ti"]`` of one process."""

    dag_id, run_id, task_id = "dag", "manual__1", "create"

    def __init__(self, process: Process, started: float, xcoms: dict[str, str], map_index: int) -> None:
        self.map_index = map_index
        self.start_date = datetime.fromtimestamp(started, UTC)
        self.try_number, self.max_tries = process.try_number, process.max_tries
        self._xcoms = xcoms

    def xcom_push(self, key: str, value: Any, **_: Any) -> None:
        running().step("xcom", fail=lambda: RuntimeError("the API server is away"))
        self._xcoms[key] = json.dumps(value, allow_nan=False)
        running().step("xcom", "after", fail=lambda: RuntimeError("the API server's answer was lost"))

    def xcom_pull(self, key: str, **_: Any) -> Any:
        running().step("xcom", fail=lambda: RuntimeError("the API server is away"))
        return json.loads(self._xcoms[key])


class _Now:
    """Stands for the module ``time`` in the provider, with the clock of the history that is told."""

    def __getattr__(self, name: str) -> Any:
        return getattr(running().world.clock, name)


def _client(hook: Sora2Hook) -> Client:
    if hook._client is None:
        running().step("connection", fail=lambda: AirflowException("the connection cannot be read"))
        hook._client = Client(running().world.gateway, hook.sora2_conn_id)  # type: ignore[assignment]
        hook._limits = limits_of(hook.sora2_conn_id, {})
    return hook._client  # type: ignore[return-value]


def _download(hook: Sora2Hook, video_id: str, path: str, **_: Any) -> StoredVideo:
    running().step("download", fail=lambda: OSError("no space left on device"))
    return StoredVideo(path, 1, "0", "video/mp4")


def _replace(*change: Any) -> Any:
    process = running()
    process.compared = 0
    try:
        return REPLACE(*change)
    finally:
        process.compared = None


def put_on_stage(patch: pytest.MonkeyPatch) -> None:
    """Give the provider the made-up clock, gateway, signals and log."""
    for name, module in list(sys.modules.items()):
        if name.startswith("sora2_provider.") and getattr(module, "time", None) is time:
            patch.setattr(module, "time", _Now())
    patch.setattr(signals, "signal", SIGNALS)
    patch.setattr(signals, "threading", THREADS)
    patch.setattr(task_try, "deployment_name", lambda: running().task.run.deployment)
    patch.setattr(records, "Target", SteppedTarget)
    patch.setattr(TaskRecords, "replace", _replace)
    patch.setattr(counter, "Target", SteppedSlot)
    # No power fails here.
    patch.setattr(os, "fsync", lambda _: None)
    patch.setattr(Sora2Hook, "get_conn", _client)
    patch.setattr(Sora2Hook, "download_video", _download)
    for owner in (Sora2Hook, Sora2CreateVideoOperator):
        patch.setattr(owner, "log", property(lambda _: Log()))
    assert Stage.process is None
