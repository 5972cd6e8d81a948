"""A connection's caps: creates beyond them are not sent, what was not accepted is not counted, and no retry is counted twice."""

from __future__ import annotations

import datetime
import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sora2_provider.compat import AirflowFailException, retry_types
from sora2_provider.exceptions import CapReached, InvalidParameter, LeftRendering, Sora2Error
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.reporting.retry_policy import pass_on_retry_after, retry_after
from sora2_provider.spending import balance, caps
from sora2_provider.spending.counter import CounterUnavailable, CreateCounter
from tests.exact_errors import raises_exactly
from tests.unit.durable import failing

TWENTY_TO_THREE = datetime.datetime(2026, 11, 22, 14, 40, tzinfo=datetime.UTC).timestamp()
HOUR, DAY = "hour-2026-11-22T14", "day-2026-11-22"
REQUEST = VideoRequest("a cat")
RETRY_DELAY = r"timedelta\(minutes=21\) or more is long enough now, and timedelta\(hours=1\) always"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    made = SimpleNamespace(now=TWENTY_TO_THREE, time=lambda: made.now)
    monkeypatch.setattr(caps, "time", made)
    return made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW__SORA2__SPENDING_PATH", str(tmp_path / "spending"))
    return tmp_path / "spending" / "_creates" / "sora2_default"


@pytest.fixture
def cap(gateway: Any, connect: Callable[..., None], folder: Path) -> Callable[..., None]:
    return lambda **extra: connect(gateway.url, **extra)


def operator(**options: Any) -> Sora2CreateVideoOperator:
    return Sora2CreateVideoOperator(task_id="create", prompt="a cat", **options)


def create(context: dict[str, Any], **options: Any) -> str:
    return operator(**options).execute(context)


def used(folder: Path, name: str = HOUR) -> int:
    return len(list((folder / name).glob("claim-*"))) - len(list((folder / name).glob("return-*")))


def test_there_is_no_cap_and_no_count_by_default(gateway, context, folder):
    create(context)
    assert not folder.parent.exists()


@pytest.mark.parametrize("by", ["extra", "option"])
def test_the_create_after_the_last_is_refused_and_not_sent(gateway, connect, folder, context, monkeypatch, by):
    if by == "extra":
        connect(gateway.url, max_creates_per_hour=2)
    else:
        monkeypatch.setenv("AIRFLOW__SORA2__MAX_CREATES_PER_HOUR", "2")
    for _ in range(2):
        create(context)
    with raises_exactly(CapReached) as caught:
        create(context)
    assert str(caught.value).startswith(
        "2 of 2 creates are used this hour (UTC 14:00 to 15:00) on connection 'sora2_default'. Nothing was sent, and nothing "
        "was paid. The next one is possible at 2026-11-22 15:00 UTC. "
    )
    assert str(caught.value).endswith("raise max_creates_per_hour in the connection's extra or in [sora2].")
    assert len(gateway.requests) == len(gateway.billed) == used(folder) == 2


def test_the_next_hour_begins_a_new_count_and_the_day_goes_on(gateway, cap, folder, context, clock):
    cap(max_creates_per_hour=2, max_creates_per_day=3)
    create(context)
    create(context)
    with pytest.raises(CapReached, match="this hour"):
        create(context)
    clock.now += 20 * 60
    create(context)
    before = sorted(folder.rglob("*"))
    with pytest.raises(CapReached, match=r"^3 of 3 creates are used this day \(UTC, 2026-11-22\)") as caught:
        create(context)
    assert sorted(folder.rglob("*")) == before, "a refused create leaves nothing behind"
    assert "possible at 2026-11-23 00:00 UTC" in str(caught.value)
    assert "max_creates_per_day" in str(caught.value)
    assert 9 * 3600 + 5 <= caught.value.retry_after <= 9 * 3600 + 60
    clock.now += 9 * 3600
    create(context)
    assert len(gateway.billed) == 4
    assert used(folder, DAY) == 3, "what the hour refused is not counted for the day"


def test_the_day_is_refunded_when_another_process_gets_the_last_create_of_the_hour(cap, folder, context, monkeypatch):
    cap(max_creates_per_hour=1, max_creates_per_day=10)
    monkeypatch.setattr(CreateCounter, "used", lambda *_: 0)
    create(context)
    with pytest.raises(CapReached, match="1 of 1 creates are used this hour"):
        create(context)
    assert used(folder, DAY) == used(folder) == 1


