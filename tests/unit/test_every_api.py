"""A video on each API, from the connection to the stored file, in every way of waiting; and which API is found where."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from sora2_provider.compat import TaskDeferred
from sora2_provider.emulator import Emulator
from sora2_provider.exceptions import FinalError, InvalidParameter, LeftRendering, Sora2Error
from sora2_provider.gateway.dialects import dialect as dialect_of
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor
from sora2_provider.triggers.sora2 import Sora2VideoTrigger
from tests.exact_errors import raises_exactly
from tests.unit.durable import TOO_SHORT, WAITS, as_try, record

APIS = ("unified", "openai", "generations", "v2")
#: The server; the API that its connection's "auto" finds; how many questions that takes; and whether it renders 10 s.
SERVERS = [
    (None, "unified", 1, 1),
    ("guide", "unified", 1, 1),
    ("new-api", "generations", 1, 1),
    ("litellm", "openai", 1, 0),
    ("openai", "openai", 2, 0),
]
#: What a server of each API offers of sora-2.
FITS: dict[str, dict[str, Any]] = {
    "unified": {"duration": 10},
    "openai": {"duration": 8, "dialect": "openai"},
    "generations": {"duration": 10},
    "v2": {"duration": 10},
}


def create(**options: Any) -> Sora2CreateVideoOperator:
    return Sora2CreateVideoOperator(**{"task_id": "create", "prompt": "a cat", **options})


def fired(deferred: TaskDeferred) -> Any:
    """Return the event of the trigger, as both come back from Airflow's database."""
    trigger = Sora2VideoTrigger(**json.loads(json.dumps(deferred.trigger.serialize()[1])))

    async def events() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    (event,) = asyncio.run(events())
    return json.loads(json.dumps(event))


@pytest.fixture
def apis() -> Iterator[Emulator]:
    """An emulator of every wire."""
    with Emulator(canned=True, render_seconds=0) as emulator:
        yield emulator


def asked(emulator: Emulator, method: str) -> list[str]:
    return [one.path for one in emulator.requests if one.method == method]


@pytest.mark.parametrize("dialect", APIS)
def test_a_video_is_created_waited_for_and_stored_on_the_api_that_is_named(apis, connect, dialect, context, tmp_path):
    connect(apis.url, dialect=dialect)
    video_id = create(**FITS[dialect], **WAITS, output_path=f"{tmp_path}/").execute(context)
    (stored,) = tmp_path.iterdir()
    assert stored.read_bytes()[4:8] == b"ftyp"
    assert [one.id for one in apis.billed] == [video_id]
    assert asked(apis, "POST") == [dialect_of(dialect).create_path]
    assert context["ti"].xcoms["video"]["dialect"] == dialect


@pytest.mark.parametrize("dialect", APIS)
def test_a_deferred_wait_and_what_follows_ask_on_the_videos_own_api(apis, connect, dialect, context, tmp_path):
    connect(apis.url, dialect=dialect)
    operator = create(**FITS[dialect], wait_for_completion=True, deferrable=True, poll_interval=0.01)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    # The connection is changed while the video renders.
    connect(apis.url, dialect="unified" if dialect != "unified" else "openai")
    event = fired(deferred.value)
    kept = json.loads(json.dumps(deferred.value.kwargs))
    operator.resume_execution(deferred.value.method_name, {**kept, "event": event}, context)
    video = context["ti"].xcoms["video"]
    waited = Sora2VideoSensor(task_id="wait", video_id=video, poke_interval=0.01).execute(context)
    Sora2DownloadVideoOperator(task_id="load", video_id=waited, path=f"{tmp_path}/").execute(context)
    assert len(list(tmp_path.iterdir())) == 1
    path = dialect_of(dialect).query("").target.partition("?")[0]
    assert all(one.startswith((path, "/files/", "/v1/videos/")) for one in asked(apis, "GET"))


