"""The trigger and what all of a connection's triggers share, on a real event loop against a gateway on loopback."""

from __future__ import annotations

import asyncio
import gc
import json
import time

import pytest
from asgiref.sync import async_to_sync

from sora2_provider.gateway.errors import GatewayUnavailable, InvalidRequest, RateLimited, VideoNotFound
from sora2_provider.gateway.polling.poller import WatchedVideo
from sora2_provider.gateway.polling.wait import VideoWait
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.triggers import lookup
from sora2_provider.triggers import shared_gateway as shared
from sora2_provider.triggers.shared_gateway import shared_gateway
from sora2_provider.triggers.sora2 import Sora2VideoTrigger


def trigger(video_id: str, **options) -> Sora2VideoTrigger:
    facts = {"started": time.time(), "deadline": time.time() + 60, "poll_interval": 0.01, **options}
    return Sora2VideoTrigger(video_id, "sora2_default", **facts)


def create(context, count: int = 1) -> list[str]:
    return [Sora2CreateVideoOperator(task_id="create", prompt=f"cat {n}").execute(context) for n in range(count)]


async def only_event(one: Sora2VideoTrigger) -> dict:
    events = [event.payload async for event in one.run()]
    assert len(events) == 1
    return json.loads(json.dumps(events[0]))


def events_of(*video_ids: str) -> list:
    """Return what the triggers of some videos end with, all of which run at once."""

    async def all_of_them():
        return await asyncio.gather(*(only_event(trigger(one)) for one in video_ids), return_exceptions=True)

    return asyncio.run(all_of_them())


async def asked(one: WatchedVideo):
    async with shared_gateway("sora2_default") as shared_one:
        return await shared_one.ask(one)


def watched(video_id: str) -> WatchedVideo:
    now = time.time()
    return WatchedVideo(video_id, now, VideoWait(started=now, deadline=now + 60))


def test_it_comes_back_the_same_from_the_database():
    first = trigger("sora-2:task_1", model="sora-2", size="large", duration=15)
    path, facts = first.serialize()
    assert json.loads(json.dumps(facts)) == facts
    assert all(not isinstance(value, (dict, list)) for value in facts.values()), "flat"
    module, _, name = path.rpartition(".")
    again = getattr(__import__(module, fromlist=[name]), name)(**facts)
    assert again.serialize() == (path, facts)


def test_what_talks_to_the_supervisor_does_so_on_the_triggers_loop(gateway, context, monkeypatch):
    """Airflow 3.0 and 3.1 send such a message on the loop of a thread's maker, or on one of its own, which kills them."""
    (video_id,) = create(context)
    loops = set()

    async def on_which_loop():
        loops.add(asyncio.get_running_loop())

    monkeypatch.setattr("sora2_provider.hooks.connection.mask_secret", lambda _: async_to_sync(on_which_loop)())

    async def wait():
        await only_event(trigger(video_id))
        return asyncio.get_running_loop()

    assert {asyncio.run(wait())} == loops


@pytest.mark.parametrize("shape", ["guide", "unified", "openai", "taskdto"])
def test_it_fires_when_the_video_is_completed(gateway, context, shape):
    gateway.settings(shape=shape)
    (video_id,) = create(context)
    (event,) = events_of(video_id)
    assert (event["video_id"], event["outcome"]) == (video_id, "completed")
    assert event["video"]["id"] == video_id
    assert "raw" not in event["video"]
    assert "sk-secret" not in json.dumps(event)


def test_the_deadline_is_a_moment_that_a_restart_does_not_move(gateway, context):
    gateway.settings(render_seconds=1000)
    (video_id,) = create(context)
    event = asyncio.run(only_event(trigger(video_id, started=time.time() - 100, deadline=time.time() - 1)))
    assert event["outcome"] == "timeout"
    assert event["video"]["status"] == "queued", "it asked once more before it gave up"


def test_all_triggers_of_a_connection_share_one_session_and_one_lookup(gateway, context, monkeypatch):
    lookups = []
    read = lookup.read_connection

    def counted(conn_id):
        lookups.append(conn_id)
        return read(conn_id)

    monkeypatch.setattr(lookup, "read_connection", counted)
    ids = create(context, 50)
    gateway.settings(render_seconds=0)

    async def all_of_them():
        events = await asyncio.gather(*(only_event(trigger(video_id)) for video_id in ids))
        return events, dict(shared._registry[asyncio.get_running_loop()])

    events, left = asyncio.run(all_of_them())
    assert {event["outcome"] for event in events} == {"completed"}
    assert lookups == ["sora2_default"]
    assert left == {}, "the last one has closed the session"
    gc.collect()


