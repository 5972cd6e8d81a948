"""Defers the task instances of a run, as the scheduler does for a task that starts in the triggerer.

The deferrals of 800 task processes would take a quarter of an hour, and are tested elsewhere; here the triggerer is. Runs in
an Airflow's own environment: ``python -m tests.system.defer_waits FILE``, which holds the run and each trigger's arguments.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.models.taskinstance import TaskInstance
from airflow.triggers.base import StartTriggerArgs
from airflow.utils.session import create_session
from sqlalchemy import select

from sora2_provider.triggers.events import TRIGGER_GRACE
from sora2_provider.triggers.sora2 import Sora2VideoTrigger


def defer(dag_id: str, run_id: str, waits: list[dict[str, Any]]) -> float:
    """Defer each task instance with the trigger of its map index, and return when the waits began.

    :param waits: the trigger's arguments, with ``timeout`` in place of its moments.
    """
    of_run = (TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
    with create_session() as session:
        task_instances = session.scalars(select(TaskInstance).where(*of_run)).all()
        now = time.time()
        for task_instance in task_instances:
            arguments = dict(waits[task_instance.map_index])
            timeout = arguments.pop("timeout")
            path, kwargs = Sora2VideoTrigger(**arguments, started=now, deadline=now + timeout).serialize()
            task_instance.task = SimpleNamespace(
                start_from_trigger=True,
                execution_timeout=None,
                start_trigger_args=StartTriggerArgs(
                    trigger_cls=path,
                    trigger_kwargs=kwargs,
                    next_method="execute_complete",
                    next_kwargs={"video_id": arguments["video_id"]},
                    timeout=timedelta(seconds=timeout + TRIGGER_GRACE),
                ),
            )
            assert task_instance.defer_task(session=session)
    return now


if __name__ == "__main__":
    print(f"Deferred at {defer(**json.loads(Path(sys.argv[1]).read_text()))}")
