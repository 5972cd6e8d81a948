"""How the triggers of a connection look it up, and what happens when it changes or cannot be read."""

from __future__ import annotations

import asyncio

import pytest

from sora2_provider.emulator import Emulator
from sora2_provider.gateway.errors import VideoNotFound
from sora2_provider.triggers import lookup
from sora2_provider.triggers import shared_gateway as shared
from sora2_provider.triggers.shared_gateway import shared_gateway
from tests.unit.test_trigger import create, events_of, watched


def test_a_connection_that_cannot_be_looked_up_is_ridden_out(gateway, context, monkeypatch):
    (video_id,) = create(context)
    read = lookup.read_connection
    failures = iter([True, True, False])

    def flaky(conn_id):
        if next(failures):
            raise RuntimeError("the secrets backend is away")
        return read(conn_id)

    monkeypatch.setattr(lookup, "read_connection", flaky)
    assert [event["outcome"] for event in events_of(video_id)] == ["completed"]


def test_a_lookup_that_fails_later_leaves_the_settings_in_use(gateway, context, monkeypatch, logged):
    (video_id,) = create(context)

    def away(conn_id):
        raise RuntimeError("the secrets backend is away")

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
            prepared = mine.url
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

    with Emulator(canned=True) as new:
        asyncio.run(move(new))
        keys = [[one.key_fingerprint for one in side.requests if one.route == "query"] for side in (gateway, new)]
    before, after = keys
    assert (len(before), len(after)) == (3, 2)
    assert len(set(before)) == len(set(after)) == 1
    assert before[0] != after[0]