def test_no_more_connections_are_opened_than_the_limit(gateway, context, monkeypatch):
    monkeypatch.setenv("AIRFLOW__SORA2__TRIGGERER_CONNECTIONS", "3")
    ids = create(context, 40)

    async def all_of_them():
        async with shared_gateway("sora2_default") as one:
            await asyncio.gather(*(one.ask(watched(video_id)) for video_id in ids))
            connector = one._client._session.connector
            return connector.limit, sum(len(kept) for kept in connector._conns.values())

    limit, kept = asyncio.run(all_of_them())
    assert limit == 3
    assert kept <= 3


@pytest.mark.parametrize(("asked_for", "made"), [("7", 7), ("86400", 300)])
def test_a_pause_is_as_long_as_the_gateway_asks_but_never_carries_waits_far_past_their_deadlines(
    gateway, context, asked_for, made
):
    (video_id,) = create(context)
    gateway.fault(route="query", status=429, headers={"Retry-After": asked_for})

    async def pause() -> float:
        async with shared_gateway("sora2_default") as one:
            with pytest.raises(RateLimited) as caught:
                await one.ask(watched(video_id))
            assert caught.value.retry_after == float(asked_for)
            return one.poller._paused_until - asyncio.get_running_loop().time()

    assert made - 1 < asyncio.run(pause()) <= made


def test_what_breaks_while_asking_is_the_triggers_to_raise(gateway, context, monkeypatch):
    (first, second) = create(context, 2)
    ask = shared.SharedGateway.ask

    async def broken(self, one):
        if one.video_id == first:
            raise ZeroDivisionError("a bug")
        return await ask(self, one)

    monkeypatch.setattr(shared.SharedGateway, "ask", broken)
    error, event = events_of(first, second)
    assert isinstance(error, ZeroDivisionError)
    assert event["outcome"] == "completed", "the others go on"


def test_a_cancelled_trigger_leaves_nothing_behind(gateway, context):
    gateway.settings(render_seconds=1000)
    (video_id,) = create(context)

    async def cancelled():
        task = asyncio.create_task(only_event(trigger(video_id)))
        while len(gateway.requests) < 3:
            await asyncio.sleep(0.01)
        gone = shared._registry[asyncio.get_running_loop()]["sora2_default"]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return gone, dict(shared._registry[asyncio.get_running_loop()]), asyncio.all_tasks()

    gone, left, tasks = asyncio.run(cancelled())
    assert (gone.users, gone.poller._watched, gone._client, left) == (0, {}, None, {})
    assert (gone.poller._due, gone.poller._timer is None or gone.poller._timer.cancelled()) == ([], True)
    assert len(tasks) == 1


def test_errors_are_what_the_blocking_client_calls_them(gateway, connect, context):
    (video_id,) = create(context)

    def ask(asked_id):
        return asyncio.run(asked(watched(asked_id)))

    with pytest.raises(VideoNotFound):
        ask("video_unknown")
    # aiohttp itself repeats a GET once when the connection is reset.
    for fault in ({"reset": "before", "times": 2}, {"truncate": 10}, {"status": 502, "html": True}, {"delay": 30}):
        connect(gateway.url, read_timeout=0.2)
        gateway.fault(route="query", **fault)
        with pytest.raises(GatewayUnavailable) as caught:
            ask(video_id)
        assert caught.value.transient is True, fault
    gateway.fault(route="query", redirect="http://127.0.0.1:9/elsewhere")
    with pytest.raises(Exception, match="Redirects are not followed"):
        ask(video_id)
    for address, why in (("http://127.0.0.1:9", "refused"), ("http://gateway.invalid", "cannot be resolved")):
        connect(address)
        with pytest.raises(GatewayUnavailable, match=why):
            ask(video_id)
    connect("https://gateway.example.com", password="")
    with pytest.raises(InvalidRequest, match=r"'sora2_default'.*no API key"):
        ask(video_id)


def test_the_log_has_a_line_for_what_is_new_and_not_for_each_poll(gateway, context, logged):
    gateway.settings(render_seconds=1000)
    (video_id,) = create(context)
    logged()

    async def watch():
        task = asyncio.create_task(only_event(trigger(video_id)))
        for seconds in (0, 300, 300, 500):
            gateway.advance(seconds)
            asked = len(gateway.requests)
            while len(gateway.requests) < asked + 5 and not task.done():
                await asyncio.sleep(0.01)
        return await task

    assert asyncio.run(watch())["outcome"] == "completed"
    said = [line for line in logged().splitlines() if f"ideo {video_id}" in line]
    assert 4 <= len(said) <= 7, said
    assert "Waiting for video" in said[0]
    assert "is over: completed" in said[-1]


def test_a_connection_without_tls_verification_is_warned_about_in_the_triggerer_too(gateway, connect, context, logged):
    connect(gateway.url, verify_tls="false")
    ids = create(context, 2)
    logged()
    events_of(*ids)
    assert logged().count("does not verify TLS certificates") == 1
