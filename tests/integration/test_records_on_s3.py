"""Submission records in a bucket: made by one process only, whole, and found by the next try."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from sora2_provider.emulator import Emulator
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.submission.record import Record
from sora2_provider.submission.stores import RecordUnavailable, StorageRecords, store_of
from tests.lossy_proxy import LossyProxy, lossy_proxy
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


#: How storages refuse to make a file that is there.
REFUSALS: dict[str, Callable[[bytes], tuple[int, bytes]]] = {
    "as S3": lambda body: (412, body),
    "without the condition": lambda body: (412, body.replace(b"<Condition>If-None-Match</Condition>", b"")),
    "as a conflict": lambda _: (409, b"<Error><Code>ConditionalRequestConflict</Code><Message>wait</Message></Error>"),
}


@pytest.fixture(scope="module")
def proxy(s3: str) -> Iterator[LossyProxy]:
    """One for all tests, because Airflow keeps what it knows of a connection."""
    with lossy_proxy(s3) as proxy:
        yield proxy


@pytest.fixture
def losing(proxy: LossyProxy, monkeypatch: pytest.MonkeyPatch) -> LossyProxy:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_LOSING", aws_connection(proxy.url))
    monkeypatch.setattr("sora2_provider.storage._PAUSES", (0.0, 0.0))
    proxy.seen.clear()
    proxy.loses.clear()
    proxy.refusal = REFUSALS["as S3"]
    return proxy


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_create_whose_answer_was_lost_has_made_the_record(losing: LossyProxy, refusal: str) -> None:
    folder = FOLDER.replace("aws_here", "aws_losing")
    name = f"d/{refusal}/lost.json"
    losing.refusal = REFUSALS[refusal]
    losing.loses["PUT"] = 1
    assert StorageRecords(folder, name).create(INTENT)
    assert losing.seen[:2] == ["PUT", "PUT"]
    other = dataclasses.replace(INTENT, token="another")
    assert not StorageRecords(folder, name).create(other)
    assert StorageRecords(folder, name).read() == INTENT


def test_a_conflict_is_asked_about_again_until_one_has_made_the_record(losing: LossyProxy) -> None:
    name = "d/conflict/waits.json"
    StorageRecords(FOLDER, name).create(dataclasses.replace(INTENT, token="another"))

    def undecided(_: bytes) -> tuple[int, bytes]:
        StorageRecords(FOLDER, name).remove()
        losing.refusal = REFUSALS["as S3"]
        return REFUSALS["as a conflict"](b"")

    losing.refusal = undecided
    assert StorageRecords(FOLDER.replace("aws_here", "aws_losing"), name).create(INTENT)
    assert StorageRecords(FOLDER, name).read() == INTENT


def test_an_overwrite_and_a_removal_whose_answers_were_lost_are_done(losing: LossyProxy) -> None:
    records = StorageRecords(FOLDER.replace("aws_here", "aws_losing"), "d/r/overwritten.json")
    records.create(INTENT)
    losing.loses.update(PUT=1, DELETE=1)
    accepted = dataclasses.replace(INTENT, video_id="video_1")
    records.write(accepted)
    assert records.read() == accepted
    records.remove()
    assert records.read() is None
    assert losing.loses.total() == 0


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_task_whose_intent_lost_its_answer_submits_once(losing, monkeypatch, refusal):
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", FOLDER.replace("aws_here", "aws_losing"))
    losing.refusal = REFUSALS[refusal]
    losing.loses["PUT"] = 1
    ti = SimpleNamespace(dag_id=refusal, run_id="r", task_id="t", map_index=-1, max_tries=1, xcom_push=lambda **_: None)
    with Emulator(canned=True) as gateway:
        monkeypatch.setenv("AIRFLOW_CONN_SORA2_DEFAULT", gateway.connection())
        operator = Sora2CreateVideoOperator(task_id="t", prompt="a cat")
        assert operator.execute({"ti": ti}) == gateway.billed[0].id == operator.execute({"ti": ti})
        assert len(gateway.billed) == 1


@pytest.mark.parametrize(("try_number", "requests"), [(1, ["GET", "GET"]), (2, ["GET", "GET", "GET", "GET"])])
def test_a_fresh_task_instance_is_looked_for_in_few_requests(losing, monkeypatch, try_number, requests):
    """A second try lists the run's folder, too: it may have begun on Airflow 2. S3 is asked twice for an empty one."""
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", FOLDER.replace("aws_here", "aws_losing"))
    ti = SimpleNamespace(dag_id="few", run_id="r", task_id="t", map_index=-1, try_number=try_number)
    assert store_of({"ti": ti}).read() is None
    assert losing.seen == requests
