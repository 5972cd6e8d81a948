"""The count of creates in a bucket: exact for many processes at once, in few requests, and old counts removed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from sora2_provider import storage
from sora2_provider.emulator import Emulator
from sora2_provider.exceptions import CapReached
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.spending import caps
from sora2_provider.spending.caps import reserve_create
from sora2_provider.spending.counter import CounterUnavailable, CreateCounter
from sora2_provider.spending.limits import SpendingLimits
from tests.counter_processes import increment_at_once
from tests.s3_server import BUCKET, aws_connection


@pytest.fixture(autouse=True)
def aws(s3, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_AWS_HERE", aws_connection(s3))


@pytest.fixture
def keys(s3: str) -> Callable[[str], list[str]]:
    def found(prefix: str) -> list[str]:
        listed = requests.get(f"{s3}/{BUCKET}", params={"prefix": prefix, "max-keys": "1000"}, timeout=20)
        return re.findall(r"<Key>([^<]+)</Key>", listed.text)

    return found


def test_processes_that_increment_at_once_reach_the_cap_and_never_exceed_it(keys):
    assert increment_at_once(f"s3://aws_here@{BUCKET}/at-once", cap=40, processes=8) == list(range(40))
    assert len(keys("at-once/")) == 40


def test_a_refund_makes_room_for_one_increment():
    folder = f"s3://aws_here@{BUCKET}/refunds"
    assert [CreateCounter(folder).increment(2, {"token": str(n)}) for n in range(3)] == [0, 1, None]
    CreateCounter(folder).refund({"token": "0"})
    assert [CreateCounter(folder).increment(2, {"token": f"again {n}"}) for n in range(2)] == [2, None]


def test_a_bucket_that_is_not_there_is_never_taken_for_an_empty_one():
    with pytest.raises(CounterUnavailable):
        CreateCounter("s3://aws_here@no-such-bucket/x").increment(3, {"token": "t"})


def test_nothing_is_listed_and_each_look_is_one_request(monkeypatch):
    """s3fs sees to it by itself only for reads of a range: an exists() lists, and a whole read asks for the size first."""
    folder = f"s3://aws_here@{BUCKET}/requests"
    for n in range(20):
        CreateCounter(folder).increment(1000, {"token": str(n)})
    sent: list[str] = []
    filesystem: Any = storage.ObjectStoragePath(folder).fs
    call = type(filesystem)._call_s3

    async def counted(self: Any, method: str, *args: Any, **options: Any) -> Any:
        sent.append(method)
        return await call(self, method, *args, **options)

    monkeypatch.setattr(type(filesystem), "_call_s3", counted)
    assert CreateCounter(folder).increment(1000, {"token": "next"}) == 20
    assert set(sent) == {"get_object", "put_object"}
    assert len(sent) <= 12


def test_a_batch_is_cut_at_the_cap_and_old_counts_are_removed(monkeypatch, keys):
    folder = f"s3://aws_here@{BUCKET}/spending"
    monkeypatch.setenv("AIRFLOW__SORA2__SPENDING_PATH", folder)
    monkeypatch.setenv("AIRFLOW__SORA2__MAX_CREATES_PER_HOUR", "2")
    now = 1_800_000_000.0
    monkeypatch.setattr(caps, "time", type("Clock", (), {"time": staticmethod(lambda: now)}))
    with Emulator(canned=True) as gateway:
        monkeypatch.setenv("AIRFLOW_CONN_SORA2_DEFAULT", gateway.connection())
        request = {"prompt": "a cat", "task_id": "create", "durable": False}
        ti = type("TI", (), {"max_tries": 0, "xcom_push": lambda *_, **__: None})()
        for _ in range(2):
            Sora2CreateVideoOperator(**request).execute({"ti": ti})
        with pytest.raises(CapReached, match="2 of 2 creates are used this hour"):
            Sora2CreateVideoOperator(**request).execute({"ti": ti})
        first = keys("spending/")
        now += 3 * 86_400
        reserve_create("sora2_default", SpendingLimits(max_creates_per_hour=2), retry_waits=False, log=None)
        assert len(gateway.billed) == 2
    assert len(first) == 2
    assert len(left := keys("spending/")) == 1
    assert not set(left) & set(first)
