"""An end without a video counts only when a second answer says it again: after it, the same video may be paid for again."""

from __future__ import annotations

import pytest

from sora2_provider.compat import AirflowFailException
from sora2_provider.exceptions import LeftRendering, RenderingFailed
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor
from tests.unit.test_download import asked

TROUBLE = {"message": "database is locked"}


@pytest.fixture
def slow(gateway):
    """A gateway that is rendering for as long as the test lasts, unless it is told otherwise."""
    gateway.settings(render_seconds=1000)
    return gateway


def create(context, **options):
    return Sora2CreateVideoOperator(task_id="create", prompt="a cat", **{"poll_interval": 0.01, **options}).execute(
        context
    )


def says_once(gateway, video_id, status, **options):
    gateway.fault(route="query", body={"id": video_id, "status": status, "error": TROUBLE, **options}, times=1)


@pytest.mark.parametrize("status", ["error", "failed", "expired", "cancelled"])
def test_a_wait_goes_on_after_an_end_that_was_said_only_once(slow, durable_context, status):
    video_id = create(durable_context)
    says_once(slow, video_id, status)
    slow.fault(
        route="query", body={"id": video_id, "status": "completed", "video_url": f"{slow.url}/x.mp4"}, times=None
    )
    assert Sora2Hook().wait_for_video(video_id, timeout=20, poll_interval=0.01).id == video_id


@pytest.mark.parametrize("wait", [False, True])
def test_a_retry_that_hears_once_that_its_video_has_failed_pays_for_no_other(slow, durable_context, monkeypatch, wait):
    with monkeypatch.context() as patch:
        patch.setattr("sora2_provider.submission.journal.SubmissionJournal.delivered", fails)
        with pytest.raises(LeftRendering):
            create(durable_context, wait_for_completion=wait, timeout=0.05)
    (made,) = slow.billed
    says_once(slow, made.id, "failed")
    if wait:
        slow.fault(
            route="query", body={"id": made.id, "status": "completed", "video_url": f"{slow.url}/x.mp4"}, times=None
        )
    assert create(durable_context, wait_for_completion=wait) == made.id
    assert len(slow.billed) == 1


def fails(*_: object) -> None:
    raise RuntimeError("the state cannot be written")


def test_a_failure_that_is_confirmed_ends_the_wait_and_may_be_submitted_again(gateway, durable_context):
    gateway.fault(route="create", rendering="failed", error_message="worker crashed", times=1)
    gateway.settings(render_seconds=0)
    with pytest.raises(RenderingFailed, match="worker crashed"):
        create(durable_context, wait_for_completion=True)
    assert len(asked(gateway, "query")) == 2
    create(durable_context)
    assert len(gateway.billed) == 2


def test_a_failure_that_time_was_too_short_to_confirm_is_told_and_leads_to_no_second_bill(
    slow, durable_context, monkeypatch
):
    monkeypatch.setattr("sora2_provider.gateway.polling.wait.CONFIRMED_AFTER", 60.0)
    slow.fault(route="create", rendering="failed", error_message="worker crashed")
    slow.settings(render_seconds=0)
    with pytest.raises(
        LeftRendering, match=r"said last that it is 'failed'.*time was up.*if its rendering has not failed"
    ):
        create(durable_context, wait_for_completion=True, timeout=0.05)
    assert len(slow.billed) == 1


class TestSensor:
    @pytest.fixture
    def video_id(self, slow, context):
        return create(context)

    def sensor(self, video_id, **options):
        return Sora2VideoSensor(task_id="wait", video_id=video_id, **options)

    def test_when_it_pokes_the_next_poke_confirms(self, slow, video_id, context):
        slow.fail(video_id, "", "worker crashed")
        one = self.sensor(video_id)
        assert not one.poke(context)
        with pytest.raises(AirflowFailException, match="worker crashed"):
            one.poke(context)

    @pytest.mark.parametrize("options", [{"mode": "reschedule"}, {"deferrable": True}], ids=str)
    def test_where_the_next_poke_would_not_know_it_asks_twice(self, slow, video_id, context, options):
        says_once(slow, video_id, "failed")
        assert not self.sensor(video_id, **options).poke(context)
        slow.fail(video_id, "", "worker crashed")
        with pytest.raises(AirflowFailException, match="worker crashed"):
            self.sensor(video_id, **options).poke(context)