@pytest.mark.parametrize("dialect", APIS)
def test_a_retry_takes_the_video_up_on_its_own_api(apis, connect, dialect, durable_context):
    apis.fault(route="query", status=503, times=None)
    connect(apis.url, dialect=dialect)
    with raises_exactly(LeftRendering):
        create(**FITS[dialect], **TOO_SHORT).execute(as_try(durable_context, 1))
    assert record(durable_context["task_state_store"])["dialect"] == dialect
    apis.clear_faults()
    connect(apis.url, dialect="unified" if dialect != "unified" else "openai")
    create(**FITS[dialect], **WAITS).execute(as_try(durable_context, 2))
    assert len(apis.billed) == 1


@pytest.mark.parametrize(("server", "dialect", "questions", "paid"), SERVERS)
def test_auto_finds_the_api_by_questions_that_cost_nothing(connect, context, logged, server, dialect, questions, paid):
    with Emulator(canned=True, like=server, render_seconds=0) as emulator:
        connect(emulator.url, dialect="auto")
        with contextlib.nullcontext() if paid else raises_exactly(FinalError, match="Supported values"):
            create().execute(context)
        assert asked(emulator, "POST") == [dialect_of(dialect).create_path]
        assert len(asked(emulator, "GET")) == questions
        assert len(emulator.billed) == paid
    assert f"The gateway's API is taken to be {dialect!r}" in logged()


@pytest.mark.parametrize(("status", "error"), [(401, FinalError), (429, Sora2Error), (503, Sora2Error)])
def test_nothing_is_sent_while_the_api_is_not_known(connect, context, apis, status, error):
    apis.fault(route="query", status=status, times=None)
    connect(apis.url, dialect="auto")
    with raises_exactly(error, match=f"could not be found out.*HTTP {status}.*Nothing was paid"):
        create().execute(context)
    assert asked(apis, "POST") == []


def test_a_create_on_an_api_that_is_not_there_says_which_one_is(connect, context):
    with Emulator(canned=True, like="openai") as emulator:
        connect(emulator.url, dialect="generations")
        with raises_exactly(FinalError, match=r"The gateway speaks another API, 'openai'.*field \(dialect\)"):
            create().execute(context)
        assert emulator.billed == ()
        assert len(asked(emulator, "POST")) == 1


def test_a_task_names_another_api_than_its_connection(connect, context, apis):
    connect(apis.url)
    create(dialect="openai", duration=8).execute(context)
    assert asked(apis, "POST") == ["/v1/videos"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: create(dialect="open-ai"),
        lambda: Sora2VideoSensor(task_id="wait", video_id="video_1", dialect="open-ai"),
        lambda: Sora2DownloadVideoOperator(task_id="load", video_id="video_1", path="/x", dialect="open-ai"),
    ],
    ids=["create", "sensor", "download"],
)
def test_an_api_that_nobody_knows_is_refused_when_the_dag_is_parsed(make):
    with pytest.raises(InvalidParameter, match="dialect='open-ai': it must be one of generations, openai, unified, v2"):
        make()


def test_a_length_that_only_other_apis_offer_is_refused_with_the_way_to_have_it():
    with pytest.raises(InvalidParameter, match=r"10 or 15 seconds for sora-2, or name .*8 seconds: dialect='openai'"):
        create(duration=8)


@pytest.mark.parametrize(
    ("key_header", "sent"),
    [
        ("bearer", {"Authorization": "Bearer sk-x"}),
        ("bare", {"Authorization": "sk-x"}),
        ("api-key", {"api-key": "sk-x"}),
    ],
)
def test_the_key_goes_as_the_connection_says(key_header, sent):
    assert GatewaySettings("https://gateway.example.com", "sk-x", key_header=key_header).headers() == sent


def test_the_version_and_the_form_are_what_the_connection_says(connect, context, apis):
    connect(apis.url, dialect="openai", api_version="preview", body_form="multipart")
    create(duration=8, dialect="openai").execute(context)
    (sent,) = apis.requests
    assert sent.query == {"api-version": "preview"}
    assert sent.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert apis.billed[0].request["seconds"] == "8"
