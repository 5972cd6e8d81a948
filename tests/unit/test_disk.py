"""Files on a disk: whole or not at all, made by one process only, and still there after the power has failed."""

from __future__ import annotations

import dataclasses
import errno
import itertools
import os
import stat
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sora2_provider import disk, storage
from sora2_provider.submission.record import Record
from sora2_provider.submission.stores import RecordUnavailable, StorageRecords
from tests.unit.durable import failing

INTENT = Record("digest", "sora2_default", epoch=1, intent_at=1_700_000_000.0, token="t")
ACCEPTED = dataclasses.replace(INTENT, video_id="video_1")
NAME = "dag/run/create-0123.json"


def store(folder: Path) -> StorageRecords:
    return StorageRecords(str(folder), NAME)


def without_links(monkeypatch: pytest.MonkeyPatch, number: int = errno.EPERM) -> None:
    monkeypatch.setattr(os, "link", failing(OSError(number, os.strerror(number))))


class Disk:
    """What a disk holds when its power fails: of files and of folders what was synced of each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._files: dict[int, bytes] = {}
        self._folders: dict[int, dict[str, int]] = {}
        self._root = folder
        self._sync = os.fsync
        monkeypatch.setattr(os, "fsync", self.fsync)
        self._keep(folder)

    def fsync(self, descriptor: int) -> None:
        self._sync(descriptor)
        self._keep(Path(f"/proc/self/fd/{descriptor}").resolve())

    def _keep(self, path: Path) -> None:
        inode = path.stat().st_ino
        if path.is_dir():
            self._folders[inode] = {one.name: one.stat().st_ino for one in path.iterdir()}
        else:
            self._files[inode] = path.read_bytes()

    def content(self, name: str) -> bytes | None:
        inode = self._root.stat().st_ino
        for step in name.split("/"):
            inode = self._folders.get(inode, {}).get(step, 0)
        return self._files.get(inode)


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc which file was synced")
@pytest.mark.parametrize("has_links", [True, False])
def test_a_record_that_is_written_is_there_after_the_power_has_failed(tmp_path, monkeypatch, has_links):
    if not has_links:
        without_links(monkeypatch)
    kept = Disk(monkeypatch, tmp_path)
    store(tmp_path).create(INTENT)
    assert kept.content(NAME) == (tmp_path / NAME).read_bytes() != b""
    store(tmp_path).write(ACCEPTED)
    assert kept.content(NAME) == (tmp_path / NAME).read_bytes()
    assert store(tmp_path).read() == ACCEPTED


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EACCES, errno.ENOTSUP])
def test_a_folder_that_cannot_be_synced_is_used_all_the_same(tmp_path, monkeypatch, number):
    sync = os.fsync

    def only_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)
    assert store(tmp_path).create(INTENT)
    store(tmp_path).write(ACCEPTED)
    assert store(tmp_path).read() == ACCEPTED


def test_a_disk_that_breaks_is_told_of(tmp_path, monkeypatch):
    store(tmp_path).create(INTENT)
    monkeypatch.setattr(os, "fsync", failing(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(RecordUnavailable, match="Input/output error"):
        store(tmp_path).write(ACCEPTED)
    assert [one.name for one in (tmp_path / NAME).parent.iterdir()] == ["create-0123.json"]


def killed_at(line: int, act: Callable[[], Any]) -> bool:
    """Do something in a process that is killed at the n-th line of ``disk.py``; ``False``: it had fewer."""
    process = os.fork()
    if process == 0:
        left = line

        def trace(frame: Any, event: str, _: Any) -> Any:
            nonlocal left
            if frame.f_code.co_filename != disk.__file__:
                return None
            if event == "line":
                left -= 1
                if left < 0:
                    os._exit(9)
            return trace

        sys.settrace(trace)
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 9


@pytest.mark.parametrize("has_links", [True, False])
def test_a_process_that_is_killed_while_it_makes_a_record_blocks_no_later_try(tmp_path, monkeypatch, has_links):
    if not has_links:
        without_links(monkeypatch)
    states = set()
    for line in itertools.count():
        folder = tmp_path / str(line)
        if not killed_at(line, partial(store(folder).create, INTENT)):
            break
        for claim in folder.rglob("*.claim"):
            os.utime(claim, (0, 0))
        found = store(folder).read()
        states.add(found)
        assert store(folder).create(dataclasses.replace(INTENT, token="later")) is (found is None)
        assert store(folder).read().token == ("later" if found is None else "t")
    assert states == {None, INTENT}


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK])
def test_without_links_a_record_that_another_process_is_just_making_is_left_to_it(tmp_path, monkeypatch, number):
    without_links(monkeypatch, number)
    monkeypatch.setattr(storage, "_PAUSES", ())
    replace = os.replace
    others: list[Any] = []

    def slow(*paths: Any) -> None:
        # Another try comes while this one has not finished.
        if not others:
            with pytest.raises(RecordUnavailable, match="another process") as caught:
                store(tmp_path).create(ACCEPTED)
            others.append(caught)
        replace(*paths)

    monkeypatch.setattr(os, "replace", slow)
    assert store(tmp_path).create(INTENT)
    assert others
    assert store(tmp_path).read() == INTENT
    assert not store(tmp_path).create(ACCEPTED)
    assert [one.name for one in (tmp_path / NAME).parent.iterdir()] == ["create-0123.json"]


def test_without_links_a_claim_that_was_taken_over_makes_no_record(tmp_path, monkeypatch):
    """A process that slept for longer than a claim lives has lost it."""
    without_links(monkeypatch)
    monkeypatch.setattr(storage, "_PAUSES", ())
    exists = Path.exists

    def sleeps(path: Path, **options: Any) -> bool:
        for claim in tmp_path.rglob("*.claim"):
            claim.write_bytes(b"another's")
        return exists(path, **options)

    monkeypatch.setattr(Path, "exists", sleeps)
    with pytest.raises(RecordUnavailable, match="another process"):
        store(tmp_path).create(INTENT)
    assert store(tmp_path).read() is None
    assert [one.read_bytes() for one in tmp_path.rglob("*.claim")] == [b"another's"]


def test_without_links_a_fresh_claim_is_not_mistaken_for_the_old_one_before_it(tmp_path, monkeypatch):
    without_links(monkeypatch)
    monkeypatch.setattr(storage, "_PAUSES", ())
    claim = tmp_path / "dag/run/.create-0123.json.claim"
    claim.parent.mkdir(parents=True)
    claim.write_bytes(b"of a process that was killed")
    os.utime(claim, (0, 0))
    rename = os.rename

    def another_was_faster(source: Any, target: Any) -> None:
        claim.write_bytes(b"fresh")
        rename(source, target)

    monkeypatch.setattr(os, "rename", another_was_faster)
    with pytest.raises(RecordUnavailable, match="another process"):
        store(tmp_path).create(INTENT)
    assert store(tmp_path).read() is None
