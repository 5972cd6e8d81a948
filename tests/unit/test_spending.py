"""A connection's caps: refused before anything is sent, given back where nothing was accepted, and never asked by a retry
that resumes its video."""

from __future__ import annotations

import datetime
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sora2_provider.compat import AirflowException, AirflowFailException, retry_types
from sora2_provider.exceptions import CapReached, InvalidParameter, LeftRendering
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.reporting.retry_policy import pass_on_retry_after, retry_after
from sora2_provider.spending import balance as reserve
from sora2_provider.spending import caps as spending
from sora2_provider.spending.counter import Tally

TWENTY_TO_THREE = datetime.datetime(2026, 11, 22, 14, 40, tzinfo=datetime.UTC).timestamp()
REQUEST = VideoRequest("a cat")


class Clock:
    def __init__(self) -> None:
        self.now = TWENTY_TO_THREE

    def time(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(spending, "time", made)
    return made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where creates are counted."""
    monkeypatch.setenv("AIRFLOW__SORA2__SPENDING_PATH", str(tmp_path / "spending"))
    return tmp_path / "spending" / "_creates" / "sora2_default"


@pytest.fixture
def cap(gateway: Any, connect: Callable[..., None], folder: Path) -> Callable[..., None]:
    def set_cap(**extra: Any) -> None:
        connect(gateway.url, **extra)

    return set_cap


def create(context: dict[str, Any], **options: Any) -> str:
    return Sora2CreateVideoOperator(task_id="create", prompt="a cat", **options).execute(context)


def used(folder: Path, name: str = "hour-2026-11-22T14") -> int:
    return len(list((folder / name).glob("claim-*"))) - len(list((folder / name).glob("return-*")))


def test_there_is_no_cap_and_no_count_unless_somebody_says_so(gateway, context, folder):
    for _ in range(3):
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
    with pytest.raises(CapReached) as caught:
        create(context)
    assert str(caught.value).startswith(
        "2 of 2 creates are used this hour (UTC 14:00 to 15:00) on connection 'sora2_default'. Nothing was sent, and nothing "
        "was paid. The next one is possible at 2026-11-22 15:00 UTC. "
    )
    assert str(caught.value).endswith("raise max_creates_per_hour in the connection's extra or in [sora2].")
    assert not isinstance(caught.value, AirflowFailException), "a later retry may submit"
    assert len(gateway.requests) == len(gateway.billed) == 2


def test_the_next_hour_has_slots_of_its_own_and_the_day_goes_on(gateway, cap, folder, context, clock):
    cap(max_creates_per_hour=2, max_creates_per_day=3)
    create(context)
    create(context)
    with pytest.raises(CapReached, match="this hour"):
        create(context)
    clock.now += 20 * 60
    create(context)
    with pytest.raises(CapReached, match=r"^3 of 3 creates are used this day \(UTC, 2026-11-22\)") as caught:
        create(context)
    assert "possible at 2026-11-23 00:00 UTC" in str(caught.value)
    assert "max_creates_per_day" in str(caught.value)
    assert 9 * 3600 + 5 <= caught.value.retry_after <= 9 * 3600 + 60
    clock.now += 9 * 3600
    create(context)
    assert len(gateway.billed) == 4
    assert used(folder, "day-2026-11-22") == 3, "what the hour refused is not counted for the day"


def test_who_is_refused_leaves_nothing_behind(cap, folder, context):
    cap(max_creates_per_hour=1, max_creates_per_day=10)
    create(context)
    before = sorted(folder.rglob("*"))
    for _ in range(5):
        with pytest.raises(CapReached):
            create(context)
    assert sorted(folder.rglob("*")) == before


def test_a_slot_of_the_day_is_given_back_when_the_hours_last_one_is_snatched(cap, folder, context, monkeypatch):
    cap(max_creates_per_hour=1, max_creates_per_day=10)
    monkeypatch.setattr(Tally, "used", lambda *_: 0)
    create(context)
    with pytest.raises(CapReached, match="1 of 1 creates are used this hour"):
        create(context)
    assert used(folder, "day-2026-11-22") == used(folder) == 1


def test_a_raised_cap_holds_at_once(cap, gateway, context):
    cap(max_creates_per_hour=1)
    create(context)
    with pytest.raises(CapReached):
        create(context)
    cap(max_creates_per_hour=2)
    create(context)
    cap(max_creates_per_hour=1)
    with pytest.raises(CapReached, match="2 of 1 creates"):
        create(context)
    assert len(gateway.billed) == 2


def test_each_connection_has_a_count_of_its_own(gateway, connect, cap, folder, context):
    cap(max_creates_per_hour=1)
    connect(gateway.url, conn_id="stu.dio", max_creates_per_hour=1)
    create(context)
    create(context, sora2_conn_id="stu.dio")
    with pytest.raises(CapReached, match=r"'stu\.dio'"):
        create(context, sora2_conn_id="stu.dio")
    assert len(list(folder.parent.iterdir())) == 2


def test_a_cap_without_a_place_to_count_is_refused_before_anything_is_sent(gateway, connect, context, durable_context):
    connect(gateway.url, max_creates_per_day=5)
    for one in (context, durable_context):
        with pytest.raises(InvalidParameter) as caught:
            create(one)
        for words in ("max_creates_per_day", "[sora2] spending_path", "state_path", "Nothing was sent"):
            assert words in str(caught.value)
    assert gateway.requests == ()


def test_state_path_is_the_place_where_no_other_is_named(gateway, connect, context, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path / "state"))
    connect(gateway.url, max_creates_per_hour=1)
    create(context)
    assert used(tmp_path / "state" / "_creates" / "sora2_default") == 1


def test_a_place_that_is_away_means_that_nothing_is_sent(gateway, cap, context, tmp_path):
    (tmp_path / "spending").write_text("a file where the folder should be")
    cap(max_creates_per_hour=1)
    with pytest.raises(AirflowException, match=r"cannot be counted.*Nothing was sent") as caught:
        create(context)
    assert not isinstance(caught.value, AirflowFailException)
    assert gateway.requests == ()


def test_a_retry_that_resumes_its_video_takes_no_slot_and_is_never_refused(
    gateway, cap, folder, durable_context, monkeypatch
):
    cap(max_creates_per_hour=1, min_balance=99.85)
    gateway.fault(route="query", status=502, html=True, times=None)
    with pytest.raises(LeftRendering):
        create(durable_context, wait_for_completion=True, timeout=0.05, poll_interval=0.01)
    gateway.clear_faults()
    gateway.settings(balance=0.2)
    monkeypatch.setattr(reserve, "_known", {})
    assert create(durable_context, wait_for_completion=True, poll_interval=0.01) == gateway.billed[0].id
    assert used(folder) == len(gateway.billed) == 1


REFUSALS = {
    "moderation": ({"status": 400, "body": {"error": {"message": "no", "code": "sentinel_block"}}}, 1),
    "a wrong key": ({"status": 401, "body": {"error": {"message": "invalid token"}}}, 1),
    "too many requests": ({"status": 429, "times": None}, 3),
}


@pytest.mark.parametrize("by", ["operator", "hook"])
@pytest.mark.parametrize(("fault", "sent"), REFUSALS.values(), ids=REFUSALS)
def test_a_definite_refusal_gives_the_slot_back(gateway, cap, folder, durable_context, fault, sent, by):
    cap(max_creates_per_hour=1, max_creates_per_day=1)
    gateway.fault(route="create", **fault)
    submit = (lambda: create(durable_context)) if by == "operator" else (lambda: Sora2Hook().create_video(REQUEST))
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the hook's and the operator's are others
        submit()
    assert not isinstance(caught.value, CapReached)
    assert len(gateway.requests) == sent, "the slot is kept while the create is sent again"
    assert used(folder) == used(folder, "day-2026-11-22") == 0
    gateway.clear_faults()
    submit()
    assert used(folder) == used(folder, "day-2026-11-22") == len(gateway.billed) == 1


@pytest.mark.parametrize("by", ["operator", "hook"])
def test_an_unknown_outcome_keeps_the_slot(gateway, cap, folder, durable_context, by):
    cap(max_creates_per_hour=1)
    gateway.fault(route="create", reset="after")
    with pytest.raises(AirflowFailException, match=r"[Nn]obody knows|answer was lost"):
        create(durable_context) if by == "operator" else Sora2Hook().create_video(REQUEST)
    assert used(folder) == len(gateway.billed) == 1


def test_the_hook_obeys_the_caps(gateway, cap):
    cap(max_creates_per_hour=2)
    hook = Sora2Hook()
    for _ in range(2):
        hook.create_video(REQUEST)
    with pytest.raises(
        CapReached, match=r"timedelta\(minutes=21\) or more is long enough now, and timedelta\(hours=1\)"
    ):
        hook.create_video(REQUEST)
    assert len(gateway.billed) == 2


def test_an_intent_that_cannot_be_written_gives_the_slot_back(gateway, cap, folder, durable_context):
    cap(max_creates_per_hour=1)
    state = durable_context["task_state_store"]
    write, state.set = state.set, lambda *_, **__: (_ for _ in ()).throw(OSError("away"))
    with pytest.raises(AirflowException, match="Nothing was sent"):
        create(durable_context)
    assert used(folder) == 0
    state.set = write
    create(durable_context)
    assert used(folder) == len(gateway.billed) == 1


def test_a_slot_that_cannot_be_given_back_is_lost_and_hides_no_error(
    gateway, cap, folder, context, monkeypatch, logged
):
    cap(max_creates_per_hour=1)
    gateway.fault(route="create", status=400, body={"error": {"message": "no", "code": "sentinel_block"}})
    monkeypatch.setattr(Tally, "give_back", lambda *_: (_ for _ in ()).throw(spending.TallyUnavailable("away")))
    with pytest.raises(AirflowFailException, match="sentinel_block"):
        create(context)
    assert "is lost until its hour or day is over" in logged()
    assert used(folder) == 1


_DIES = """
import os, signal, sys
from types import SimpleNamespace
from sora2_provider.spending import balance as reserve, caps as spending
from sora2_provider.submission.journal import SubmissionJournal
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
spending.time = SimpleNamespace(time=lambda: float(sys.argv[1]))
SubmissionJournal.intend = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
ti = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, max_tries=1, xcom_push=lambda **_: None)
Sora2CreateVideoOperator(task_id="t", prompt="a cat").execute({"ti": ti})
"""


def test_a_process_that_dies_before_its_create_has_lost_a_slot_and_nothing_else(
    gateway, cap, folder, tmp_path, monkeypatch, durable_context
):
    cap(max_creates_per_hour=2)
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path / "state"))
    command = [sys.executable, "-c", _DIES, str(TWENTY_TO_THREE)]
    killed = subprocess.run(command, capture_output=True, timeout=240, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (used(folder), gateway.requests) == (1, ())
    create(durable_context)
    assert (used(folder), len(gateway.billed)) == (2, 1)
    with pytest.raises(CapReached):
        Sora2Hook().create_video(REQUEST)


def test_counts_that_are_over_are_removed_by_the_first_create_of_an_hour(cap, folder, context, clock):
    cap(max_creates_per_hour=5, max_creates_per_day=50)
    (folder / "hour-of-somebody-else").mkdir(parents=True)
    create(context)
    clock.now += 86_400
    create(context)
    clock.now += 86_400 + 3600
    create(context)
    left = sorted(path.name for path in folder.iterdir())
    assert left == [
        "day-2026-11-22",
        "day-2026-11-23",
        "day-2026-11-24",
        "hour-2026-11-23T14",
        "hour-2026-11-24T15",
        "hour-of-somebody-else",
    ]


def test_counts_that_cannot_be_removed_stop_no_create(cap, folder, context, monkeypatch, logged):
    cap(max_creates_per_hour=5)
    (folder / "hour-2020-01-01T00").mkdir(parents=True)
    monkeypatch.setattr("sora2_provider.storage.remove_folder", lambda _: (_ for _ in ()).throw(OSError("read-only")))
    create(context)
    assert "could not be removed: read-only" in logged()


def test_a_cap_that_is_none_is_named_by_the_task_and_by_the_connection_test(gateway, cap, context):
    cap(max_creates_per_hour="plenty")
    with pytest.raises(InvalidParameter, match=r"max_creates_per_hour='plenty'.*Nothing was sent"):
        create(context)
    assert gateway.requests == ()
    works, said = Sora2Hook().test_connection()
    assert (works, "'plenty'" in said) == (False, True)


def test_a_cap_that_is_none_loses_no_video_that_is_waited_for(gateway, cap, context):
    video_id = create(context)
    cap(max_creates_per_hour="plenty")
    assert Sora2Hook().wait_for_video(video_id).id == video_id


@pytest.mark.skipif(retry_types() is None, reason="Airflow before 3.3 has no retry policies")
def test_the_retry_waits_for_the_next_hour(cap, context):
    cap(max_creates_per_hour=1)
    create(context)
    operator = Sora2CreateVideoOperator(task_id="create", prompt="a cat")
    with pytest.raises(CapReached, match="If the task has retries left, the next one waits until then") as caught:
        operator.execute(context)
    decision = operator.retry_policy.evaluate(caught.value, try_number=1, max_tries=3)
    assert decision.action.value == "retry"
    assert 20 * 60 + 5 <= decision.retry_delay.total_seconds() <= 20 * 60 + 60


@pytest.mark.skipif(retry_types() is not None, reason="Airflow 3.3 and later wait by themselves")
def test_before_airflow_3_3_the_message_says_which_retry_delay_to_use(cap, context):
    cap(max_creates_per_hour=1)
    create(context)
    with pytest.raises(
        CapReached, match=r"timedelta\(minutes=21\) or more is long enough now, and timedelta\(hours=1\)"
    ):
        create(context)


def test_a_policy_of_the_users_own_is_told_which_retry_delay_to_use(cap, context):
    cap(max_creates_per_hour=1)
    create(context)
    operator = Sora2CreateVideoOperator(task_id="create", prompt="a cat")
    operator.retry_policy = object()
    assert pass_on_retry_after(operator) is False
    with pytest.raises(CapReached, match=r"timedelta\(minutes=21\)"):
        operator.execute(context)


def test_what_a_refusal_says_survives_a_process_boundary():
    error = pickle.loads(pickle.dumps(CapReached("3 of 3", retry_after=1260.0)))
    assert (str(error), retry_after(error)) == ("3 of 3", 1260.0)
