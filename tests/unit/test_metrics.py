"""Metrics as a StatsD server gets them, through Airflow's own client and a real socket; and a loop that nothing blocks."""

from __future__ import annotations

import asyncio
import re
import threading
from pathlib import Path

import pytest

from sora2_provider.exceptions import CapReached, FinalError, InvalidParameter, RenderingFailed, Sora2Error
from sora2_provider.gateway import errors
from sora2_provider.gateway.models import Video, VideoStatus
from sora2_provider.gateway.polling.wait import Finished, Outcome
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.reporting import metrics
from sora2_provider.reporting.endings import Ending
from tests.exact_errors import raises_exactly
from tests.unit.durable import failing

GUIDE = Path(__file__).parents[2] / "docs" / "metrics.md"


class Client:
    """Stands for Airflow's ``Stats``: keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, object]] = []

    def incr(self, name, count=1):
        self.told.append(("c", name, count))

    def timing(self, name, duration):
        self.told.append(("ms", name, duration))

    @property
    def names(self) -> list[str]:
        return [name.removeprefix("sora2.") for _, name, _ in self.told]


@pytest.fixture
def client(monkeypatch) -> Client:
    made = Client()
    monkeypatch.setattr("sora2_provider.compat.stats", lambda: made)
    return made


def create(**options):
    return Sora2CreateVideoOperator(**{"task_id": "create", "prompt": "a cat", "poll_interval": 0.01, **options})


def test_a_video_that_is_made_and_stored(gateway, context, client, tmp_path):
    create(wait_for_completion=True, output_path=f"{tmp_path}/cat.mp4").execute(context)
    assert client.names == ["created", "completed", "render_duration", "stored", "bytes_stored"]
    assert client.told[-1] == ("c", "sora2.bytes_stored", (tmp_path / "cat.mp4").stat().st_size)


def test_a_create_that_a_cap_refuses(gateway, connect, context, client, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__SORA2__SPENDING_PATH", str(tmp_path))
    connect(gateway.url, max_creates_per_day="1")
    create().execute(context)
    with raises_exactly(CapReached, match="1 of 1 creates are used"):
        create().execute(context)
    assert client.names == ["created", "failed.cap"]


def test_a_retry_counts_no_second_create(gateway, durable_context, client):
    create().execute(durable_context)
    create().execute(durable_context)
    assert client.names == ["created", "resumed"]


ENDS: dict[str, tuple[type[Sora2Error], dict, dict, list[str]]] = {
    "wrong key": (FinalError, {"route": "create", "status": 401}, {}, ["failed.authentication"]),
    "moderation": (
        FinalError,
        {"route": "create", "status": 400, "body": {"error": {"message": "no", "code": "sentinel_block"}}},
        {},
        ["failed.moderation"],
    ),
    "lost answer": (FinalError, {"route": "create", "reset": "after"}, {}, ["unknown_submissions"]),
    "failed rendering": (
        RenderingFailed,
        {"route": "create", "rendering": "failed", "error_code": "video_generation_failed"},
        {},
        ["created", "failed.rendering"],
    ),
    "rejected rendering": (
        FinalError,
        {"route": "create", "rendering": "failed", "error_code": "content_policy_violation"},
        {},
        ["created", "failed.rendering_rejected"],
    ),
    "cancelled rendering": (
        RenderingFailed,
        {"route": "create", "rendering": "cancelled"},
        {},
        ["created", "failed.cancelled"],
    ),
    "too slow": (
        FinalError,
        {"route": "create", "rendering": "stuck"},
        {"timeout": 0.05},
        ["created", "failed.timeout"],
    ),
    "no parameter": (
        InvalidParameter,
        {"route": "models", "status": 500},
        {"duration": "{{ none }}"},
        ["failed.invalid_parameter"],
    ),
    "storage": (
        FinalError,
        {"route": "models", "status": 500},
        {"output_path": "/dev/null/cat.mp4"},
        ["created", "completed", "render_duration", "failed.storage"],
    ),
}


@pytest.mark.parametrize(("error", "fault", "options", "names"), ENDS.values(), ids=ENDS)
def test_each_end_has_its_name(gateway, context, client, error, fault, options, names):
    gateway.fault(**fault)
    with raises_exactly(error):
        create(wait_for_completion=True, **options).execute(context)
    assert client.names == names


def test_a_task_that_breaks_after_the_submit_counts(gateway, context, ti, client):
    ti.xcom_push = failing(RuntimeError("the metadata database is away"))
    with raises_exactly(FinalError):
        create().execute(context)
    assert client.names == ["created", "failed.broken"]


def test_an_unknown_outcome_counts_once_for_all_tries(gateway, durable_context, client):
    gateway.fault(route="create", reset="after")
    for _ in range(3):
        with raises_exactly(FinalError):
            create().execute(durable_context)
    assert client.names == ["unknown_submissions"]


def test_an_unknown_outcome_that_no_try_has_reported_counts_when_the_next_one_does(
    gateway, durable_context, client, monkeypatch
):
    with monkeypatch.context() as killed:
        killed.setattr("sora2_provider.gateway.client.Sora2Client.create_video", failing(KeyboardInterrupt()))
        killed.setattr("sora2_provider.submission.submitter.Submitter._note_lost", failing(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            create().execute(durable_context)
    assert client.names == []
    for _ in range(2):
        with raises_exactly(FinalError):
            create().execute(durable_context)
    assert client.names == ["unknown_submissions"]


def test_a_video_that_is_taken_up_and_cannot_be_asked_about_is_counted(gateway, durable_context, client):
    create().execute(durable_context)
    gateway.fault(route="query", status=503)
    create().execute(durable_context)
    assert client.names == ["created", "resumed", "poll_errors.unavailable"]


def test_questions_that_fail_are_counted_by_reason(gateway, context, client):
    gateway.fault(route="query", status=503)
    gateway.fault(route="query", status=429, body={"error": {"message": "slow down"}})
    gateway.fault(route="query", html=True)
    create(wait_for_completion=True).execute(context)
    assert client.names == [
        "created",
        "poll_errors.unavailable",
        "poll_errors.rate_limited",
        "poll_errors.unreadable",
        "completed",
        "render_duration",
    ]


def test_a_download_counts_its_failures(gateway, context, client, tmp_path):
    gateway.settings(render_seconds=60)
    video_id = create().execute(context)
    (tmp_path / "cat.mp4").write_text("here")
    ends = ((f"{tmp_path}/new.mp4", "replace", Sora2Error), (f"{tmp_path}/cat.mp4", "fail", FinalError))
    for path, if_exists, error in ends:
        store = Sora2DownloadVideoOperator(task_id="store", video_id=video_id, path=path, if_exists=if_exists)
        with raises_exactly(error):
            store.execute(context)
    assert client.names == ["created", "failed.unavailable", "failed.storage"]


@pytest.mark.parametrize(
    ("error", "name"),
    [(errors.VideoNotFound("no such video"), "failed.lost"), (errors.GatewayUnavailable("away"), "failed.unreachable")],
)
def test_a_wait_that_nobody_answers_has_its_name(client, error, name):
    metrics.failed(Ending.of_wait(Finished(Outcome.UNREACHABLE, error=error), "v", "sora2_default", waited="1 h"))
    assert client.names == [name.removeprefix("sora2.")]


def test_the_guide_names_every_reason_and_no_other():
    table = dict(re.findall(r"^\| `([a-z_]+)` \| (`failed`(?:, `poll_errors`)?) \|", GUIDE.read_text(), re.MULTILINE))
    named = {name: kind for kind, name in metrics._ERROR_NAMES}
    of_calls = {name for name, kind in named.items() if issubclass(kind, errors.GatewayError)}
    assert {reason for reason, of in table.items() if "poll_errors" in of} == of_calls
    assert set(table) == {*named, *metrics._END_NAMES.values(), "rendering_rejected"}


def test_every_error_of_the_gateway_has_a_word_of_its_own():
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.GatewayError)]
    own = {kind for kind, _ in metrics._ERROR_NAMES}
    assert set(kinds) - own == {errors.SubmissionUnknown}, "which is counted by another name"


def test_a_client_that_fails_breaks_nothing(gateway, context, monkeypatch):
    monkeypatch.setattr("sora2_provider.compat.stats", failing(OSError("no such host")))
    assert create().execute(context) == gateway.billed[0].id


def test_the_gateways_own_times_say_how_long_a_rendering_took(client):
    import pendulum

    begun = pendulum.datetime(2026, 1, 1)
    video = Video("v", VideoStatus.COMPLETED, created_at=begun, completed_at=begun.add(seconds=90))
    metrics.completed(video, started=0.0)
    assert client.told[-1][2].total_seconds() == 90


def test_the_first_failed_question_of_a_process_blocks_no_event_loop(monkeypatch):
    class SlowAtFirst(Client):
        """Looks its host up when it is used first, and gets no answer before the loop has gone on."""

        def incr(self, name, count=1):
            if not self.told:
                assert loop_went_on.wait(60)
            super().incr(name, count)

    loop_went_on, slow = threading.Event(), SlowAtFirst()
    monkeypatch.setattr("sora2_provider.compat.stats", lambda: slow)
    monkeypatch.setattr(metrics, "_ready_in", 0)

    async def poll() -> None:
        metrics.poll_failed(errors.GatewayUnavailable("away"))
        await asyncio.sleep(0)
        assert slow.told == []
        loop_went_on.set()
        while not metrics._ready_in:
            await asyncio.sleep(0.001)
        counted = len(slow.told)
        metrics.poll_failed(errors.GatewayUnavailable("away"))
        assert len(slow.told) == counted + 1, "from then on at once: a datagram takes no time"

    asyncio.run(poll())
    assert slow.names == ["poll_errors.unavailable"] * 2
