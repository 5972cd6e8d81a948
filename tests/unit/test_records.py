"""Records under ``[sora2] state_path``: where each is kept, that it is whole, and that only one process makes it."""

from __future__ import annotations

import dataclasses
import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sora2_provider.exceptions import Sora2Error
from sora2_provider.submission.record import Record, UnreadableRecord
from sora2_provider.submission.record_names import record_name
from sora2_provider.submission.records import TaskRecords
from sora2_provider.submission.stores import RecordUnavailable, StorageRecords, TaskStateRecords, store_of
from tests.exact_errors import raises_exactly
from tests.unit.durable import create, failing

INTENT = Record("digest", "sora2_default", epoch=1, intent_at=1_700_000_000.0, token="t")
ACCEPTED = dataclasses.replace(INTENT, video_id="video_1")


@pytest.fixture
def state_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(folder))
    return folder


def store(tmp_path: Path) -> StorageRecords:
    return StorageRecords(str(tmp_path), "dag/run/create-0123.json")


def test_a_record_is_made_read_replaced_and_removed(tmp_path):
    records = store(tmp_path)
    assert records.read() is None
    records.create(INTENT)
    assert records.read() == INTENT
    records.write(ACCEPTED)
    assert store(tmp_path).read() == ACCEPTED
    records.remove()
    assert records.read() is None
    records.remove()
    assert list(tmp_path.rglob("*.part")) == []


def test_a_record_behind_one_that_another_process_has_just_removed_is_found(tmp_path):
    first = store(tmp_path)
    first.create(INTENT)
    first.numbered(3).create(ACCEPTED)
    assert dict(TaskRecords(first).all()) == {1: INTENT, 3: ACCEPTED}


@pytest.mark.parametrize("has_links", [True, False])
def test_only_one_of_many_processes_makes_the_record(tmp_path, monkeypatch, has_links):
    if not has_links:
        monkeypatch.setattr(os, "link", failing(PermissionError(1, "Operation not permitted")))
    made, refused = [], []
    gate = threading.Barrier(8)

    def make(number: int) -> None:
        gate.wait()
        created = store(tmp_path).create(dataclasses.replace(INTENT, token=str(number)))
        (made if created else refused).append(str(number))

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (len(made), len(refused)) == (1, 7)
    assert store(tmp_path).read().token == made[0]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"version": 7}'])
def test_a_damaged_file_is_never_taken_for_none(tmp_path, content):
    store(tmp_path).create(INTENT)
    next(tmp_path.rglob("*.json")).write_bytes(content)
    with pytest.raises(UnreadableRecord):
        store(tmp_path).read()


def test_a_storage_that_fails_is_never_taken_for_an_empty_one(tmp_path):
    (tmp_path / "dag").write_text("a file where a folder should be")
    for act in (StorageRecords.read, lambda records: records.create(INTENT)):
        with pytest.raises(RecordUnavailable):
            act(store(tmp_path))


def ti(**other: Any) -> Any:
    return SimpleNamespace(**{"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1, "max_tries": 0, **other})


def name(run: Any = None, **other: Any) -> str:
    return record_name({"ti": ti(**other), "dag_run": run})


def test_each_task_instance_has_a_file_of_its_own():
    names = [
        name(),
        name(dag_id="d2"),
        name(run_id="r2"),
        name(task_id="t2"),
        name(map_index=0),
        name(map_index=1),
        name(task_id="t/../x"),
        name(task_id="t_.._x"),
    ]
    assert len(set(names)) == len(names)
    assert all(len(one.split("/")) == 3 and ".." not in one.split("/") for one in names)


def test_the_name_says_whose_record_it_is_and_is_the_same_in_all_tries():
    assert name(dag_id="films", run_id="manual__2026-11-22T10:00:00+00:00", task_id="make", map_index=3).startswith(
        "films/manual__2026-11-22T10_00_00_00_00/make-3-"
    )
    assert name(SimpleNamespace(id=1)) == name(SimpleNamespace(run_after="2026-01-01"), try_number=3) == name()


def test_the_option_comes_before_the_task_state_store(durable_context, context, monkeypatch, tmp_path):
    assert isinstance(store_of(durable_context), TaskStateRecords)
    assert store_of(context) is None
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path))
    assert isinstance(store_of(durable_context), StorageRecords)


def test_a_retry_finds_its_video_under_the_path(gateway, context, ti, state_path, logged):
    first = create().execute(context)
    ti.xcoms.clear()
    assert create().execute(context) == first
    assert len(gateway.billed) == 1
    assert "can pay twice" not in logged()
    ti.max_tries += 1
    assert create().execute(context) != first


def test_a_second_process_that_finds_the_intent_of_a_first_sends_nothing(gateway, context, state_path, monkeypatch):
    """Both have seen that there is no record; the file system lets one of them make it."""
    create().execute(context)
    real, seen = StorageRecords.read, [None]
    monkeypatch.setattr(StorageRecords, "read", lambda self: seen.pop() if seen else real(self))
    with raises_exactly(Sora2Error, match="Another process of this task instance"):
        create().execute(context)
    assert create().execute(context) == gateway.billed[0].id
    assert len(gateway.billed) == 1


@pytest.mark.parametrize("path", ["relative/folder", "nosuchscheme://x/y"])
def test_a_path_that_cannot_be_used_is_said_before_anything_is_paid(gateway, context, monkeypatch, path):
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", path)
    with raises_exactly(Sora2Error, match=r"state_path.*Nothing was sent"):
        create().execute(context)
    assert gateway.requests == ()
