"""What earlier releases have left in databases and buckets goes on as if there had been no upgrade."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dev.upgrade_fixtures import TaskInstance, create_task, event_of
from sora2_provider.compat import AirflowFailException
from sora2_provider.emulator import Emulator
from sora2_provider.exceptions import FinalError, RenderingFailed, Sora2Error
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.hooks.connection import limits_of
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2DownloadVideoOperator
from sora2_provider.provider_info import provider_info
from sora2_provider.sensors.sora2 import Sora2VideoSensor
from sora2_provider.submission.record import digest_of
from sora2_provider.triggers.events import from_event
from tests.exact_errors import raises_exactly
from tests.upgrade.keeping import CLEARED, VERSIONS, Keeping, about, kept_by

pytestmark = pytest.mark.parametrize("version", VERSIONS)


def paid(version: str) -> str:
    """Let the gateway have the video that a version has submitted, and return its id."""
    request = VideoRequest(**kept_by(version, "records")["request"])
    return Sora2Hook().create_video(request).id


def test_a_create_task_that_was_deferred_is_resumed(gateway: Emulator, version: str) -> None:
    video_id = paid(version)
    kept = about(kept_by(version, "deferred_create"), video_id)
    event = event_of(kept["trigger"])
    task_instance = TaskInstance()
    resumed = create_task().resume_execution(
        kept["method_name"], {**kept["kwargs"], "event": event}, {"ti": task_instance}
    )
    assert resumed == video_id
    told = task_instance.xcoms["video"][-1]
    assert (told["status"], told["request"]) == ("completed", kept["kwargs"]["record"]["request"])
    assert len(gateway.billed) == 1


def test_a_sensor_that_was_deferred_is_resumed(gateway: Emulator, version: str) -> None:
    video_id = paid(version)
    kept = about(kept_by(version, "deferred_sensor"), video_id)
    task = Sora2VideoSensor(task_id="wait", video_id=video_id, deferrable=True)
    event = event_of(kept["trigger"])
    video = task.resume_execution(kept["method_name"], {**kept["kwargs"], "event": event}, {"ti": TaskInstance()})
    assert (video["id"], video["status"]) == (video_id, "completed")


def test_a_trigger_keeps_what_it_was_made_of(version: str) -> None:
    for name in ("deferred_create", "deferred_sensor"):
        trigger = kept_by(version, name)["trigger"]
        module, _, cls = trigger["classpath"].rpartition(".")
        path, kwargs = getattr(__import__(module, fromlist=[cls]), cls)(**trigger["kwargs"]).serialize()
        assert path == trigger["classpath"]
        assert kwargs.items() >= trigger["kwargs"].items()


ENDS = {
    "completed": None,
    "failed": FinalError,
    "cancelled": RenderingFailed,
    "timeout": FinalError,
    "unreachable": FinalError,
}


@pytest.mark.parametrize(("outcome", "error"), ENDS.items(), ids=ENDS)
def test_an_event_that_was_fired_is_understood(
    gateway: Emulator, version: str, outcome: str, error: type[Sora2Error] | None
) -> None:
    event = kept_by(version, "events")[outcome]
    read = from_event(event, video_id=event["video_id"])
    assert read.outcome.value == outcome
    resume_state = {**kept_by(version, "deferred_create")["kwargs"]["record"], "video_id": event["video_id"]}
    task = create_task()
    if error is None:
        assert task.execute_complete({"ti": TaskInstance()}, event, record=resume_state) == event["video_id"]
    else:
        with raises_exactly(error, match=event["video_id"]):
            task.execute_complete({"ti": TaskInstance()}, event, record=resume_state)
    assert gateway.requests == ()


RESUMED, SUBMITTED = "goes on with the video that is there", "submits another one"
RECORDS = [
    ("accepted", TaskInstance.max_tries, RESUMED),
    ("accepted", CLEARED, RESUMED),
    ("delivered", TaskInstance.max_tries, RESUMED),
    ("delivered", CLEARED, SUBMITTED),
    ("unknown", CLEARED, SUBMITTED),
]


def left_by(version: str, name: str, video_id: str, keeping: Keeping) -> None:
    kept = kept_by(version, "records")
    record = about(kept[name], video_id) if kept[name].get("video_id") else kept[name]
    keeping.leave(record, key=kept["key"], name=kept["record_name"]["name"])


@pytest.mark.parametrize(("name", "max_tries", "then"), RECORDS)
def test_a_record_that_was_written_decides(
    gateway: Emulator, keeping: Keeping, version: str, name: str, max_tries: int, then: str
) -> None:
    video_id = paid(version)
    left_by(version, name, video_id, keeping)
    returned = create_task(deferrable=False).execute(keeping.context(max_tries=max_tries))
    assert [one.id for one in gateway.billed] == ([video_id] if then == RESUMED else [video_id, returned])
    now = keeping.now()
    assert (now["video_id"], now["epoch"]) == (returned, max_tries)
    assert now["delivered_at"] is not None


@pytest.mark.parametrize(
    ("name", "max_tries"),
    [("intent", TaskInstance.max_tries), ("intent", CLEARED), ("unknown", TaskInstance.max_tries)],
)
def test_a_record_of_an_unknown_outcome_keeps_the_next_try_from_paying(
    gateway: Emulator, keeping: Keeping, version: str, name: str, max_tries: int
) -> None:
    left_by(version, name, "", keeping)
    with pytest.raises(AirflowFailException, match="The outcome of"):
        create_task().execute(keeping.context(max_tries=max_tries))
    assert gateway.requests == ()
    assert keeping.now()["unknown_reported"] is True


def test_the_same_request_is_still_the_same(version: str) -> None:
    kept = kept_by(version, "records")
    assert digest_of(VideoRequest(**kept["request"]), kept["conn_id"]) == kept["digest"]


def test_what_was_pushed_to_xcom_is_taken(gateway: Emulator, version: str, tmp_path: Path) -> None:
    video_id = paid(version)
    kept = about(kept_by(version, "xcoms"), video_id)
    resuming = TaskInstance()
    resuming.xcom_push("video", kept["create"]["at_submit"])
    event = event_of(about(kept_by(version, "deferred_create"), video_id)["trigger"])
    assert create_task().execute_complete({"ti": resuming}, event) == video_id
    for number, told in enumerate((kept["create"]["return_value"], kept["sensor"]["return_value"])):
        target = tmp_path / f"{number}.mp4"
        Sora2DownloadVideoOperator(task_id="store", video_id=told, path=str(target)).execute({"ti": TaskInstance()})
        assert target.stat().st_size > 0
    assert len(gateway.billed) == 1


def test_a_connection_means_the_same(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = kept_by(version, "connection")
    monkeypatch.setenv("AIRFLOW_CONN_SORA2_DEFAULT", json.dumps(kept))
    settings = Sora2Hook().get_conn().settings
    limits = limits_of("sora2_default", kept["extra"])
    assert (settings.base_url, settings.api_key) == (kept["host"], kept["password"])
    meant = {"verify_tls": False, "extra_headers": json.loads(kept["extra"]["extra_headers"])}
    for name, value in {**kept["extra"], **meant}.items():
        if hasattr(limits, name):
            assert getattr(limits, name) == value, name
        else:
            assert getattr(settings, name) == value, name


def test_options_that_were_set_are_still_read(version: str) -> None:
    for section, names in kept_by(version, "interface")["options"].items():
        assert set(names) <= provider_info()["config"][section]["options"].keys()