def test_a_create_that_the_hour_refuses_adds_nothing_to_the_count_of_the_day(cap, folder, context):
    cap(max_creates_per_hour=1, max_creates_per_day=5)
    create(context)
    with pytest.raises(CapReached, match="1 of 1 creates are used this hour"):
        create(context)
    assert [path.name for path in (folder / DAY).iterdir()] == ["claim-000000.json"]


def test_each_connection_has_its_own_count(gateway, connect, cap, folder, context):
    cap(max_creates_per_hour=1)
    connect(gateway.url, conn_id="stu.dio", max_creates_per_hour=1)
    create(context)
    create(context, sora2_conn_id="stu.dio")
    with pytest.raises(CapReached, match=r"'stu\.dio'"):
        create(context, sora2_conn_id="stu.dio")
    assert len(list(folder.parent.iterdir())) == 2


def test_a_cap_without_a_folder_is_refused_before_anything_is_sent(gateway, connect, context, durable_context):
    connect(gateway.url, max_creates_per_day=5)
    for one in (context, durable_context):
        with pytest.raises(InvalidParameter) as caught:
            create(one)
        words = ("max_creates_per_day", "[sora2] spending_path", "state_path", "Nothing was sent")
        assert all(word in str(caught.value) for word in words)
    assert gateway.requests == ()


def test_nothing_is_sent_while_the_count_cannot_be_read(gateway, cap, context, tmp_path):
    (tmp_path / "spending").write_text("a file where the folder should be")
    cap(max_creates_per_hour=1)
    with raises_exactly(Sora2Error, match=r"cannot be counted.*Nothing was sent"):
        create(context)
    assert gateway.requests == ()


def test_a_count_that_breaks_takes_back_what_is_counted_elsewhere(gateway, cap, folder, context, monkeypatch):
    cap(max_creates_per_hour=1, max_creates_per_day=1)
    increment = CreateCounter.increment

    def breaks(self: CreateCounter, *arguments: Any) -> int | None:
        if "/hour-" in self.folder:
            raise CounterUnavailable("away")
        return increment(self, *arguments)

    monkeypatch.setattr(CreateCounter, "increment", breaks)
    with raises_exactly(Sora2Error, match="cannot be counted"):
        create(context)
    assert used(folder, DAY) == 0
    assert gateway.requests == ()


def test_a_retry_that_resumes_its_video_is_neither_counted_nor_refused(
    gateway, cap, folder, durable_context, monkeypatch
):
    cap(max_creates_per_hour=1, min_balance=99.85)
    gateway.fault(route="query", status=502, html=True, times=None)
    with pytest.raises(LeftRendering):
        create(durable_context, wait_for_completion=True, timeout=0.05, poll_interval=0.01)
    gateway.clear_faults()
    gateway.settings(balance=0.2)
    monkeypatch.setattr(balance, "_cache", {})
    assert create(durable_context, wait_for_completion=True, poll_interval=0.01) == gateway.billed[0].id
    assert used(folder) == len(gateway.billed) == 1


# A fault, the creates that are sent, and those that are accepted.
FAULTS = {
    "moderation": ({"status": 400, "body": {"error": {"message": "no", "code": "sentinel_block"}}}, 1, 0),
    "a wrong key": ({"status": 401, "body": {"error": {"message": "invalid token"}}}, 1, 0),
    "too many requests": ({"status": 429, "times": None}, 3, 0),
    "an answer that is lost": ({"reset": "after"}, 1, 1),
}


@pytest.mark.parametrize("by", ["operator", "hook"])
@pytest.mark.parametrize(("fault", "sent", "accepted"), FAULTS.values(), ids=FAULTS)
def test_a_reservation_is_released_only_where_nothing_was_accepted(
    gateway, cap, folder, durable_context, fault, sent, accepted, by
):
    cap(max_creates_per_hour=1, max_creates_per_day=1)
    gateway.fault(route="create", **fault)
    submit = (lambda: create(durable_context)) if by == "operator" else (lambda: Sora2Hook().create_video(REQUEST))
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the hook's and the operator's are others
        submit()
    assert not isinstance(caught.value, (CapReached, InvalidParameter))
    assert len(gateway.requests) == sent, "the reservation is kept while the create is sent again"
    assert used(folder) == used(folder, DAY) == len(gateway.billed) == accepted
    gateway.clear_faults()
    if not accepted:
        submit()
        assert used(folder) == used(folder, DAY) == len(gateway.billed) == 1


