"""Record what this release leaves in users' databases and buckets, for later releases to be tested with.

Writes ``tests/upgrade/fixtures/VERSION/`` and its digest. The installed provider works against the built-in emulator, and
what it leaves for a later moment is caught: deferrals (trigger and resume), trigger events, submission records, XComs, a
connection, and the names and parameters that DAG files and databases hold. A version that is dated in CHANGELOG.md is
released: its folder never changes again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import inspect
import json
import pkgutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import sora2_provider
from dev.check_tag import released_versions
from sora2_provider.compat import AirflowException, TaskDeferred
from sora2_provider.emulator import Emulator
from sora2_provider.gateway.errors import RateLimited
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.gateway.polling.wait import Finished, Outcome
from sora2_provider.hooks.connection_fields import FIELDS
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.provider_info import provider_info
from sora2_provider.sensors.sora2 import Sora2VideoSensor
from sora2_provider.submission.record import digest_of
from sora2_provider.submission.record_names import record_name
from sora2_provider.submission.stores import STATE_KEY
from sora2_provider.triggers.events import to_event

PROJECT = Path(__file__).resolve().parent.parent
FIXTURES = PROJECT / "tests" / "upgrade" / "fixtures"
DIGESTS = "digests.json"

#: A wait of a hundred years, longer than a DAG file may ask for: a fixture must not be past its deadline when a later
#: release takes it up.
PATIENCE = 100 * 365 * 86_400.0

CONN_ID = "sora2_default"
REQUEST: dict[str, Any] = {
    "prompt": "An enamel kettle, steam rising",
    "images": ["https://example.com/kettle.png?X-Signature=1"],
    "model": "sora-2-pro",
    "orientation": "landscape",
    "size": "large",
    "duration": 25,
    "extra": {"watermark": False},
}

#: What DAG files import, and the trigger, whose path is in databases.
PUBLIC = {
    "sora2_provider.operators.sora2.Sora2CreateVideoOperator": ("__init__", "execute", "execute_complete"),
    "sora2_provider.operators.sora2.Sora2DownloadVideoOperator": ("__init__", "execute"),
    "sora2_provider.sensors.sora2.Sora2VideoSensor": ("__init__", "execute", "execute_complete"),
    "sora2_provider.triggers.sora2.Sora2VideoTrigger": ("__init__",),
    "sora2_provider.hooks.sora2.Sora2Hook": (
        *("__init__", "create_video", "get_video", "wait_for_video", "download_video"),
        *("list_models", "get_balance", "test_connection"),
    ),
    "sora2_provider.gateway.models.VideoRequest": ("__init__",),
    "sora2_provider.emulator.Emulator": ("__init__",),
}


class TaskInstance:
    """Stands for Airflow's; keeps XComs as a database does, as JSON."""

    dag_id, run_id, task_id, map_index = "films", "manual__2026-01-01T00:00:00+00:00", "create_video", -1
    max_tries, try_number = 2, 1

    def __init__(self) -> None:
        self.xcoms: dict[str, list[Any]] = {}

    def xcom_push(self, key: str, value: Any, **_: Any) -> None:
        """Keep a value behind the ones that were pushed before it."""
        self.xcoms.setdefault(key, []).append(_as_json(value))

    def xcom_pull(self, key: str, **_: Any) -> Any:
        """Return the last value."""
        return self.xcoms[key][-1]


class StateStore:
    """Stands for the task state store of Airflow 3.3; ``written`` is all that was ever set."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.written: list[Any] = []

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value."""
        return self.values.get(key, default)

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        """Keep a value."""
        self.values[key] = _as_json(value)
        self.written.append(self.values[key])

    def delete(self, key: str) -> None:
        """Forget a value."""
        self.values.pop(key, None)


def record() -> dict[str, Any]:
    """Return the documents of the installed release by name."""
    with (
        Emulator(canned=True) as emulator,
        mock.patch.dict("os.environ", AIRFLOW_CONN_SORA2_DEFAULT=emulator.connection()),
    ):
        task_instance, states = TaskInstance(), StateStore()
        # Airflow 2 tells a run's number, and Airflow 3 from when it can run.
        named: Any = {"ti": task_instance, "dag_run": SimpleNamespace(id=7)}
        create = create_task()
        context = _context(task_instance, states)
        deferred = deferral(lambda: create.execute(context))
        event = event_of(deferred["trigger"])
        returned = create.execute_complete(context, event, **deferred["kwargs"])
        at_submit, at_end = task_instance.xcoms["video"]
        sensor = Sora2VideoSensor(task_id="wait", video_id=_submitted(emulator), deferrable=True, poke_interval=1)
        sensor.timeout = PATIENCE
        deferred_sensor = deferral(lambda: sensor.execute(_context(TaskInstance())))
        return {
            "deferred_create": deferred,
            "deferred_sensor": deferred_sensor,
            "events": {"completed": event, **_other_events(emulator, deferred["trigger"])},
            "records": {
                "key": STATE_KEY,
                "record_name": {"run_number": 7, "name": record_name(named)},
                "request": REQUEST,
                "conn_id": CONN_ID,
                "digest": digest_of(VideoRequest(**REQUEST), CONN_ID),
                **dict(zip(("intent", "accepted", "delivered"), states.written, strict=True)),
                "unknown": _unknown_record(emulator),
            },
            "xcoms": {
                "create": {"return_value": returned, "at_submit": at_submit, "at_end": at_end},
                "sensor": {"return_value": _as_json(Sora2VideoSensor(task_id="w", video_id=returned).execute(context))},
                "download": _download_xcoms(returned),
            },
            "connection": _connection(),
            "interface": {
                "parameters": {path: parameters_of(path, methods) for path, methods in PUBLIC.items()},
                "options": {section: sorted(facts["options"]) for section, facts in provider_info()["config"].items()},
            },
        }


