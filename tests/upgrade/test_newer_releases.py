"""After a rollback, or in the middle of an upgrade: what a newer release has left is understood or refused clearly, and
no video is paid for again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import sora2_provider
from dev.upgrade_fixtures import TaskInstance, create_task, event_of
from sora2_provider.compat import AirflowFailException
from sora2_provider.emulator import Emulator
from sora2_provider.exceptions import LeftRendering, Sora2Error
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.submission.record import VERSION
from tests.exact_errors import raises_exactly
from tests.upgrade.keeping import CLEARED, Keeping, about, kept_by

KEPT = {name: kept_by(sora2_provider.__version__, name) for name in ("deferred_create", "records", "events")}


@pytest.fixture
def video_id(gateway: Emulator) -> str:
    """A video that the newer release has paid for."""
    return Sora2Hook().create_video(VideoRequest(**KEPT["records"]["request"])).id


def leave(keeping: Keeping, record: Any) -> None:
    keeping.leave(record, key=KEPT["records"]["key"], name=KEPT["records"]["record_name"]["name"])


@pytest.mark.parametrize("max_tries", [TaskInstance.max_tries, CLEARED])
@pytest.mark.parametrize("name", ["intent", "accepted", "delivered", "unknown"])
@pytest.mark.parametrize("policies", [{}, {"on_unknown_submission": "resubmit", "on_clear": "reuse"}])
def test_a_record_of_a_newer_form_is_refused_and_nothing_is_sent(
    gateway: Emulator, keeping: Keeping, name: str, max_tries: int, policies: dict[str, str]
) -> None:
    newer = {**KEPT["records"][name], "version": VERSION + 1}
    leave(keeping, newer)
    with raises_exactly(Sora2Error, match="a newer release of airflow-provider-sora2 wrote it") as refusal:
        create_task(**policies).execute(keeping.context(max_tries=max_tries))
    assert not isinstance(refusal.value, AirflowFailException), "a retry finds it when the newer release is back"
    assert "Nothing was sent" in str(refusal.value)
    assert gateway.requests == ()
    assert keeping.now() == newer, "the newer release finds it as it was"


def test_a_record_with_a_fact_more_is_understood(gateway: Emulator, video_id: str, keeping: Keeping) -> None:
    leave(keeping, {**about(KEPT["records"]["accepted"], video_id), "priority": "high"})
    assert create_task(deferrable=False).execute(keeping.context()) == video_id
    assert len(gateway.billed) == 1


def resume(kept: Any, event: Any, context: Any) -> Any:
    return create_task().resume_execution(kept["method_name"], {**kept["kwargs"], "event": event}, context)


def test_a_deferral_and_an_event_with_facts_more_are_understood(gateway: Emulator, video_id: str) -> None:
    kept = about(KEPT["deferred_create"], video_id)
    event = event_of(kept["trigger"])
    event |= {"colour": "red", "video": {**event["video"], "colour": "red", "usage": {"total_tokens": 1, "cached": 0}}}
    kept["kwargs"]["record"]["colour"] = "red"
    assert resume(kept, event, {"ti": TaskInstance()}) == video_id
    assert len(gateway.billed) == 1


def test_a_trigger_with_an_argument_more_is_refused_as_airflow_expects(gateway: Emulator) -> None:
    # The triggerer turns a TypeError into a failure of the task; see also test_whole_airflow.py.
    with pytest.raises(TypeError, match="colour"):
        event_of(KEPT["deferred_create"]["trigger"], colour="red")


#: How a deferral, or the event that ends it, may differ: both are changed in place.
CHANGES: dict[str, Callable[[Any, Any], object]] = {
    "another version of the event": lambda kept, event: event.update(version=event["version"] + 1),
    "another outcome": lambda kept, event: event.update(outcome="archived"),
    "another status": lambda kept, event: event["video"].update(status="archived"),
    "another method": lambda kept, event: kept.update(method_name="execute_store"),
    "another argument": lambda kept, event: kept["kwargs"].update(stage="store"),
    "another resume state": lambda kept, event: kept["kwargs"].update(record={"video": event["video_id"]}),
}


def deferral_of_a_newer_release(what: str, video_id: str) -> tuple[Any, Any]:
    kept, event = (about(one, video_id) for one in (KEPT["deferred_create"], KEPT["events"]["completed"]))
    CHANGES[what](kept, event)
    return kept, event


@pytest.mark.parametrize("what", CHANGES)
def test_a_deferral_that_cannot_be_resumed_fails_and_the_retry_goes_on_with_the_video(
    gateway: Emulator, video_id: str, keeping: Keeping, what: str
) -> None:
    leave(keeping, about(KEPT["records"]["accepted"], video_id))
    kept, event = deferral_of_a_newer_release(what, video_id)
    with raises_exactly(LeftRendering, match="and then the task broke") as failure:
        resume(kept, event, keeping.context())
    assert not isinstance(failure.value, AirflowFailException)
    assert create_task(deferrable=False).execute(keeping.context()) == video_id
    assert len(gateway.billed) == 1


def test_without_a_record_such_a_task_is_not_retried_into_a_second_bill(gateway: Emulator, video_id: str) -> None:
    kept, event = deferral_of_a_newer_release("another version of the event", video_id)
    with pytest.raises(AirflowFailException, match=video_id):
        resume(kept, event, {"ti": TaskInstance()})
    assert len(gateway.billed) == 1
