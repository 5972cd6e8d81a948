"""How the triggers of a connection look it up, and what happens when it changes or cannot be read."""

from __future__ import annotations

import asyncio

import pytest

from sora2_provider.emulator import Emulator
from sora2_provider.gateway.async_client import AsyncSora2Client
from sora2_provider.gateway.errors import VideoNotFound
from sora2_provider.triggers import lookup
from sora2_provider.triggers import shared_gateway as shared
from sora2_provider.triggers.shared_gateway import shared_gateway
from tests.unit.test_trigger import create, events_of, only_event, trigger, watched


@pytest.mark.parametrize("error", [RuntimeError("the backend is away"), asyncio.CancelledError()], ids=repr)
def test_a_connection_that_cannot_be_looked_up_is_ridden_out(gateway, context, monkeypatch, error):
    (video_id,) = create(context)
    read = lookup.read_connection
    failures = iter([True, True, False])

    def flaky(conn_id):
        if next(failures):
            raise error
        return read(conn_id)

    monkeypatch.setattr(lookup, "read_connection", flaky)
    assert [event["outcome"] for event in events_of(video_id)] == ["completed"]


@pytest.mark.parametrize("error", [RuntimeError("the backend is away"), asyncio.CancelledError()], ids=repr)
def test_a_lookup_that_fails_later_leaves_the_settings_in_use(gateway, context, monkeypatch, logged, error):
    (video_id,) = create(context)

    def away(conn_id):
        raise error

    async def ask_twice():
        mine = watched(video_id)
        async with shared_gateway("sora2_default") as one:
            await one.ask(mine)
            monkeypatch.setattr(shared, "_LOOKUP_LIFE", -1)
            monkeypatch.setattr(lookup, "read_connection", away)
            return await one.ask(mine)

    assert asyncio.run(ask_twice()).status.is_terminal
    assert "the settings that were read before stay in use" in logged()


def test_a_new_key_comes_into_use_when_the_lookup_is_old_and_never_goes_to_the_old_address(
    gateway, connect, context, monkeypatch
):
    (video_id,) = create(context)

    async def move(new: Emulator) -> None:
        mine = watched(video_id)
        async with shared_gateway("sora2_default") as one:
            await one.ask(mine)
            prepared, stale = mine.url, mine.client
            await one.ask(mine)
            assert mine.url is prepared
            connect(new.url, password="sk-the-new-key")
            await one.ask(mine)
            monkeypatch.setattr(shared, "_LOOKUP_LIFE", -1)
            with pytest.raises(VideoNotFound):
                await one.ask(mine)
            monkeypatch.setattr(shared, "_LOOKUP_LIFE", 300)
            with pytest.raises(VideoNotFound):
                await one.ask(mine)
            assert mine.url is not prepared
            assert stale._session.closed
            assert not mine.client._session.closed

    with Emulator(canned=True) as new:
        asyncio.run(move(new))
        keys = [[one.key_fingerprint for one in side.requests if one.route == "query"] for side in (gateway, new)]
    before, after = keys
    assert (len(before), len(after)) == (3, 2)
    assert len(set(before)) == len(set(after)) == 1
    assert before[0] != after[0]


CLOSE = AsyncSora2Client.close


async def breaks(client):
    await CLOSE(client)
    raise OSError("the connection is gone")


async def is_cancelled(client):
    await CLOSE(client)
    raise asyncio.CancelledError


async def hangs(client):
    await CLOSE(client)
    await asyncio.Event().wait()


@pytest.mark.parametrize("close", [breaks, is_cancelled, hangs])
@pytest.mark.parametrize("when", ["the last wait is over", "the connection changes"])
def test_a_client_that_cannot_be_closed_ends_no_wait(gateway, connect, context, monkeypatch, close, when):
    monkeypatch.setattr(AsyncSora2Client, "close", close)
    monkeypatch.setattr(shared, "_CLOSING", 0.05)
    (video_id,) = create(context)

    async def changed():
        mine = watched(video_id)
        async with shared_gateway("sora2_default") as one:
            await one.ask(mine)
            connect(gateway.url, password="sk-the-new-key")
            monkeypatch.setattr(shared, "_LOOKUP_LIFE", -1)
            return (await one.ask(mine)).status

    if when == "the connection changes":
        assert asyncio.run(changed()) == "completed"
    else:
        assert [event["outcome"] for event in events_of(video_id)] == ["completed"]


def test_a_trigger_that_is_cancelled_twice_closes_its_connections_all_the_same(gateway, context, monkeypatch):
    gateway.settings(render_seconds=1000)
    (video_id,) = create(context)
    closing = asyncio.Event()

    async def never_ends(self):
        closing.set()
        await asyncio.Event().wait()

    async def cancelled_twice():
        task = asyncio.create_task(only_event(trigger(video_id)))
        while len(gateway.requests) < 3:
            await asyncio.sleep(0.01)
        one = shared._registry[asyncio.get_running_loop()]["sora2_default"]
        session = one._client._session
        monkeypatch.setattr(type(one.poller), "close", never_ends)
        task.cancel()
        await closing.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return session.closed

    assert asyncio.run(cancelled_twice())
