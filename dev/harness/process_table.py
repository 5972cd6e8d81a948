"""Looks at the processes of this machine: who descends from whom, and who listens where. Linux only."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

HAS_PROC = Path("/proc/self/stat").exists()

_LISTENS = "0A"
_IPV4_LOOPBACK = "0100007F"


@dataclass(frozen=True, order=True)
class Process:
    """One process. Its start tells it from a later one with the same id."""

    started: int
    """In clock ticks since the machine was started."""
    pid: int

    @property
    def is_alive(self) -> bool:
        """Whether it runs; a zombie does not."""
        return any(process == self for _, process in _living([self.pid]))

    @property
    def command(self) -> tuple[str, ...]:
        """Its command line, empty when it has ended."""
        try:
            return tuple(Path(f"/proc/{self.pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0"))
        except OSError:
            return ()


def sort_by_start(processes: Iterable[Process]) -> list[Process]:
    """Return processes oldest first; of two that were started in the same moment, parents come first."""
    return sorted(processes)


def descendants(pid: int) -> set[Process]:
    """Return the living processes below one, however deep."""
    children: dict[int, set[Process]] = {}
    for parent, process in _living(_all_pids()):
        children.setdefault(parent, set()).add(process)
    found: set[Process] = set()
    unseen = [pid]
    while unseen:
        below = children.get(unseen.pop(), set())
        found |= below
        unseen += [process.pid for process in below]
    return found


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and of all below it, those that have ended and were waited for included."""
    ticks = 0
    for each in (pid, *(process.pid for process in descendants(pid))):
        with suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text(errors="replace").rpartition(")")[2].split()
            # user, system, and the same of children that were waited for
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def machine_cpu_seconds() -> float:
    """Return the processor time that all processors of the machine have spent on anything since it was started."""
    user, nice, system, _idle, _waiting, *interrupts = map(int, Path("/proc/stat").read_text().split(maxsplit=8)[1:8])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def processes_of_home(home: Path) -> list[int]:
    """Return the processes that were started with this AIRFLOW_HOME, whoever their parent is by now.

    A process that has set its own title may have overwritten what this reads: look at `descendants` too.
    """
    marker = f"AIRFLOW_HOME={home}".encode()
    found = []
    for pid in _all_pids():
        with suppress(OSError):
            if marker in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(pid)
    return found


def listening_addresses(processes: Iterable[Process]) -> set[tuple[str, int]]:
    """Return the addresses on which any of the processes listens; an unusual one as the kernel writes it, in hex."""
    inodes = set()
    for process in processes:
        with suppress(OSError):
            for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
                with suppress(OSError):
                    target = str(descriptor.readlink())
                    if target.startswith("socket:["):
                        inodes.add(target.removeprefix("socket:[").rstrip("]"))
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for row in Path(table).read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == _LISTENS and fields[9] in inodes:
                address, port = fields[1].split(":")
                found.add(("127.0.0.1" if address == _IPV4_LOOPBACK else address, int(port, 16)))
    return found


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _living(pids: Iterable[int]) -> Iterator[tuple[int, Process]]:
    """Yield (parent's id, process) of those that run."""
    for pid in pids:
        with suppress(OSError):
            # The name in parentheses may itself hold spaces and parentheses.
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] not in {"Z", "X"}:
                yield int(fields[1]), Process(int(fields[19]), pid)