def test_an_intent_that_cannot_be_written_releases_the_reservation(gateway, cap, folder, durable_context):
    cap(max_creates_per_hour=1)
    state = durable_context["task_state_store"]
    write, state.set = state.set, failing(OSError("away"))
    with raises_exactly(Sora2Error, match="othing was sent"):
        create(durable_context)
    assert used(folder) == 0
    state.set = write
    create(durable_context)
    assert used(folder) == len(gateway.billed) == 1


def test_a_reservation_that_cannot_be_released_is_lost_and_hides_no_error(
    gateway, cap, folder, context, monkeypatch, logged
):
    cap(max_creates_per_hour=1)
    gateway.fault(route="create", status=400, body={"error": {"message": "no", "code": "sentinel_block"}})
    monkeypatch.setattr(CreateCounter, "refund", failing(CounterUnavailable("away")))
    with pytest.raises(AirflowFailException, match="sentinel_block"):
        create(context)
    assert "counts until the hour or day is over: away" in logged()
    assert used(folder) == 1


def test_creates_are_counted_under_the_state_path_where_there_is_no_other(cap, tmp_path, monkeypatch, context):
    cap(max_creates_per_hour=2)
    monkeypatch.delenv("AIRFLOW__SORA2__SPENDING_PATH")
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path))
    create(context)
    assert used(tmp_path / "_creates" / "sora2_default") == 1


def test_counts_that_are_over_are_removed_by_the_first_create_of_an_hour(cap, folder, context, clock):
    cap(max_creates_per_hour=5, max_creates_per_day=50)
    (folder / "hour-of-somebody-else").mkdir(parents=True)
    for seconds in (0, 86_400, 86_400 + 3600):
        clock.now += seconds
        create(context)
    days = ["day-2026-11-22", "day-2026-11-23", "day-2026-11-24"]
    hours = ["hour-2026-11-23T14", "hour-2026-11-24T15", "hour-of-somebody-else"]
    assert sorted(path.name for path in folder.iterdir()) == days + hours


@pytest.mark.parametrize(("seconds", "kept"), [(0, True), (1, False)])
def test_a_count_is_kept_for_two_days_after_its_end(cap, folder, context, clock, seconds, kept):
    cap(max_creates_per_hour=5)
    over = folder / "day-2026-11-22"
    over.mkdir(parents=True)
    clock.now = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC).timestamp() + seconds
    create(context)
    assert over.exists() is kept


def test_counts_that_cannot_be_removed_stop_no_create(cap, folder, context, monkeypatch, logged):
    cap(max_creates_per_hour=5)
    (folder / "hour-2020-01-01T00").mkdir(parents=True)
    monkeypatch.setattr("sora2_provider.storage.remove_folder", failing(OSError("read-only")))
    create(context)
    assert "could not be removed: read-only" in logged()


def test_a_cap_that_is_no_number_stops_creates_but_no_wait(gateway, cap, context):
    video_id = create(context)
    cap(max_creates_per_hour="plenty")
    with pytest.raises(InvalidParameter, match=r"max_creates_per_hour='plenty'.*Nothing was sent"):
        create(context)
    assert "'plenty'" in Sora2Hook().test_connection()[1]
    assert Sora2Hook().wait_for_video(video_id).id == video_id
    assert len(gateway.billed) == 1


@pytest.mark.parametrize("by", ["operator", "a retry policy of the user's own", "hook"])
def test_the_retry_waits_for_the_next_hour_or_the_message_says_how_long(gateway, cap, context, by):
    cap(max_creates_per_hour=1)
    create(context)
    task = operator()
    waits = by == "operator" and retry_types() is not None
    if by != "operator":
        task.retry_policy = object()
        assert pass_on_retry_after(task) is False
    with pytest.raises(CapReached, match="the next one waits until then" if waits else RETRY_DELAY) as caught:
        Sora2Hook().create_video(REQUEST) if by == "hook" else task.execute(context)
    assert len(gateway.billed) == 1
    if waits:
        decision = task.retry_policy.evaluate(caught.value, try_number=1, max_tries=3)
        assert decision.action.value == "retry"
        assert 20 * 60 + 5 <= decision.retry_delay.total_seconds() <= 20 * 60 + 60


def test_what_a_refusal_says_survives_a_process_boundary():
    error = pickle.loads(pickle.dumps(CapReached("3 of 3", retry_after=1260.0)))
    assert (str(error), retry_after(error)) == ("3 of 3", 1260.0)
