"""The count of creates: it reaches the cap and never exceeds it, whoever increments at once and whatever the storage repeats."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any

import pytest

from sora2_provider.spending import counter as module
from sora2_provider.spending.counter import CounterUnavailable, CreateCounter
from sora2_provider.storage import Target
from tests.counter_processes import increment_at_once


def entry(name: Any) -> dict[str, Any]:
    return {"token": str(name)}


def add(folder: Path, cap: int, times: int, name: str = "") -> list[int | None]:
    """Increment so many times, each time with a counter that knows nothing yet."""
    return [CreateCounter(str(folder)).increment(cap, entry(f"{name}{n}")) for n in range(times)]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []

    class Watched(Target):
        def small_content(self) -> bytes | None:
            made.append(f"look {self.uri[-11:-5]}")
            return super().small_content()

        def create(self, content: bytes) -> None:
            made.append(f"add {self.uri[-11:-5]}")
            super().create(content)

    monkeypatch.setattr(module, "Target", Watched)
    return made


def test_creates_are_counted_one_after_the_other_until_the_cap(tmp_path):
    assert add(tmp_path, 3, 5) == [0, 1, 2, None, None]
    assert CreateCounter(str(tmp_path)).used(3) == 3
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"claim-00000{n}.json" for n in range(3)], "the names that earlier releases count"


def test_a_refund_makes_room_for_one_increment(tmp_path):
    add(tmp_path, 3, 3)
    CreateCounter(str(tmp_path)).refund(entry(1))
    assert (tmp_path / "return-000000.json").exists(), "the name that earlier releases count"
    assert CreateCounter(str(tmp_path)).used(3) == 2
    assert add(tmp_path, 3, 2, "again") == [3, None]


@pytest.mark.parametrize("caps", [(5, 3), (3, 5)])
def test_a_changed_cap_applies_to_the_hour_that_runs(tmp_path, caps):
    before, after = caps
    assert add(tmp_path, before, before) == list(range(before))
    assert sum(one is not None for one in add(tmp_path, after, 5, "after")) == max(0, after - before)
    assert CreateCounter(str(tmp_path)).used(after) == max(caps)


def test_thousands_of_creates_are_counted_in_a_few_requests(tmp_path, looks):
    for n in range(3000):
        (tmp_path / f"claim-{n:06}.json").write_text("{}")
    assert add(tmp_path, 4000, 1) == [3000]
    assert len(looks) <= 14
    looks.clear()
    assert add(tmp_path, 3001, 1, "refused") == [None]
    assert looks == ["look 003000", "look 003001", "look 000000"]


def test_the_next_increment_of_the_same_process_needs_one_look(tmp_path, looks):
    counter = CreateCounter(str(tmp_path))
    counter.increment(4000, entry(0))
    looks.clear()
    assert counter.increment(4000, entry(1)) == 1
    assert looks == ["look 000001", "add 000001"]


@pytest.mark.parametrize("count", range(40))
@pytest.mark.parametrize("cap", [1, 2, 7, 20, 1000])
def test_the_length_is_found_whatever_is_guessed(tmp_path, count, cap):
    for n in range(count):
        (tmp_path / f"claim-{n:06}.json").write_text("{}")
    counter = CreateCounter(str(tmp_path))
    assert counter.used(cap) == counter.used(cap) == count


def test_a_process_that_was_overtaken_counts_behind_the_others(tmp_path, monkeypatch):
    create = Target.create
    overtaking = [entry(n) for n in range(4)]

    def overtaken(self: Target, content: bytes) -> None:
        if overtaking:
            create(self, b'{"token": "faster"}')
            overtaking.pop()
        create(self, content)

    monkeypatch.setattr(Target, "create", overtaken)
    assert add(tmp_path, 5, 2) == [4, None]


@pytest.mark.parametrize("log", ["claim", "return"])
def test_a_request_that_the_storage_was_sent_twice_counts_once(tmp_path, monkeypatch, log):
    """A storage's client repeats a request whose answer was lost, and then learns that the file exists."""
    create = Target.create

    def twice(self: Target, content: bytes) -> None:
        create(self, content)
        if f"{log}-" in self.uri:
            create(self, content)

    monkeypatch.setattr(Target, "create", twice)
    counter = CreateCounter(str(tmp_path))
    assert counter.increment(1, entry("first")) == 0
    counter.refund(entry("first"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["claim-000000.json", "return-000000.json"]
    assert [counter.increment(1, entry(n)) for n in range(2)] == [1, None]


def test_a_storage_that_is_away_is_never_taken_for_an_empty_one(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CounterUnavailable, match="file/claim-"):
        add(tmp_path / "file", 3, 1)
    monkeypatch.setattr(Target, "small_content", lambda _: (_ for _ in ()).throw(PermissionError("no")))
    for act in (lambda one: one.increment(3, entry(1)), lambda one: one.used(3), lambda one: one.refund(entry(1))):
        with pytest.raises(CounterUnavailable, match="PermissionError: no"):
            act(CreateCounter(str(tmp_path)))


def test_threads_that_increment_and_refund_never_exceed_the_cap(tmp_path):
    cap, held, most, guard = 5, set(), [], threading.Lock()
    gate = threading.Barrier(8)

    def work(seed: int) -> None:
        chance = random.Random(seed)
        gate.wait()
        for n in range(20):
            mine, counter = entry(f"{seed}.{n}"), CreateCounter(str(tmp_path))
            if counter.increment(cap, mine) is None:
                continue
            with guard:
                held.add(mine["token"])
                most.append(len(held))
            if chance.random() < 0.8:
                with guard:
                    held.discard(mine["token"])
                counter.refund(mine)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert max(most) == cap
    assert len(held) == CreateCounter(str(tmp_path)).used(cap) == cap
    numbers = sorted(int(path.stem[-6:]) for path in tmp_path.glob("claim-*"))
    assert numbers == list(range(len(numbers))), "no gaps"


def test_processes_that_increment_at_once_reach_the_cap_and_never_exceed_it(tmp_path):
    assert increment_at_once(str(tmp_path / "hour"), cap=60, processes=8) == list(range(60))
    assert len(list((tmp_path / "hour").iterdir())) == 60, "nothing else is left"
