"""The same question, asked by a worker and by the triggerer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sora2_provider.gateway.async_client import AsyncSora2Client
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.models import Video
from sora2_provider.gateway.parsing.videos import UnfinishedVideo
from sora2_provider.gateway.settings import GatewaySettings

Ask = Callable[[GatewaySettings], Video | UnfinishedVideo]


def ask_as_a_worker(settings: GatewaySettings) -> Video:
    with Sora2Client(settings) as client:
        return client.get_video("video_1")


def ask_as_the_triggerer(settings: GatewaySettings) -> Video | UnfinishedVideo:
    async def ask() -> Video | UnfinishedVideo:
        client = await AsyncSora2Client.open(settings)
        try:
            return await client.get_state("video_1")
        finally:
            await client.close()

    return asyncio.run(ask())


CLIENTS: dict[str, Ask] = {"a worker": ask_as_a_worker, "the triggerer": ask_as_the_triggerer}
