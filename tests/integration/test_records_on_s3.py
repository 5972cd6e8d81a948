"""Submission records in a bucket: made by one process only, whole, and found by the next try."""

from __future__ import annotations

import dataclasses
import threading
from types import SimpleNamespace

import pytest

from sora2_provider.emulator import Emulator
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.submission.record import Record
from sora2_provider.submission.stores import RecordUnavailable, StorageRecords
from tests.s3_server import BUCKET, aws_connection

INTENT = Record("digest", "sora2_default", epoch=1, intent_at=1_700_000_000.0, token="t")
FOLDER = f"s3://aws_here@{BUCKET}/state"


@pytest.fixture(autouse=True)
def aws(s3, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_AWS_HERE", aws_connection(s3))


def test_a_record_is_made_read_replaced_and_removed():
    records = StorageRecords(FOLDER, "d/r/one.json")
    assert records.read() is None
    records.create(INTENT)
    accepted = dataclasses.replace(INTENT, video_id="video_1")
    StorageRecords(FOLDER, "d/r/one.json").write(accepted)
    assert records.read() == accepted
    records.remove()
    assert records.read() is None
    records.remove()


def test_only_one_of_many_processes_makes_the_record():
    made, refused = [], []
    gate = threading.Barrier(6)

    def make(number: int) -> None:
        records = StorageRecords(FOLDER, "d/r/raced.json")
        gate.wait()
        created = records.create(dataclasses.replace(INTENT, token=str(number)))
        (made if created else refused).append(str(number))

    threads = [threading.Thread(target=make, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(made), len(refused)) == (1, 5)
    assert StorageRecords(FOLDER, "d/r/raced.json").read().token == made[0]


def test_a_bucket_that_is_not_there_is_never_taken_for_an_empty_one():
    records = StorageRecords("s3://aws_here@no-such-bucket/state", "d/r/x.json")
    with pytest.raises(RecordUnavailable):
        records.create(INTENT)


def test_a_retry_finds_its_video_in_the_bucket(monkeypatch):
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", FOLDER)
    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, max_tries=1, xcom_push=lambda **_: None)
    with Emulator(canned=True) as gateway:
        monkeypatch.setenv("AIRFLOW_CONN_SORA2_DEFAULT", gateway.connection())
        operator = Sora2CreateVideoOperator(task_id="t", prompt="a cat")
        assert operator.execute({"ti": ti}) == operator.execute({"ti": ti})
        assert len(gateway.billed) == 1
