"""What the processes of a test listen on, cost, and leave running."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

import psutil
from psutil import Process

from dev.harness.processes import descendants, living


def processes_of_home(home: Path) -> set[Process]:
    """Return the processes that were started with this AIRFLOW_HOME, whoever their parent is by now.

    A process that has set its own title may have overwritten what this reads: look at `descendants` too.
    """
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("AIRFLOW_HOME") == str(home):
                found.add(process)
    return living(found)


def listening_addresses(processes: Iterable[Process]) -> set[tuple[str, int]]:
    """Return the addresses on which any of the processes listens for TCP."""
    found = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            connections = process.net_connections(kind="tcp")
            found |= {(each.laddr.ip, each.laddr.port) for each in connections if each.status == psutil.CONN_LISTEN}
    return found


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and of all below it, those that have ended and were waited for included."""
    total = 0.0
    for process in (Process(pid), *descendants(pid)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total