def create_task(**arguments: Any) -> Sora2CreateVideoOperator:
    waits = {"wait_for_completion": True, "deferrable": True, "poll_interval": 1.0}
    task = Sora2CreateVideoOperator(task_id="create_video", **{**REQUEST, **waits, **arguments})
    task.timeout = PATIENCE
    return task


def deferral(execute: Callable[[], Any]) -> dict[str, Any]:
    """Return what Airflow keeps of a task that defers."""
    try:
        execute()
    except TaskDeferred as deferred:
        classpath, kwargs = deferred.trigger.serialize()
        trigger = {"classpath": classpath, "kwargs": kwargs}
        kept = {"trigger": trigger, "method_name": deferred.method_name, "kwargs": deferred.kwargs}
        return dict(_as_json(kept))
    raise RuntimeError("the task did not defer")


def event_of(trigger: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the event that a trigger fires which is made from what Airflow keeps of it."""
    made = pkgutil.resolve_name(trigger["classpath"])(**{**trigger["kwargs"], **changes})

    async def first() -> Any:
        async for event in made.run():
            return event.payload
        raise RuntimeError("the trigger fired no event")

    return dict(_as_json(asyncio.run(first())))


def _other_events(emulator: Emulator, trigger: Mapping[str, Any]) -> dict[str, Any]:
    failed, cancelled, endless = (_submitted(emulator) for _ in range(3))
    emulator.fail(failed)
    emulator.end(cancelled, "cancelled")
    limited = RateLimited("slow down", code="busy", http_status=429, request_id="r1", retry_after=3.5, transient=True)
    return {
        "failed": event_of(trigger, video_id=failed),
        "cancelled": event_of(trigger, video_id=cancelled),
        "timeout": event_of(trigger, video_id=endless, deadline=0.0),
        # The trigger would ask for minutes before it gives up.
        "unreachable": _as_json(to_event(endless, Finished(Outcome.UNREACHABLE, None, limited))),
    }


def _submitted(emulator: Emulator) -> str:
    """Submit a video that renders, and return its id."""
    emulator.settings(render_seconds=3600)
    return str(create_task(wait_for_completion=False, deferrable=False).execute(_context(TaskInstance())))


def _unknown_record(emulator: Emulator) -> Any:
    """Return the record of a task whose create was sent, and whose answer was lost."""
    states = StateStore()
    emulator.fault(route="create", reset="after")
    with contextlib.suppress(AirflowException):
        create_task().execute(_context(TaskInstance(), states))
    return states.written[-1]


def _download_xcoms(video_id: str) -> dict[str, Any]:
    task_instance = TaskInstance()
    with tempfile.TemporaryDirectory() as folder:
        store = Sora2DownloadVideoOperator(task_id="store", video_id=video_id, path=f"{folder}/film.mp4")
        store.execute(_context(task_instance))
    return {name: values[-1] for name, values in task_instance.xcoms.items()}


def _context(task_instance: TaskInstance, states: StateStore | None = None) -> Any:
    return {"ti": task_instance, **({"task_state_store": states} if states else {})}


def _connection() -> dict[str, Any]:
    samples = {
        "dialect": "openai",
        "key_header": "bare",
        "api_version": "preview",
        "body_form": "multipart",
        "create_path": "/v1/videos",
        "query_path": "/v1/videos/{id}",
        "verify_tls": "false",
        "proxy": "http://proxy.example.com:3128",
        "extra_headers": '{"X-Team": "films"}',
    }
    defaults = {"integer": 17, "boolean": True}
    return {
        "conn_type": "sora2",
        "host": "https://gateway.example.com",
        "password": "sk-of-the-fixtures",
        "extra": {field.name: samples.get(field.name, defaults.get(field.kind)) for field in FIELDS},
    }


def parameters_of(path: str, methods: tuple[str, ...]) -> dict[str, Any]:
    """Return each method's parameters with their defaults as Python writes them, ``null`` for a required one."""
    cls = pkgutil.resolve_name(path)
    return {
        method: {
            one.name: None if one.default is one.empty else repr(one.default)
            for one in inspect.signature(getattr(cls, method)).parameters.values()
            if one.name != "self" and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
        }
        for method in methods
    }


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


def main() -> int:
    """Write the fixtures of the installed provider's version; return the exit code."""
    version = sora2_provider.__version__
    if version in released_versions((PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")):
        print(f"{version} is released: its fixtures never change. Set the next version in sora2_provider/__init__.py.")
        return 1
    write(record(), FIXTURES, version)
    print(f"Recorded {FIXTURES / version} from {sora2_provider.__file__}")
    return 0


def write(documents: dict[str, Any], fixtures: Path, version: str) -> None:
    """Write one version's documents, and its digest beside those of the other versions."""
    folder = fixtures / version
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.json"):
        file.unlink()
    for name, document in documents.items():
        text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False)
        (folder / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
    kept = fixtures / DIGESTS
    digests = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    digests[version] = folder_digest(folder)
    kept.write_text(f"{json.dumps(digests, indent=1, sort_keys=True)}\n", encoding="utf-8")


def folder_digest(folder: Path) -> str:
    """Return the SHA-256 of a folder's files and their names."""
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        digest.update(f"{file.name}\n{file.stat().st_size}\n".encode() + file.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
