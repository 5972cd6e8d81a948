"""Records that an earlier release, an earlier Airflow or an earlier configuration has left in another place."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sora2_provider.submission import stores
from sora2_provider.submission.record import Record, UnreadableRecord
from sora2_provider.submission.record_names import earlier_name, record_name
from sora2_provider.submission.stores import RecordUnavailable, StorageRecords, TaskStateRecords, store_of
from tests.unit.durable import create

FOUND = Record("digest", "sora2_default", epoch=2, intent_at=1_700_000_000.0, token="t", video_id="video_1")
AIRFLOW_2 = SimpleNamespace(id=4711)
AIRFLOW_3 = SimpleNamespace(run_after="2026-11-01 00:00:00+00:00")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path))
    return tmp_path


def context(run: Any = AIRFLOW_3, *, try_number: int = 2, **task: Any) -> Any:
    names = {"dag_id": "d", "run_id": "scheduled__2026-11-01", "task_id": "make", "map_index": -1, "max_tries": 2}
    return {"ti": SimpleNamespace(**{**names, **task, "try_number": try_number}), "dag_run": run}


def leave(folder: Path, name: str, record: Record = FOUND) -> Path:
    StorageRecords(str(folder), name).create(record)
    return folder / name


def files(folder: Path) -> list[Path]:
    return list(folder.rglob("*.json"))


#: The map index, and the name of the file: now, and that of 0.1.0 on Airflow 2 and on Airflow 3.
NAMES = [
    (-1, "make-229e80745cbf520e6f4ceb59.json", "make-eaa4b2ebda4cea165c30.json", "make-a20033be0cba19ac57ee.json"),
    (0, "make-0-d60123bc2925c4dd6c2d80c3.json", "make-0-2fa6363b39f7e0f61a8d.json", "make-0-c992d188f15a833c213e.json"),
    (3, "make-3-5baa4c6d65a8f7e3af1b3b24.json", "make-3-1ab5ed268a18457974bb.json", "make-3-c5094fcab778206462c8.json"),
    (None, "make-7353a31a4197144c7950e227.json", "make-dd1226bb76dc9434ff70.json", "make-bb53924287b7783f112d.json"),
]


@pytest.mark.parametrize(("map_index", "now", "on_airflow_2", "on_airflow_3"), NAMES)
def test_a_task_instance_has_the_same_file_for_ever(map_index, now, on_airflow_2, on_airflow_3):
    run_folder = "d/scheduled__2026-11-01/"
    assert record_name(context(map_index=map_index)) == run_folder + now
    for run, name in ((AIRFLOW_2, on_airflow_2), (AIRFLOW_3, on_airflow_3)):
        assert earlier_name(context(run, map_index=map_index)) == run_folder + name


@pytest.mark.parametrize("try_number", [1, 2])
@pytest.mark.parametrize("run", [AIRFLOW_2, AIRFLOW_3], ids=["Airflow 2", "Airflow 3"])
def test_a_record_under_the_name_of_0_1_0_is_taken_over(folder, run, try_number):
    now = context(run, try_number=try_number)
    leave(folder, earlier_name(now))
    assert store_of(now).read() == FOUND
    assert files(folder) == [folder / record_name(now)]
    assert store_of(now).read() == FOUND


@pytest.mark.parametrize("task", [{}, {"map_index": 3}, {"task_id": "make-3"}, {"task_id": "a" * 90}])
def test_a_record_of_a_run_that_airflow_2_began_is_found_on_airflow_3(folder, task):
    leave(folder, earlier_name(context(AIRFLOW_2, **task)))
    now = context(**task)
    assert store_of(now).read() == FOUND
    assert files(folder) == [folder / record_name(now)]


@pytest.mark.parametrize(
    ("left", "reads"),
    [
        ({"task_id": "make-3"}, {"map_index": 3}),
        ({"map_index": 3}, {"task_id": "make-3"}),
        ({"task_id": "a" * 81}, {"task_id": "a" * 82}),
        ({"run_id": "scheduled:_2026-11-01"}, {}),
        ({"map_index": 1}, {"map_index": 11}),
    ],
)
def test_the_record_of_another_task_instance_with_a_name_alike_is_left_alone(folder, monkeypatch, left, reads):
    monkeypatch.setattr("sora2_provider.submission.record_names._RUN_NUMBERS", 10_000)
    file = leave(folder, earlier_name(context(AIRFLOW_2, **left)))
    assert store_of(context(**reads)).read() is None
    assert files(folder) == [file]


def test_of_several_runs_that_had_the_run_id_on_airflow_2_the_last_one_counts(folder):
    for number in (9, 4711, 30):
        name = earlier_name(context(SimpleNamespace(id=number)))
        leave(folder, name, dataclasses.replace(FOUND, video_id=f"video_{number}"))
    assert store_of(context()).read().video_id == "video_4711"


def test_a_record_in_the_task_state_store_moves_to_the_path_that_was_set_meanwhile(folder, state):
    now = {**context(), "task_state_store": state}
    for number in (1, 2):
        record = dataclasses.replace(FOUND, video_id=f"video_{number}")
        TaskStateRecords(state).numbered(number).create(record)
        assert store_of(now).numbered(number).read() == record
    assert state.values == {}
    assert len(files(folder)) == 2


def test_a_retry_takes_up_the_video_of_the_task_state_store(gateway, durable_context, ti, state, monkeypatch, folder):
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", "")
    made = create().execute(durable_context)
    monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(folder))
    assert create().execute(durable_context) == made
    assert len(gateway.billed) == 1


def test_a_first_try_asks_only_for_its_own_two_names(folder, monkeypatch):
    asked: list[str] = []
    read = stores.Target.content
    monkeypatch.setattr(stores.Target, "content", lambda self: asked.append(self.uri) or read(self))
    monkeypatch.setattr(stores, "files_in", lambda uri: asked.append(uri) or [])
    first = {**context(try_number=1), "task_state_store": None}
    assert store_of(first).read() is None
    assert [uri.partition(str(folder))[2][1:] for uri in asked] == [record_name(first), earlier_name(first)]


def test_what_a_process_left_that_was_killed_while_it_moved_a_record_is_not_taken_for_one_later(folder, monkeypatch):
    now = context()
    old = leave(folder, earlier_name(context(AIRFLOW_2)))
    with monkeypatch.context() as killed:
        killed.setattr(StorageRecords, "remove", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store_of(now).read()
    assert len(files(folder)) == 2
    delivered = dataclasses.replace(FOUND, delivered_at=1.0)
    store_of(now).write(delivered)
    assert store_of(now).read() == delivered
    store_of(now).remove()
    assert store_of(now).read() is None
    assert not old.exists()


def test_an_old_record_that_cannot_be_moved_is_not_taken_for_none(folder, monkeypatch):
    leave(folder, earlier_name(context()))
    monkeypatch.setattr(stores.Target, "create", lambda *_: (_ for _ in ()).throw(PermissionError("read-only")))
    with pytest.raises(RecordUnavailable, match="read-only"):
        store_of(context()).read()


def test_a_folder_that_cannot_be_listed_is_not_taken_for_an_empty_one(monkeypatch):
    monkeypatch.setattr(stores, "files_in", lambda _: (_ for _ in ()).throw(PermissionError("no list")))
    with pytest.raises(RecordUnavailable, match="no list"):
        store_of(context()).read()


def test_an_old_record_that_cannot_be_read_is_named_and_left_where_it_is(folder):
    file = leave(folder, earlier_name(context()))
    file.write_text(json.dumps({"version": 99}))
    with pytest.raises(UnreadableRecord, match=f"{file.name}.*a newer release"):
        store_of(context()).read()
    assert files(folder) == [file]


def test_the_record_of_0_1_0_is_the_first_create_s_alone(folder):
    left = leave(folder, earlier_name(context(AIRFLOW_2)))
    assert store_of(context()).numbered(2).read() is None
    assert files(folder) == [left]


def test_on_airflow_2_the_record_of_a_deleted_run_of_the_same_name_is_left_alone(folder):
    left = leave(folder, earlier_name(context(SimpleNamespace(id=4710))))
    assert store_of(context(AIRFLOW_2)).read() is None
    assert files(folder) == [left]


def test_a_name_without_a_letter_still_gives_a_folder_and_a_file():
    assert record_name(context(dag_id="..", run_id="猫", task_id="...")).startswith("_/_/_-")


def test_of_two_processes_that_move_a_record_the_slower_one_goes_by_what_the_faster_one_has_made_of_it(
    folder, monkeypatch
):
    now = context()
    leave(folder, earlier_name(now))
    delivered = dataclasses.replace(FOUND, delivered_at=1_700_000_100.0)
    create_here = StorageRecords.create

    def overtaken(self: StorageRecords, record: Record) -> bool:
        assert create_here(self, delivered)
        return create_here(self, record)

    monkeypatch.setattr(StorageRecords, "create", overtaken)
    assert store_of(now).read() == delivered
