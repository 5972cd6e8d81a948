from __future__ import annotations

import contextlib

import requests

from sora2_provider.emulator.fault_queue import RANDOM_FAULTS


def test_the_same_seed_meets_the_same_random_faults(start):
    def statuses(seed):
        client = start(fault_rate=0.5, seed=seed)
        seen = []
        for _ in range(40):
            try:
                seen.append(client.get("/v1/models").status_code)
            except requests.ConnectionError:
                seen.append("reset")
        return seen

    first = statuses(3)
    assert statuses(3) == first
    assert statuses(4) != first
    assert set(first) == {200, 502, "reset"}


def test_every_random_fault_leaves_the_bill_and_the_videos_in_step(start):
    client = start()
    emulator = client.emulator
    for fault in RANDOM_FAULTS["create"]:
        if not fault.delay:
            emulator.fault(fault)
            with contextlib.suppress(requests.RequestException):
                client.create()
    assert [entry.id for entry in emulator.billed] == [video.id for video in emulator.videos]
